//! What each call of a gather gives: its value, its value or error, or its outcome.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancel::CancelKind;
use crate::error::unhandled::{drop_quietly, report_error, report_panic};
use crate::error::{GatherIncomplete, Outcome};
use crate::group::{Accepts, Key, Kind, Scope, Shared};
use crate::panic::catch;

/// The mode of [`gather`](crate::gather()): each call gives its value.
#[derive(Debug)]
pub struct Values(Infallible);

/// The mode of [`try_gather`](crate::try_gather): each call gives a value or fails.
#[derive(Debug)]
pub struct Trying(Infallible);

/// The mode of [`gather_settled`](crate::gather_settled): each call gives its outcome.
#[derive(Debug)]
pub struct Settling(Infallible);

/// What a mode makes of a call with the future `F`.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait ModeOf<'env, F: Future, K: Kind = Shared> {
    /// What the gather fails with. It is no part of the mode, so that a lifetime in it is seen in one place only.
    type Error;
    /// What the child's key gives.
    type Value;
    fn start(
        tg: &Scope<'env, Self::Error, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<Self::Value>;
    /// The same where nobody wants the key.
    fn send(tg: &Scope<'env, Self::Error, K>, location: &'static Location<'static>, future: F) {
        drop(Self::start(tg, location, future));
    }
}

/// What a mode makes of the end of a child whose value is a `V`.
///
/// Apart from [`ModeOf`], so that what waits for the children has a type in which no lifetime of theirs is left.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Ends<V> {
    /// What the caller gets of the call.
    type Output;
    /// `None` if the call gave nothing.
    fn settle(result: Result<V, GatherIncomplete>) -> Option<Self::Output>;
}

impl<'env, F, K> ModeOf<'env, F, K> for Values
where
    F: Future + 'env,
    F::Output: 'env,
    K: Accepts<F> + Accepts<F::Output>,
{
    type Error = Infallible;
    type Value = F::Output;

    fn start(
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<F::Output> {
        tg.spawn_at(location, future)
    }

    fn send(tg: &Scope<'env, Infallible, K>, location: &'static Location<'static>, future: F) {
        tg.send_at(location, future);
    }
}

impl<'env, F, T, E, K> ModeOf<'env, F, K> for Trying
where
    F: Future<Output = Result<T, E>> + 'env,
    T: 'env,
    E: 'env,
    K: Accepts<F> + Accepts<Result<T, E>>,
{
    type Error = E;
    type Value = T;

    fn start(tg: &Scope<'env, E, K>, location: &'static Location<'static>, future: F) -> Key<T> {
        tg.try_spawn_at(location, future)
    }

    fn send(tg: &Scope<'env, E, K>, location: &'static Location<'static>, future: F) {
        tg.try_send_at(location, future);
    }
}

impl<'env, F, T, E, K> ModeOf<'env, F, K> for Settling
where
    F: Future<Output = Result<T, E>> + 'env,
    T: 'env,
    E: 'env,
    K: Accepts<Settled<F>> + Accepts<Outcome<T, E>>,
{
    type Error = Infallible;
    type Value = Outcome<T, E>;

    fn start(
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<Outcome<T, E>> {
        tg.spawn_at(
            location,
            Settled {
                future: Some(future),
            },
        )
    }
}

impl<V> Ends<V> for Values {
    type Output = V;

    fn settle(result: Result<V, GatherIncomplete>) -> Option<V> {
        match result {
            Ok(value) => Some(value),
            Err(GatherIncomplete::Cancelled(reason)) if reason.kind() == CancelKind::Abandoned => {
                panic!("a call of `gather` was {reason}")
            }
            Err(_) => None,
        }
    }
}

impl<V> Ends<V> for Trying {
    type Output = V;

    fn settle(result: Result<V, GatherIncomplete>) -> Option<V> {
        result.ok()
    }
}

impl<T, E> Ends<Outcome<T, E>> for Settling {
    type Output = Outcome<T, E>;

    fn settle(result: Result<Outcome<T, E>, GatherIncomplete>) -> Option<Outcome<T, E>> {
        match result {
            Ok(outcome) => Some(outcome),
            Err(GatherIncomplete::Cancelled(reason)) => Some(Outcome::Cancelled(reason)),
            Err(_) => {
                unreachable!("a settled call does not fail or panic, and its key is not read twice")
            }
        }
    }
}

pin_project! {
    // Gives the outcome of a future, its panics among them, and has dropped it by then.
    pub struct Settled<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Settled<F> {
        fn drop(this: Pin<&mut Self>) {
            // Of a call that is cancelled; its outcome is that, whatever its destructor does.
            if let Err(panic) = catch(|| this.project().future.set(None)) {
                report_panic("the destructor of a call that was cancelled", panic);
            }
        }
    }
}

impl<F, T, E> Future for Settled<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Outcome<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T, E>> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a child is not polled after its end");
        let outcome = match catch(|| future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(value))) => Outcome::Ok(value),
            Ok(Poll::Ready(Err(error))) => Outcome::Err(error),
            Err(panic) => Outcome::Panicked(panic),
        };
        Poll::Ready(match catch(|| this.future.set(None)) {
            Ok(()) => outcome,
            Err(second) => match outcome {
                Outcome::Panicked(first) => {
                    report_panic("the destructor of a call that had panicked", second);
                    Outcome::Panicked(first)
                }
                outcome => {
                    if matches!(outcome, Outcome::Err(_)) {
                        report_error::<E>("a call that panicked in its drop");
                    }
                    drop_quietly("the outcome of a call that panicked in its drop", outcome);
                    Outcome::Panicked(second)
                }
            },
        })
    }
}
