//! How keys and futures end, and what is done when a value is dropped.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use futures::FutureExt;
use ingather::cancel::CancelKind;
use ingather::testing::{ByHand, Trace};
use ingather::{CancelReason, GatherIncomplete, Key};

/// The reason of a key that reads cancelled.
pub(crate) fn reason<T>(key: &Key<T>) -> Option<CancelReason> {
    match key.status() {
        Some(GatherIncomplete::Cancelled(reason)) => Some(reason),
        _ => None,
    }
}

/// What cancelled the child of a key that reads cancelled.
pub(crate) fn kind<T>(key: &Key<T>) -> Option<CancelKind> {
    reason(key).map(|reason| reason.kind())
}

/// What a future gives in its first poll, whatever is left of the turn of the task that asks.
pub(crate) trait AtOnce: Future + Sized {
    fn at_once(self) -> Option<Self::Output> {
        match ByHand::new(self).poll() {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}

impl<F: Future> AtOnce for F {}

/// The text of the panic that a future ends with.
pub(crate) async fn panic_when_awaited<F: Future<Output: std::fmt::Debug>>(
    future: F,
) -> &'static str {
    let future = AssertUnwindSafe(future).catch_unwind();
    let payload = future.await.expect_err("it panics");
    payload.downcast_ref::<&'static str>().expect("with a text")
}

/// Calls a closure when it is dropped.
pub(crate) struct AtDrop<F: FnOnce()>(pub(crate) Option<F>);

impl<F: FnOnce()> Drop for AtDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// Writes an entry with the time into the trace when it is dropped.
pub(crate) fn at_drop(trace: &Trace, entry: &'static str) -> AtDrop<impl FnOnce() + use<>> {
    let trace = trace.clone();
    AtDrop(Some(move || trace.log_at(entry)))
}
