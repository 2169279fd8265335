//! Instants at equal distances, one after the other.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::Stream;

use super::{Clock, ClockHandle, Deadline, Sleep, current_clock};
use crate::shows::shows;
use crate::turn;

/// Ticks once in each period, the first time at once, by the clock that counts here.
///
/// # Panics
///
/// If the period is zero, or if there is no clock; see [`current_clock`](super::current_clock).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::block_on;
/// use ingather::clock::interval;
///
/// block_on(async {
///     let period = Duration::from_millis(1);
///     let mut interval = interval(period);
///     let first = interval.tick().await; // at once
///     let second = interval.tick().await;
///     assert!(second - first >= period);
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let clock = current_clock();
    let start = clock.now();
    Interval::new(clock, start, period)
}

/// Ticks once in each period, the first time at `start`, by the clock that counts here.
///
/// # Panics
///
/// If the period is zero, or if there is no clock; see [`current_clock`](super::current_clock).
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ingather::block_on;
/// use ingather::clock::interval_at;
///
/// let start = Instant::now() + Duration::from_millis(2);
/// let mut interval = interval_at(start, Duration::from_secs(1));
/// assert_eq!(block_on(interval.tick()), start);
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(current_clock(), start, period)
}

/// Ticks once in each period; made by [`interval`] and [`interval_at`].
///
/// The ticks are due at the multiples of the period, counted from the first, however long the work between them takes.
/// A tick that was missed is made up for once, late; if more were missed, the others are skipped, and the next is due
/// at the next multiple. (tokio calls this `MissedTickBehavior::Skip`.) With the period so long that there is no
/// [`Instant`] for the next tick, there is none.
///
/// It is a [`Stream`] without an end as well. A tick that is due is there at once and does not suspend.
///
/// Dropped, it releases the clock at once.
#[must_use = "an interval does nothing unless its ticks are awaited"]
pub struct Interval {
    /// Until the next tick.
    sleep: Sleep,
    period: Duration,
}

impl Interval {
    #[track_caller]
    fn new(clock: ClockHandle, start: Instant, period: Duration) -> Self {
        assert!(
            !period.is_zero(),
            "the period of an interval must not be zero"
        );
        Self {
            sleep: Sleep::new(clock, Deadline::at(start)),
            period,
        }
    }

    /// Waits for the next tick, and gives the instant at which it was due.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it has taken no tick: the next call waits for the same one.
    pub fn tick(&mut self) -> Tick<'_> {
        Tick { interval: self }
    }

    /// The form of [`tick`](Self::tick) for those who poll by hand.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.sleep.poll_end(cx));
        ready!(turn::take(cx)).used();
        match self.sleep.deadline().instant() {
            Some(due) => {
                let next = next_tick(due, self.sleep.now(), self.period);
                self.sleep.reset(next);
                Poll::Ready(due)
            }
            None => unreachable!("a sleep without end is never ready"),
        }
    }

    /// The distance of the ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// The first multiple of the period, counted from `due`, that is later than both `due` and `now`.
fn next_tick(due: Instant, now: Instant, period: Duration) -> Deadline {
    const NANOS: u128 = 1_000_000_000;
    let late = now.saturating_duration_since(due);
    if late < period {
        return Deadline::later(due, period);
    }
    let into_period = late.as_nanos() % period.as_nanos();
    // Less than the period, which is a `Duration` itself: neither part is cut off.
    let into_period = Duration::new((into_period / NANOS) as u64, (into_period % NANOS) as u32);
    Deadline::later(now, period - into_period)
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

shows!([] Interval, this => next: this.sleep.deadline(), period, ..);

/// The future of [`Interval::tick`]; see [`interval`].
///
/// Dropped, it takes no tick.
#[derive(Debug)]
#[must_use = "a tick does nothing unless it is awaited"]
pub struct Tick<'a> {
    interval: &'a mut Interval,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        self.interval.poll_tick(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tick_is_the_next_multiple() {
        let start = Instant::now();
        let at = |nanos| start + Duration::from_nanos(nanos);
        let next = |due, now| next_tick(at(due), at(now), Duration::from_nanos(10));
        assert_eq!(next(0, 0), Deadline::at(at(10)));
        assert_eq!(next(0, 9), Deadline::at(at(10)));
        assert_eq!(next(0, 10), Deadline::at(at(20)));
        assert_eq!(next(10, 11), Deadline::at(at(20)));
        assert_eq!(next(10, 39), Deadline::at(at(40)));
        assert_eq!(
            next(10, 5),
            Deadline::at(at(20)),
            "a timer that came too early"
        );
    }

    #[test]
    fn enormous_periods_and_delays_overflow_nothing() {
        let start = Instant::now();
        let years = Duration::from_secs(u64::from(u32::MAX) * 1_000);
        assert_eq!(next_tick(start, start, Duration::MAX), Deadline::NEVER);
        let late = start + years;
        let nano = Duration::from_nanos(1);
        assert_eq!(next_tick(start, late, nano), Deadline::at(late + nano));
        let (period, rest) = (years - nano, years - 2 * nano);
        assert_eq!(
            next_tick(start, late, period),
            Deadline::at(late + rest),
            "more nanoseconds than a u64 holds"
        );
    }
}
