//! `ByHand`: a future that is polled by hand.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::CountingWaker;
use crate::order;
use crate::shows::shows;
use crate::turn::Unbounded;

/// A future that is polled by hand, with a waker that counts.
///
/// For tests of a single future: when it is pending, when it is woken, what it leaves behind when it is dropped half-way.
/// It is tokio-test's `task::spawn`. Nothing polls it but [`poll`](Self::poll), and it may be polled without having been
/// woken. For a whole program of tasks use a [`TestExecutor`](super::TestExecutor).
///
/// A poll by hand is no part of the turn of the task that it is made in: what is ready is ready in it, also where that
/// task has used up its turn.
///
/// Dropping it drops the future.
///
/// # Examples
///
/// ```
/// use futures::channel::oneshot;
/// use ingather::testing::ByHand;
/// use ingather::{assert_pending, assert_ready};
///
/// let (sender, receiver) = oneshot::channel();
/// let mut receiver = ByHand::new(receiver);
/// assert_pending!(receiver.poll());
/// sender.send(5).unwrap();
/// assert!(receiver.is_woken());
/// assert_eq!(assert_ready!(receiver.poll()), Ok(5));
/// ```
#[must_use = "nothing polls it by itself: call `poll`"]
pub struct ByHand<F> {
    future: Pin<Box<F>>,
    wakes: CountingWaker,
    /// How many wakes there were at the last poll.
    seen: usize,
}

impl<F: Future> ByHand<F> {
    /// A future that has not been polled.
    pub fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            wakes: CountingWaker::new(),
            seen: 0,
        }
    }

    /// Polls it once.
    pub fn poll(&mut self) -> Poll<F::Output> {
        self.seen = self.wakes.count();
        let waker = self.wakes.waker();
        let (_untimed, _unbounded) = (order::untimed(), Unbounded::begin());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl<F> ByHand<F> {
    /// How often it was woken so far.
    #[must_use]
    pub fn wakes(&self) -> usize {
        self.wakes.count()
    }

    /// Whether it was woken since its last poll, or during it.
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.wakes.count() > self.seen
    }

    /// The counter of its waker, which outlives it.
    #[must_use]
    pub fn counter(&self) -> CountingWaker {
        self.wakes.clone()
    }

    /// The future, pinned, for what it can do besides being polled.
    #[must_use]
    pub fn pinned(&mut self) -> Pin<&mut F> {
        self.future.as_mut()
    }

    /// The future, to be awaited or leaked.
    #[must_use = "the future is dropped otherwise; `drop` says so"]
    pub fn into_inner(self) -> Pin<Box<F>> {
        self.future
    }
}

shows!([F] ByHand<F>, this => wakes: this.wakes(), ..);
