//! The scope behind a gather: it starts the calls and waits for them.
//!
//! All of it has names, and none of them mentions what the callables came in: a task that awaits a gather has to prove that
//! it is `Send`, which rustc cannot do for iterators over borrowed things.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::calls::sealed::Calls;
use crate::group::{self, Kind, Scope};
use crate::scope::{Begin, Fallible, ScopeFuture, Value};

/// The future of [`gather`](crate::gather()) and its relatives.
pub type Gather<'env, R, W, K, C = group::Whole> =
    ScopeFuture<'env, Start<'env, R, Infallible, W, K>, Whole<W>, Value<K, C>>;

/// The future of [`try_gather`](crate::try_gather) and its relatives.
pub type TryGather<'env, R, E, W, K, C = group::Whole> =
    ScopeFuture<'env, TryStart<'env, R, E, W, K>, WholeOrCancel<'env, E, W, K>, Fallible<K, C>>;

/// The body of a gather, before it has begun.
pub struct Start<'env, R, E, W, K: Kind> {
    ready: R,
    start: fn(R, &Scope<'env, E, K>, &'static Location<'static>) -> W,
    location: &'static Location<'static>,
}

impl<'env, R, E, W, K: Kind> Start<'env, R, E, W, K> {
    pub(super) fn new<S, M, C>(calls: C, location: &'static Location<'static>) -> Self
    where
        C: Calls<'env, S, M, K, Ready = R, Error = E, Wait = W>,
    {
        Self {
            ready: calls.ready(),
            start: C::start,
            location,
        }
    }
}

impl<'env, R, O, E, W, K> Begin<Scope<'env, E, K>> for Start<'env, R, E, W, K>
where
    W: Future<Output = Option<O>> + Unpin,
    K: Kind,
{
    type Body = Whole<W>;

    fn begin(self, tg: Scope<'env, E, K>) -> Whole<W> {
        Whole((self.start)(self.ready, &tg, self.location))
    }
}

/// [`Start`], for calls that can fail.
pub struct TryStart<'env, R, E, W, K: Kind>(pub(super) Start<'env, R, E, W, K>);

impl<'env, R, O, E, W, K> Begin<Scope<'env, E, K>> for TryStart<'env, R, E, W, K>
where
    W: Future<Output = Option<O>> + Unpin,
    K: Kind,
{
    type Body = WholeOrCancel<'env, E, W, K>;

    fn begin(self, tg: Scope<'env, E, K>) -> Self::Body {
        let calls = self.0.begin(tg.clone()).0;
        WholeOrCancel { calls, tg }
    }
}

/// The outputs of all calls. If one is missing it has panicked, and the scope, which resumes panics, drops this.
#[derive(Debug)]
pub struct Whole<W>(W);

impl<O, W: Future<Output = Option<O>> + Unpin> Future for Whole<W> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Some(outputs)) => Poll::Ready(outputs),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// The outputs of all calls. If one is missing the group has failed: this ends it without a value.
pub struct WholeOrCancel<'env, E, W, K: Kind> {
    calls: W,
    tg: Scope<'env, E, K>,
}

impl<O, E, W, K> Future for WholeOrCancel<'_, E, W, K>
where
    W: Future<Output = Option<O>> + Unpin,
    K: Kind,
{
    type Output = Result<O, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<O, E>> {
        match Pin::new(&mut self.calls).poll(cx) {
            Poll::Ready(Some(outputs)) => Poll::Ready(Ok(outputs)),
            Poll::Ready(None) => {
                // All calls are over, so that this cancels nothing but the body, which has nothing to give.
                self.tg.cancel();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<W, E, K: Kind> Unpin for WholeOrCancel<'_, E, W, K> {}

impl<R, E, W, K: Kind> fmt::Debug for Start<'_, R, E, W, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl<R, E, W, K: Kind> fmt::Debug for TryStart<'_, R, E, W, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryStart").field(&self.0).finish()
    }
}

impl<E, W, K: Kind> fmt::Debug for WholeOrCancel<'_, E, W, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WholeOrCancel")
            .field("tg", &self.tg)
            .finish_non_exhaustive()
    }
}
