//! Polling on this thread: what a task would await, a thread waits for.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::blocked;
use crate::park::Parker;
use crate::spawner::may_wait_for;

/// # Panics
///
/// If this is the only thread of a runtime: what a wait waits for may need it.
#[track_caller]
pub(crate) fn ensure_may_block() {
    assert!(
        may_wait_for(None),
        "this wait would block the only thread that drives this runtime: await the future instead, or wait on a thread \
         for blocking work"
    );
}

/// Polls until it is ready.
///
/// # Panics
///
/// If it is not ready at once and this is the only thread of a runtime.
#[track_caller]
pub(crate) fn until_ready<R>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>) -> R {
    let mut may_block = false;
    let ready = poll_here(None, |cx| {
        let polled = poll(cx);
        if polled.is_pending() && !may_block {
            ensure_may_block();
            may_block = true;
        }
        polled
    });
    ready.expect("a wait without end has an end")
}

/// Polls until it is ready, but no longer than so long. What is ready at the last instant counts.
pub(crate) fn ready_within<R>(
    limit: Duration,
    poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Option<R> {
    // A limit that no clock comes to is none.
    poll_here(Instant::now().checked_add(limit), poll)
}

/// Runs a future to its end.
///
/// # Panics
///
/// As for [`until_ready`].
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    until_ready(|cx| future.as_mut().poll(cx))
}

fn poll_here<R>(
    until: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Option<R> {
    let parker = Parker::new();
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(ready) = poll(&mut cx) {
            return Some(ready);
        }
        if !blocked::park_until(&parker, until) {
            return match poll(&mut cx) {
                Poll::Ready(ready) => Some(ready),
                Poll::Pending => None,
            };
        }
    }
}
