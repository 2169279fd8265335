//! `CountingWaker`: how often somebody was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use crate::shows::shows;

/// Counts the calls of its waker. Clones are the same counter.
///
/// For asserting that something is woken, and woken once. It is the counter of futures-test's `new_count_waker`.
///
/// # Examples
///
/// ```
/// use ingather::testing::CountingWaker;
///
/// let count = CountingWaker::new();
/// let waker = count.waker();
/// waker.wake_by_ref();
/// waker.wake();
/// assert_eq!(count.count(), 2);
/// assert_eq!(count.take(), 2);
/// assert_eq!(count.count(), 0);
/// ```
#[derive(Clone, Default)]
pub struct CountingWaker(Arc<Source>);

/// Apart from the count, so that clones of the counter are not taken for wakers.
#[derive(Default)]
struct Source(Arc<Count>);

#[derive(Default)]
struct Count(AtomicUsize);

impl CountingWaker {
    /// At zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A waker that counts here. All that come from one counter would wake the same task.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0.0))
    }

    /// How often it was called.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.0.0.load(Ordering::SeqCst)
    }

    /// How often it was called since the last time this was asked; begins again at zero.
    pub fn take(&self) -> usize {
        self.0.0.0.swap(0, Ordering::SeqCst)
    }

    /// How many wakers of this counter are held somewhere, for tests of what releases them.
    #[must_use]
    pub fn held(&self) -> usize {
        Arc::strong_count(&self.0.0) - 1
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

shows!([] CountingWaker, this => (this.count()));
