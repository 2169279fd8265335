//! What failed in a group, from its end until somebody has received it.

use super::cut::{State, Whole};
use crate::error::unhandled;
use crate::error::{ChildFailure, CutShort, Failure, GroupError, OneByOne};
use crate::group::cell::{Failed, Members};
use crate::group::engine::body::BodyFailure;
use crate::group::engine::core::Core;
use crate::group::engine::told::tell;
use crate::group::sched::Sched;
use crate::group::sched::left::{Given, Lack, Left};
use crate::group::sched::policy::OnPanic;
use crate::panic::Panic;
use crate::token::{CancelKind, CancelReason};

/// All failures of a group that is over, in their order. Each one that is still in here when this is dropped goes to the
/// unhandled hook.
pub(crate) struct Failures<'a, E> {
    members: &'a Members<E>,
    children: Vec<Failed>,
    given: Option<Given>,
    /// Children that were cancelled alone and are needed, and how many had failed before.
    lacks: Vec<(usize, Lack)>,
    body: Option<BodyFailure<E>>,
    on_panic: OnPanic,
}

impl<'a, E> Failures<'a, E> {
    pub(in crate::group) fn of(
        members: &'a Members<E>,
        left: Left,
        body: Option<BodyFailure<E>>,
    ) -> Self {
        let trouble = left.trouble();
        Self {
            members,
            children: trouble.failures,
            given: trouble.given,
            lacks: trouble.lacks,
            body,
            on_panic: members.core().policy().on_panic,
        }
    }

    /// Resumes the first panic there is, if the group does so. Then everything else goes to the unhandled hook, and `value`,
    /// which the group would have given, is dropped.
    pub(crate) fn resume_panic<T>(mut self, value: T) -> (Self, T) {
        if let Some(panic) = self.take_panic() {
            drop(self);
            drop_unwanted(value);
            panic.resume();
        }
        (self, value)
    }

    fn take_panic(&mut self) -> Option<Panic> {
        if self.on_panic == OnPanic::Collect {
            return None;
        }
        let child = self.children.iter().position(Failed::is_panic);
        let body = self.body.as_ref().filter(|body| body.is_panic());
        match (child, body) {
            (Some(child), None) => self.children.remove(child).into_panic(),
            (Some(child), Some(body)) if child < body.position => {
                self.children.remove(child).into_panic()
            }
            (_, Some(_)) => self.body.take()?.into_panic(),
            (None, None) => None,
        }
    }

    /// Goes on with the panic of the body, whatever the group does with panics: where the body panicked, there is nothing
    /// else to give.
    pub(crate) fn resume_body(mut self) -> Self {
        if let Some(panic) = self.body.take().and_then(BodyFailure::into_panic) {
            drop(self);
            panic.resume();
        }
        self
    }

    /// Panics if somebody who left the group before went on with a panic of a child.
    pub(in crate::group) fn panic_again(mut self) {
        if let Some(given) = self.given.take().filter(|given| given.resumed) {
            drop(self);
            panic!("a child of this group had panicked: {}", given.reason);
        }
    }

    /// What a scope gives that cannot fail, but can be cut short. Failures that are no body's have no place in it: they go
    /// to the unhandled hook.
    pub(crate) fn into_value_or_cut<T>(self, value: Option<T>) -> Result<T, CutShort> {
        let core = self.members.core();
        let cancelled = core.cancelled();
        let reason = match (&value, cancelled) {
            (Some(_), Some(reason)) if fails_alone(core, &reason) => reason,
            (None, reason) => reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit)),
            (Some(_), _) => return Ok(value.expect("it was there a moment ago")),
        };
        if let Some(value) = value {
            drop_unwanted(value);
        }
        Err(CutShort {
            group: core.name().cloned(),
            reason: tell(reason),
        })
    }

    /// All of them in one error, or the value if there are none.
    ///
    /// A group whose children were abandoned has failed, even if nothing else went wrong: it did not do its work. So has
    /// one whose body was dropped without a value, because the group was cancelled.
    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, GroupError<E>> {
        self.into_output::<Whole, T>(value)
    }

    /// [`into_result`](Self::into_result) for options that may move on: a value that is missing because the time was up is
    /// `None` then.
    pub(crate) fn into_output<C: State, T>(
        mut self,
        value: Option<T>,
    ) -> Result<C::Out<T>, GroupError<E>> {
        let core = self.members.core();
        let mut leaves: OneByOne<_> = std::mem::take(&mut self.children)
            .into_iter()
            .map(|failed| self.members.take(failed))
            .collect();
        if let Some(body) = self.body.take() {
            let position = body.position;
            if let Some(failure) = body.take() {
                leaves.insert(position, leaf(failure));
            }
        }
        for (position, lack) in std::mem::take(&mut self.lacks).into_iter().rev() {
            let failure = Failure::Cancelled(lack.reason);
            let child = lack.child;
            leaves.insert(position, ChildFailure { child, failure });
        }
        // Those who leave a group that has failed after somebody who was given the failures.
        if let Some(given) = self.given.take().filter(|_| leaves.is_empty()) {
            leaves.push(leaf(Failure::Cancelled(given.reason)));
        }
        let cancelled = core.cancelled();
        let is_late = |reason: &CancelReason| reason.kind() == CancelKind::Deadline;
        let value = match value.map(C::whole) {
            None if cancelled.as_ref().is_some_and(is_late) => C::cut(),
            value => value,
        };
        let fails_alone = || {
            let reason = cancelled.as_ref();
            reason.is_some_and(|reason| fails_alone(core, reason))
        };
        match value {
            Some(value) if leaves.is_empty() && !fails_alone() => return Ok(value),
            value => drop_unwanted(value),
        }
        let error = GroupError::of(core.name().cloned(), leaves, cancelled);
        Err(error.told_with(tell))
    }
}

/// Has a group that was cancelled for this reason failed, although nothing in it did? It has, if it did not do its work.
fn fails_alone(core: &Core, reason: &CancelReason) -> bool {
    match reason.kind() {
        CancelKind::Abandoned => true,
        CancelKind::Deadline => !core.is_silent() && core.read(Sched::was_cut_short),
        _ => false,
    }
}

/// Drops what the body gave, if it gave anything, of a group that has failed.
fn drop_unwanted<T>(value: T) {
    unhandled::drop_quietly("the value of a body whose group failed", value);
}

/// A failure that is no child's.
fn leaf<E>(failure: Failure<E>) -> ChildFailure<E> {
    ChildFailure {
        child: None,
        failure,
    }
}
