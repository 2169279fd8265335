//! What a group has of a limiter that it shares with others.

use std::task::Waker;

use super::capacity::{Acquire, CapacityLimiter};
use crate::error::unhandled::wake_quietly;

/// The permits that a group has of a limiter, and its place in the line for the next.
///
/// It stands in line once, however many of its children wait: so groups that share a limiter take turns. All but the drop is done
/// under the group's lock; no waker is called there but those that are given out.
pub(crate) struct Borrower {
    limiter: CapacityLimiter,
    permits: usize,
    next: Option<Acquire>,
}

impl Borrower {
    pub(crate) fn new(limiter: CapacityLimiter) -> Self {
        Self {
            limiter,
            permits: 0,
            next: None,
        }
    }

    pub(crate) fn limiter(&self) -> &CapacityLimiter {
        &self.limiter
    }

    pub(crate) fn total(&self) -> usize {
        self.limiter.statistics().total
    }

    /// How many it has.
    pub(crate) fn permits(&self) -> usize {
        self.permits
    }

    /// Gets one more, or stands in line for it: whether it has got it. The waker is called when it may have come, after which this
    /// is called again.
    pub(crate) fn gets(&mut self, waker: impl FnOnce() -> Waker) -> bool {
        let next = self.next.get_or_insert_with(|| self.limiter.acquire());
        let got = next.take_or_wait(waker);
        if got {
            self.permits += 1;
            self.next = None;
        }
        got
    }

    /// Gives back what it has beyond so many permits, and leaves the line unless somebody waits. The wakers are of those who got
    /// a permit by that.
    pub(crate) fn settle(&mut self, needed: usize, waits: bool, mut wake: impl FnMut(Waker)) {
        if let Some(next) = self.next.take_if(|_| !waits) {
            next.give_up().map(&mut wake);
        }
        while self.permits > needed {
            self.permits -= 1;
            self.limiter.give_back().map(&mut wake);
        }
    }
}

impl Drop for Borrower {
    fn drop(&mut self) {
        self.settle(0, false, |waker| {
            wake_quietly(waker);
        });
    }
}
