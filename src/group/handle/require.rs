//! `require`: a value or the end of what awaits it, with the errors of children, groups and starts taken into the group.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Scope;
use super::key::Key;
use super::output_policy::Fallible;
use crate::error::{
    ChildFailure, ChildInfo, Failure, GatherIncomplete, GroupError, KeyId, StartError,
};
use crate::group::cell::{CellOptions, Claiming, NewCell};
use crate::group::engine::core::Core;
use crate::group::engine::kind::{Accepts, Kind, Shared};
use crate::group::engine::position::{Position, child_around, here};
use crate::group::engine::surroundings::{Lacking, NoValue};
use crate::group::engine::told;
use crate::group::sched::left::Lack;
use crate::shows::shows;
use crate::token::{CancelKind, CancelReason};

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// The value of a result, or the end of what awaits it: an error becomes the group's.
    ///
    /// For code of the group, its body or a child, that cannot go on without the value. It takes the group's own error, the error of
    /// a group inside with the same error type, why a key has no result, and why a child did not start. So nothing has to be
    /// converted to go through `?`, and no leaf is lost.
    ///
    /// Where there is no value, the group fails with what there is instead, as if the child here had given it, or the body. The child
    /// or body that awaits this is dropped at this suspension, also inside of a [`shield`](crate::shield). What was a failure of this
    /// group before, such as that of the child behind a key, does not become one a second time.
    ///
    /// # Panics
    ///
    /// When it is first polled, if the code that does so is neither the group's body nor in a child of it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, it has no effect, and the error is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupError, block_on, try_scope};
    ///
    /// async fn pages() -> Result<Vec<u32>, GroupError<String>> {
    ///     try_scope(|tg| async move {
    ///         tg.try_spawn(async { Err::<(), _>("the first is torn".to_owned()) });
    ///         Ok(vec![1])
    ///     })
    ///     .await
    /// }
    ///
    /// let error: GroupError<String> = block_on(try_scope(|tg| async move {
    ///     let pages = tg.require(pages().await).await; // Vec<u32>
    ///     let count: Result<usize, String> = Ok(pages.len());
    ///     Ok(tg.require(count).await)
    /// }))
    /// .unwrap_err();
    /// assert_eq!(error.first().to_string(), "the first is torn");
    /// ```
    #[track_caller]
    pub fn require<T, X, M>(&self, result: Result<T, X>) -> Require<'env, T, E, K>
    where
        X: Cause<E, M>,
        E: 'env,
        K: Accepts<E>,
    {
        Require {
            scope: self.clone(),
            location: Location::caller(),
            state: match result {
                Ok(value) => State::Given(value),
                Err(cause) => State::Failed(cause.into_missing(), Self::fail),
            },
        }
    }

    /// The group fails with this, as if the code here had given it.
    fn fail(&self, missing: Missing<E>, location: &'static Location<'static>) -> Lack
    where
        E: 'env,
        K: Accepts<E>,
    {
        let child = child_around(self.core()).map(|child| child.info());
        let reason = child.clone().map_or_else(
            || CancelReason::new(CancelKind::BodyFailed),
            CancelReason::sibling_failed,
        );
        let lack = Lack { child, reason };
        match missing {
            Missing::Known => {}
            Missing::Cancelled(reason) => {
                let child = lack.child.clone();
                lacks(self.core(), Lack { child, reason });
            }
            Missing::Error(error) => {
                // One that hands on the cancel of the code here is no failure.
                if let Ok(error) = told::hands_on(error) {
                    self.fail_with(lack.child.as_ref(), Failure::Error(error), location);
                }
            }
            Missing::Group(error) => {
                for ChildFailure { child, failure } in error {
                    self.fail_with(child.as_ref().or(lack.child.as_ref()), failure, location);
                }
            }
        }
        lack
    }

    /// One leaf, of a child that failed at once and never was in the group.
    fn fail_with(
        &self,
        child: Option<&ChildInfo>,
        failure: Failure<E>,
        location: &'static Location<'static>,
    ) where
        E: 'env,
        K: Accepts<E>,
    {
        let failed = match failure {
            Failure::Error(error) => Ok(error),
            Failure::Panicked(panic) => Err(panic),
            Failure::Cancelled(reason) => {
                let child = child.cloned();
                return lacks(self.core(), Lack { child, reason });
            }
        };
        let failing = async move {
            match failed {
                Ok(error) => Err::<(), E>(error),
                Err(panic) => panic.resume(),
            }
        };
        let options = CellOptions::default().name_if(child.and_then(|child| child.name.clone()));
        let location = child.map_or(location, ChildInfo::location);
        let fresh = NewCell::<_, Fallible>::new(options, location, failing);
        let number = match child.map(ChildInfo::id) {
            None => KeyId::BODY,
            Some(own) if own.group == self.core().id() => own.child,
            // It was a child of a group inside.
            Some(_) => self.core().with(|sched, _| sched.next_number()),
        };
        let (listed, queue, key) = fresh.publish_alone(&self.members, number);
        drop((listed, key));
        if let Claiming::Claimed(claimed) = queue.claim(false) {
            claimed.fail(self.on_thread());
        }
    }
}

