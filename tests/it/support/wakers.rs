//! A waker that counts, and futures that are polled by hand with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts the calls of its waker.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&count));
        (count, waker)
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that is polled by hand. Dropping it drops the future.
pub(crate) struct ByHand<F> {
    future: Pin<Box<F>>,
    count: Arc<Count>,
    waker: Waker,
}

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        let (count, waker) = Count::new();
        Self {
            future: Box::pin(future),
            count,
            waker,
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.future
            .as_mut()
            .poll(&mut Context::from_waker(&self.waker))
    }

    /// How often it was woken so far.
    pub(crate) fn wakes(&self) -> usize {
        self.count.get()
    }

    /// The counter of its waker, which outlives it.
    pub(crate) fn count(&self) -> Arc<Count> {
        Arc::clone(&self.count)
    }

    /// The future, to be awaited or leaked.
    pub(crate) fn into_future(self) -> Pin<Box<F>> {
        self.future
    }
}
