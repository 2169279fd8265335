//! A count that the thread which began it raises without a locked step.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::std_or_loom::atomic::AtomicU64;
use crate::std_or_loom::thread_mark;

/// Two numbers: one that only the thread with the mark writes, and one for all others.
///
/// A mark goes to another thread only when its thread is gone, with all that it wrote.
pub(in crate::group) struct Counter {
    home: Option<NonZeroUsize>,
    here: AtomicU64,
    elsewhere: AtomicU64,
}

impl Counter {
    #[inline]
    pub(in crate::group) fn new() -> Self {
        Self {
            home: thread_mark(),
            here: AtomicU64::new(0),
            elsewhere: AtomicU64::new(0),
        }
    }

    /// One more.
    #[inline]
    pub(in crate::group) fn raise(&self) {
        if self.home.is_some() && self.home == thread_mark() {
            self.here.store(self.here.load(Relaxed) + 1, Relaxed);
        } else {
            self.elsewhere.fetch_add(1, Relaxed);
        }
    }

    pub(in crate::group) fn get(&self) -> u64 {
        self.here.load(Relaxed) + self.elsewhere.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_are_counted() {
        let counter = Counter::new();
        let raise = || (0..10_000).for_each(|_| counter.raise());
        std::thread::scope(|scope| {
            scope.spawn(raise);
            scope.spawn(raise);
            raise();
        });
        assert_eq!(counter.get(), 30_000);
    }
}
