//! The virtual clock: an instant that only moves by hand or by a jump, and who is to be woken when.
//!
//! 1. An entry stands from the first poll of a timer that is not due until it is due or dropped.
//! 2. Wakers are cloned, called and dropped with the lock released.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::clock::{Clock, ClockHandle, Timer};
use crate::std_or_loom::Lock;

/// The clock of one executor.
pub(super) struct Timers {
    start: Instant,
    set: Lock<Set>,
}

struct Set {
    now: Instant,
    last: u64,
    /// By instant, then in the order in which they were set.
    waiting: BTreeMap<(Instant, u64), Waker>,
}

impl Timers {
    pub(super) fn new() -> Arc<Self> {
        let start = Instant::now();
        Arc::new(Self {
            start,
            set: Lock::new(Set {
                now: start,
                last: 0,
                waiting: BTreeMap::new(),
            }),
        })
    }

    pub(super) fn clock(self: &Arc<Self>) -> ClockHandle {
        ClockHandle::new(Virtual(Arc::clone(self)))
    }

    pub(super) fn now(&self) -> Instant {
        self.set.lock().now
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now().duration_since(self.start)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.set.lock().waiting.len()
    }

    /// For `Debug`, which must never block.
    pub(super) fn try_elapsed(&self) -> Option<Duration> {
        let set = self.set.try_lock()?;
        Some(set.now.duration_since(self.start))
    }

    /// The instant of the earliest.
    pub(super) fn earliest(&self) -> Option<Instant> {
        let set = self.set.lock();
        set.waiting.keys().next().map(|(at, _)| *at)
    }

    /// Moves the clock, and gives the wakers of those that are due, in order.
    #[must_use = "the task that waits has to be woken"]
    pub(super) fn move_to(&self, now: Instant) -> Vec<Waker> {
        let mut set = self.set.lock();
        set.now = set.now.max(now);
        let mut due = Vec::new();
        while let Some(first) = set.waiting.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

struct Virtual(Arc<Timers>);

impl Clock for Virtual {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn timer(&self, at: Instant) -> Timer {
        Box::pin(Waits {
            timers: Arc::clone(&self.0),
            at,
            number: 0,
        })
    }
}

/// A timer of the virtual clock.
struct Waits {
    timers: Arc<Timers>,
    at: Instant,
    /// Its place among those for the same instant; 0 before the first poll.
    number: u64,
}

impl Future for Waits {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.timers.now() >= this.at {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut set = this.timers.set.lock();
        if set.now >= this.at {
            // The clock was moved in between, on another thread.
            drop(set);
            return Poll::Ready(());
        }
        if this.number == 0 {
            set.last += 1;
            this.number = set.last;
        }
        let earlier = set.waiting.insert((this.at, this.number), waker);
        drop(set);
        drop(earlier);
        Poll::Pending
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if self.number > 0 {
            let waker = self
                .timers
                .set
                .lock()
                .waiting
                .remove(&(self.at, self.number));
            drop(waker);
        }
    }
}
