//! Waiting until an instant.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::{Clock, ClockHandle, Deadline, Timer, current_clock};
use crate::shows::shows;
use crate::turn;

/// The instant that it is, by the clock that counts here.
///
/// # Panics
///
/// If there is no clock; see [`current_clock`](super::current_clock).
///
/// # Examples
///
/// ```
/// use ingather::clock::now;
///
/// let earlier = now();
/// assert!(earlier <= now());
/// ```
#[track_caller]
pub fn now() -> Instant {
    current_clock().now()
}

/// Waits so long, by the clock that counts here.
///
/// Both the clock and the end are settled here, where `sleep` is called, and not where it is awaited. What is too long
/// for an [`Instant`] never ends.
///
/// # Panics
///
/// If there is no clock; see [`current_clock`](super::current_clock).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::block_on;
/// use ingather::clock::{now, sleep};
///
/// block_on(async {
///     let before = now();
///     sleep(Duration::from_millis(2)).await;
///     assert!(now() - before >= Duration::from_millis(2));
/// });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let clock = current_clock();
    let deadline = Deadline::after_on(&clock, duration);
    Sleep::new(clock, deadline)
}

/// Waits until an instant, or for ever if the deadline is never, by the clock that counts here.
///
/// # Panics
///
/// If there is no clock; see [`current_clock`](super::current_clock).
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ingather::block_on;
/// use ingather::clock::sleep_until;
///
/// let end = Instant::now() + Duration::from_millis(2);
/// block_on(sleep_until(end));
/// assert!(Instant::now() >= end);
/// ```
#[track_caller]
pub fn sleep_until(deadline: impl Into<Deadline>) -> Sleep {
    Sleep::new(current_clock(), deadline.into())
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It asks the clock for a timer when it is first polled too early; where its end is past by then, it is ready at once
/// and does not suspend, so that it is no way to yield. Polled again after it was ready, it is ready again.
///
/// Dropped, it releases the clock at once.
///
/// # Cancel safety
///
/// Its end is an instant: one that is dropped and made anew with the same [`deadline`](Self::deadline) ends when the
/// first would have.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ingather::block_on;
/// use ingather::clock::sleep;
///
/// let mut patience = sleep(Duration::from_secs(60));
/// patience.reset(Instant::now());
/// block_on(patience);
/// ```
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    clock: ClockHandle,
    deadline: Deadline,
    /// In a mutex for the sake of `Sync` alone: it is only ever borrowed by `&mut`.
    timer: Mutex<Option<Timer>>,
    over: bool,
}

impl Sleep {
    pub(super) fn new(clock: ClockHandle, deadline: Deadline) -> Self {
        Self {
            clock,
            deadline,
            timer: Mutex::new(None),
            over: false,
        }
    }

    /// When it ends.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Sets another end, by the same clock, whether it was ready or not.
    ///
    /// The task that waits for it has to poll it again; awaiting it does.
    pub fn reset(&mut self, deadline: impl Into<Deadline>) {
        self.deadline = deadline.into();
        self.over = false;
        self.let_go();
    }

    /// Releases the clock, until it is polled again.
    pub(super) fn let_go(&mut self) {
        *self.timer() = None;
    }

    /// The instant that it is, by its clock.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    fn timer(&mut self) -> &mut Option<Timer> {
        let timer = self.timer.get_mut();
        timer.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let was_over = self.over;
        ready!(self.poll_end(cx));
        if !was_over {
            self.over = false;
            ready!(turn::take(cx)).used();
            self.over = true;
        }
        Poll::Ready(())
    }
}

impl Sleep {
    /// The same, whatever is left of the turn.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        let Some(end) = self.deadline.instant() else {
            return Poll::Pending;
        };
        if self.timer().is_none() {
            if end <= self.clock.now() {
                self.over = true;
                return Poll::Ready(());
            }
            let timer = self.clock.timer(end);
            *self.timer() = Some(timer);
        }
        if let Some(timer) = self.timer() {
            ready!(timer.as_mut().poll(cx));
        }
        self.over = true;
        self.let_go();
        Poll::Ready(())
    }
}

shows!([] Sleep, this => deadline, ..);
