//! One instant for several steps, which may be never.

use std::fmt;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use super::{Clock, ClockHandle, Sleep, Timeout, current_clock, sleep_until, timeout_at};

/// One deadline for several steps, which may be never.
///
/// A duration for each step adds up to nobody knows what; an instant is shared by all of them. A `Deadline` is that
/// instant, or [`NEVER`](Self::NEVER), which is later than every instant. It is a mere value, to be copied and handed on:
/// it holds no clock, and dropping it does nothing. Of two deadlines the earlier counts: `a.min(b)`.
///
/// Its instant is one of the clock that counts where it was made; [`is_over`](Self::is_over) and the like ask the clock
/// that counts where they are called. Do not carry a deadline from one clock to another.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ingather::Deadline;
///
/// let whole = Deadline::after(Duration::from_secs(60));
/// let step = Deadline::after(Duration::from_secs(5));
/// assert_eq!(whole.min(step), step);
/// assert_eq!(whole.min(Deadline::NEVER), whole);
/// assert!(!whole.is_over());
///
/// let past = Deadline::from(Instant::now());
/// assert_eq!(past.remaining(), Some(Duration::ZERO));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(When);

/// In the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum When {
    At(Instant),
    Never,
}

impl Deadline {
    /// The deadline that never comes.
    pub const NEVER: Self = Self(When::Never);

    /// So long from now, by the clock that counts here. What is too long for an [`Instant`] is [`NEVER`](Self::NEVER).
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
    /// use ingather::Deadline;
    ///
    /// assert!(Deadline::after(Duration::ZERO).is_over());
    /// assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
    /// ```
    #[track_caller]
    pub fn after(duration: Duration) -> Self {
        Self::after_on(&current_clock(), duration)
    }

    /// So long from now, by this clock.
    pub(crate) fn after_on(clock: &ClockHandle, duration: Duration) -> Self {
        Self::later(clock.now(), duration)
    }

    /// So long after an instant.
    pub(super) fn later(instant: Instant, duration: Duration) -> Self {
        instant.checked_add(duration).map_or(Self::NEVER, Self::at)
    }

    /// At this instant.
    pub const fn at(instant: Instant) -> Self {
        Self(When::At(instant))
    }

    /// The instant, unless it is never.
    pub const fn instant(self) -> Option<Instant> {
        match self.0 {
            When::At(instant) => Some(instant),
            When::Never => None,
        }
    }

    /// Whether it is the one that never comes.
    pub const fn is_never(self) -> bool {
        matches!(self.0, When::Never)
    }

    /// Whether the clock that counts here has come to it. One that never comes needs no clock for the answer.
    ///
    /// # Panics
    ///
    /// If there is no clock; see [`current_clock`](super::current_clock).
    #[track_caller]
    pub fn is_over(self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }

    /// How long it is until then, by the clock that counts here: zero if it is over, `None` if it is never.
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
    /// use ingather::Deadline;
    ///
    /// let minute = Duration::from_secs(60);
    /// assert!(Deadline::after(minute).remaining() <= Some(minute));
    /// assert_eq!(Deadline::NEVER.remaining(), None);
    /// ```
    #[track_caller]
    pub fn remaining(self) -> Option<Duration> {
        match self.0 {
            When::At(instant) => Some(instant.saturating_duration_since(current_clock().now())),
            When::Never => None,
        }
    }

    /// Waits until then; for ever if it is never. See [`sleep_until`].
    ///
    /// # Panics
    ///
    /// If there is no clock; see [`current_clock`](super::current_clock).
    #[track_caller]
    pub fn sleep(self) -> Sleep {
        sleep_until(self)
    }

    /// Awaits a future, but no longer than until then; after that the future is dropped. See [`timeout_at`].
    ///
    /// # Errors
    ///
    /// The future gives [`TimedOut`](super::TimedOut) if the deadline came first.
    ///
    /// # Panics
    ///
    /// If there is no clock; see [`current_clock`](super::current_clock).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// use ingather::{Deadline, block_on};
    ///
    /// block_on(async {
    ///     let deadline = Deadline::after(Duration::from_millis(2));
    ///     assert_eq!(deadline.timeout(async { "first" }).await, Ok("first"));
    ///     let error = deadline.timeout(pending::<()>()).await.unwrap_err();
    ///     assert_eq!(error.deadline(), deadline);
    ///     assert!(deadline.is_over());
    /// });
    /// ```
    #[track_caller]
    pub fn timeout<F: IntoFuture>(self, future: F) -> Timeout<F::IntoFuture> {
        timeout_at(self, future)
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Self {
        Self::at(instant)
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            When::At(instant) => f.debug_tuple("Deadline").field(&instant).finish(),
            When::Never => f.write_str("Deadline(never)"),
        }
    }
}