impl<T> Key<T> {
    /// The child's value, or the end of what awaits it: [`Scope::require`] of what the key gives.
    ///
    /// For code of the group, its body or a child, that cannot go on without the value. Where the child failed or panicked, that is in
    /// the group's error already; where it was cancelled alone, the group lacks a value, and says so in its error. In each case the
    /// child or body that awaits this is dropped at this suspension, also inside of a [`shield`](crate::shield). It never waits in
    /// vain.
    ///
    /// # Panics
    ///
    /// When it is first polled, if the code that does so is neither the group's body nor in a child of it; and if the result was
    /// taken before.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, it has no effect but that of dropping the key.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, try_scope};
    ///
    /// let sum = |texts: [&'static str; 2]| block_on(try_scope(|tg| async move {
    ///     let keys = texts.map(|text| tg.try_spawn(async move { text.parse::<u32>() }));
    ///     let mut sum = 0;
    ///     for key in keys {
    ///         sum += key.value().await; // u32
    ///     }
    ///     Ok(sum)
    /// }));
    /// assert_eq!(sum(["1", "2"]).unwrap(), 3);
    /// assert_eq!(sum(["1", "two"]).unwrap_err().len(), 1);
    /// ```
    #[track_caller]
    pub fn value(self) -> KeyValue<T> {
        KeyValue {
            key: self,
            location: Location::caller(),
            is_first: true,
            no_value: None,
        }
    }
}

/// An error that [`Scope::require`] can take into a group whose children fail with `E`. `M`, which is inferred, tells the kinds apart.
#[diagnostic::on_unimplemented(
    message = "a group of `{E}` cannot take in `{Self}`",
    label = "not `{E}`, and not the error of a key, a start or a nested group of `{E}`",
    note = "convert it first: `tg.require(result.map_err(…))`"
)]
pub trait Cause<E, M> {
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "only this crate asks")]
    fn into_missing(self) -> Missing<E>;
}

/// What there is in place of a value.
pub(crate) enum Missing<E> {
    Error(E),
    Group(GroupError<E>),
    /// A child or a start was cancelled.
    Cancelled(CancelReason),
    /// What failed is the group's already.
    Known,
}

#[expect(private_interfaces, reason = "only this crate asks")]
impl<E> Cause<E, ()> for E {
    fn into_missing(self) -> Missing<E> {
        Missing::Error(self)
    }
}

#[expect(private_interfaces, reason = "only this crate asks")]
impl<E> Cause<E, GroupError<()>> for GroupError<E> {
    fn into_missing(self) -> Missing<E> {
        Missing::Group(self)
    }
}

#[expect(private_interfaces, reason = "only this crate asks")]
impl<E> Cause<E, Self> for GatherIncomplete {
    fn into_missing(self) -> Missing<E> {
        match self {
            Self::Failed | Self::Panicked => Missing::Known,
            Self::Cancelled(reason) => Missing::Cancelled(reason),
            Self::Running | Self::Waiting | Self::Taken | Self::UnknownKey => {
                Missing::Cancelled(CancelReason::no_value(self.to_string()))
            }
        }
    }
}

#[expect(private_interfaces, reason = "only this crate asks")]
impl<E> Cause<E, StartError<()>> for StartError<E> {
    fn into_missing(self) -> Missing<E> {
        match self {
            Self::Failed(error) => Missing::Error(error),
            Self::Refused(reason) | Self::Cancelled(reason) => Missing::Cancelled(reason),
            Self::NotStarted => Missing::Cancelled(CancelReason::no_value(
                "a child that was over before it had started".to_owned(),
            )),
        }
    }
}

