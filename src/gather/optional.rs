//! Calls that are there for the sake of the others, and are cut short when those are over.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::site::lose_error;
use crate::error::CutShort;
use crate::error::unhandled::{drop_quietly, report_error};
use crate::group::engine::position::standing;
use crate::group::{Companion, GroupOptions, Inline, Origin, Scope};
use crate::scope::{Begin, OrCut, ScopeFuture};
use crate::token::{CancelKind, CancelReason, CancelToken};

/// Makes a call of a gather optional: it is cancelled when all others are over.
///
/// It gives `Some` value, or `None` if it was cut short. So a call can keep something going for as long as the others need it: a
/// heartbeat, a progress bar, a cache that is kept warm.
///
/// Where nothing but optional calls is left, they are cancelled as by a [token](crate::CancelToken), for a reason whose
/// [root](crate::CancelReason::root) is of the kind [`NotNeeded`](crate::cancel::CancelKind::NotNeeded): they are dropped at their next suspension, and shields and clean-ups in them hold
/// that off. If all calls are optional, each of them gets the polls in which it is ready at once, and no more.
///
/// As a child of a [`scope`](crate::scope()), `tg.start_soon(optional(call))`, it is cancelled when the body and all other children are over; where
/// its value is not wanted, [`background`](crate::types::ChildOptions::background) does the same for less. Anywhere else it is a call like any
/// other. For calls that can fail see [`try_optional`]. JavaScript and Kotlin do this by hand, with a scope that is cancelled at the end
/// of another.
///
/// # Cancel safety
///
/// Dropping its future drops the call.
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// use ingather::{block_on, gather, optional};
///
/// async fn work() -> u32 { 42 }
///
/// # block_on(async {
/// let (answer, heartbeat) = gather((|| work(), optional(|| pending::<()>()))).await;
/// assert_eq!((answer, heartbeat), (42, None));
/// # });
/// ```
#[track_caller]
pub fn optional<C, F>(call: C) -> impl FnOnce() -> Optional<F>
where
    C: FnOnce() -> F,
    F: Future,
{
    let location = Location::caller();
    move || Optional {
        call: WhileNeeded::new(call(), location),
    }
}

/// [`optional`] for a call that can fail: an error is the gather's, as that of any call.
///
/// It gives `Ok(Some(value))`, `Ok(None)` if it was cut short, or its error.
///
/// # Cancel safety
///
/// As for [`optional`].
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// use ingather::{block_on, try_gather, try_optional};
///
/// # block_on(async {
/// let work = || async { "42".parse::<u32>() };
/// let both = try_gather((work, try_optional(|| pending::<Result<(), _>>()))).await;
/// assert_eq!(both.unwrap(), (42, None));
/// # });
/// ```
#[track_caller]
pub fn try_optional<C, F, T, E>(call: C) -> impl FnOnce() -> TryOptional<F>
where
    C: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
{
    let location = Location::caller();
    move || TryOptional {
        call: WhileNeeded::new(Heeded { call: call() }, location),
    }
}

pin_project! {
    /// The future of an [`optional`] call.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Optional<F: Future> {
        #[pin]
        call: WhileNeeded<F>,
    }
}

pin_project! {
    /// The future of a [`try_optional`] call.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct TryOptional<F>
    where
        Heeded<F>: Future,
    {
        #[pin]
        call: WhileNeeded<Heeded<F>>,
    }
}

pin_project! {
    /// A call whose error is not lost where what awaits it is dropped before it could give that on.
    #[derive(Debug)]
    pub struct Heeded<F> {
        #[pin]
        call: F,
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for Heeded<F> {
    type Output = Result<T, Unheard<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.project().call.poll(cx));
        Poll::Ready(output.map_err(|error| Unheard(Some(error))))
    }
}

/// An error that nobody has received as yet.
#[expect(unnameable_types, reason = "it is in the bounds of a future")]
#[derive(Debug)]
pub struct Unheard<E>(Option<E>);

impl<E> Drop for Unheard<E> {
    fn drop(&mut self) {
        let Some(error) = self.0.take() else { return };
        match standing().0 {
            Some(child) => lose_error(error, &child),
            None => {
                report_error::<E>("an optional call");
                drop_quietly("an error that nobody received", error);
            }
        }
    }
}

pin_project! {
    // Gives an error if it was cut short.
    #[project = Stages]
    #[project_replace = Taken]
    enum WhileNeeded<F: Future> {
        Made { call: F, location: &'static Location<'static> },
        Polled {
            // Goes after the call.
            #[pin]
            scope: ScopeFuture<'static, Only<F>, F, OrCut<Inline>>,
            token: CancelToken,
            // None where nobody could be left alone.
            companion: Option<Companion>,
            is_alone: bool,
        },
        Gone,
    }
}

/// The body of a scope that is there already, and starts no children.
struct Only<F>(F);

impl<'env, F: Future> Begin<'env, Infallible, Inline> for Only<F> {
    type Body = F;

    fn begin(self, _handle: Scope<'env, Infallible, Inline>) -> F {
        self.0
    }
}

impl<F: Future> WhileNeeded<F> {
    fn new(call: F, location: &'static Location<'static>) -> Self {
        Self::Made { call, location }
    }
}

impl<F: Future> Future for WhileNeeded<F> {
    type Output = Result<F::Output, CutShort>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Stages::Polled {
                scope,
                token,
                companion,
                is_alone,
            } = self.as_mut().project()
            {
                // The call has its polls first: what is ready at once is given.
                let polled = scope.poll(cx);
                if polled.is_pending() && !*is_alone {
                    // It goes on counting as one of those that are left, in case that something holds it.
                    let companion = companion.as_mut();
                    *is_alone = companion.is_some_and(|companion| companion.is_alone(cx.waker()));
                    if *is_alone {
                        token.cancel_with(CancelReason::new(CancelKind::NotNeeded));
                        continue;
                    }
                }
                let output = ready!(polled);
                self.set(Self::Gone);
                return Poll::Ready(output);
            }
            let Taken::Made { call, location } = self.as_mut().project_replace(Self::Gone) else {
                panic!("an optional call is not polled after it was ready");
            };
            let token = CancelToken::new();
            let options = GroupOptions::new().inline().token(&token);
            self.set(Self::Polled {
                scope: ScopeFuture::new(Origin::new(options, location), Only(call)),
                token,
                companion: Companion::here(),
                is_alone: false,
            });
        }
    }
}

impl<F: Future> Future for Optional<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map(Result::ok)
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for TryOptional<F> {
    type Output = Result<Option<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.project().call.poll(cx));
        let error = |mut unheard: Unheard<E>| unheard.0.take().expect("it is taken once");
        Poll::Ready(output.ok().transpose().map_err(error))
    }
}

impl<F: Future> fmt::Debug for Optional<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optional").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for TryOptional<F>
where
    Heeded<F>: Future,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryOptional").finish_non_exhaustive()
    }
}