/// The future of [`Scope::require`].
#[must_use = "an error becomes the group's only if this is awaited"]
pub struct Require<'env, T, E, K: Kind = Shared> {
    scope: Scope<'env, E, K>,
    location: &'static Location<'static>,
    state: State<'env, T, E, K>,
}

enum State<'env, T, E, K: Kind> {
    Given(T),
    Failed(Missing<E>, Fail<'env, E, K>),
    /// What awaits it is over.
    NoValue(Box<NoValue>),
    Gone,
}

type Fail<'env, E, K> = fn(&Scope<'env, E, K>, Missing<E>, &'static Location<'static>) -> Lack;

impl<T, E, K: Kind> Unpin for Require<'_, T, E, K> {}

impl<T, E, K: Kind> Future for Require<'_, T, E, K> {
    type Output = T;

    /// # Panics
    ///
    /// As [`Scope::require`] says, and if it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if !matches!(this.state, State::NoValue(_)) {
            asserts_inside(this.scope.core(), "require", this.location);
        }
        match std::mem::replace(&mut this.state, State::Gone) {
            State::Given(value) => return Poll::Ready(value),
            State::Failed(missing, fail) => {
                let lack = fail(&this.scope, missing, this.location);
                let no_value = lacking("require", this.location).ends_surroundings(lack);
                this.state = State::NoValue(no_value);
            }
            State::NoValue(mut no_value) => {
                no_value.poll(cx);
                this.state = State::NoValue(no_value);
            }
            State::Gone => panic!("`Require` polled after it was ready"),
        }
        Poll::Pending
    }
}

/// The future of [`Key::value`].
#[must_use = "the child's value is waited for only if this is awaited"]
#[derive(Debug)]
pub struct KeyValue<T> {
    key: Key<T>,
    location: &'static Location<'static>,
    is_first: bool,
    no_value: Option<Box<NoValue>>,
}

impl<T> Future for KeyValue<T> {
    type Output = T;

    /// # Panics
    ///
    /// As [`Key::value`] says.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if let Some(no_value) = &mut this.no_value {
            no_value.poll(cx);
            return Poll::Pending;
        }
        if std::mem::take(&mut this.is_first) {
            asserts_inside(this.key.cell().core(), "value", this.location);
        }
        let why = match ready!(Pin::new(&mut this.key).poll(cx)) {
            Ok(value) => return Poll::Ready(value),
            Err(why) => why,
        };
        let child = this.key.child();
        let (reason, is_lack) = match why {
            GatherIncomplete::Cancelled(reason) => (reason, true),
            GatherIncomplete::Failed | GatherIncomplete::Panicked => {
                (CancelReason::sibling_failed(child.clone()), false)
            }
            why => panic!("`value` at {} is in vain: {why}", this.location),
        };
        let child = Some(child);
        let lack = Lack { child, reason };
        if is_lack {
            lacks(this.key.cell().core(), lack.clone());
        }
        let no_value = lacking("value", this.location).ends_surroundings(lack);
        this.no_value = Some(no_value);
        Poll::Pending
    }
}

/// The group goes without what was cancelled alone. One that is cancelled itself has said why.
fn lacks(core: &Arc<Core>, lack: Lack) {
    core.with(|sched, effects| sched.lacks(lack, core.policy(), effects));
}

fn lacking(what: &'static str, location: &'static Location<'static>) -> Lacking {
    let cure = "await the key itself, or match on the result, where there may be none";
    Lacking {
        what,
        location,
        cure,
    }
}

fn asserts_inside(core: &Arc<Core>, what: &str, location: &'static Location<'static>) {
    let here = here();
    let mut around = here.iter().flat_map(Position::enclosing);
    let is_inside = around.any(|position| match position {
        Position::Child(child) => Arc::ptr_eq(child.core(), core),
        Position::Body(body) => Arc::ptr_eq(body, core),
        Position::Behind(_) => false,
    });
    assert!(
        is_inside,
        "`{what}` at {location} is awaited outside of its group: nothing here could end where there is no value"
    );
}

shows!([T, E, K: Kind] Require<'_, T, E, K>, this =>
    scope,
    location: format_args!("{}", this.location),
    ..
);
