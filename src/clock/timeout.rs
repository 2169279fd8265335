//! Waiting for a future no longer than until an instant.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::{Deadline, Sleep, sleep, sleep_until};
use crate::shows::shows;
use crate::turn;

/// Awaits a future, but no longer than so long; after that the future is dropped.
///
/// The future is polled before the clock is looked at, so that what is ready in time counts, with a duration of zero
/// too. When the time is over, it is dropped before the error is returned. It is dropped where it stands, at a
/// suspension: one that never suspends cannot be timed out.
///
/// A scope is such a future: dropped at the timeout, it cancels its children (Dropping-1).
///
/// Both the clock and the end are settled here, where `timeout` is called, and not where it is awaited. For several
/// steps that together take so long see [`Deadline`].
///
/// # Errors
///
/// The future gives [`TimedOut`] if the time was over first.
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
/// use ingather::{block_on, scope, timeout};
///
/// block_on(async {
///     assert_eq!(timeout(Duration::ZERO, async { 42 }).await, Ok(42));
///
///     let hangs = scope(|tg| async move {
///         tg.spawn(pending::<()>());
///     });
///     assert!(timeout(Duration::from_millis(2), hangs).await.is_err());
///     // The scope was dropped, and its child with it.
/// });
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout::new(sleep(duration), future.into_future())
}

/// Awaits a future, but no longer than until an instant; after that the future is dropped.
///
/// See [`timeout`]. With [`Deadline::NEVER`] it waits as long as it takes.
///
/// # Errors
///
/// The future gives [`TimedOut`] if the deadline came first.
///
/// # Panics
///
/// If there is no clock; see [`current_clock`](super::current_clock).
///
/// # Examples
///
/// Two steps with one deadline:
///
/// ```
/// use std::time::Duration;
///
/// use ingather::clock::timeout_at;
/// use ingather::{Deadline, TimedOut, block_on};
///
/// async fn both() -> Result<u32, TimedOut> {
///     let deadline = Deadline::after(Duration::from_secs(60));
///     let a = timeout_at(deadline, async { 20 }).await?;
///     let b = timeout_at(deadline, async { 22 }).await?;
///     Ok(a + b)
/// }
///
/// assert_eq!(block_on(both()), Ok(42));
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(
    deadline: impl Into<Deadline>,
    future: F,
) -> Timeout<F::IntoFuture> {
    Timeout::new(sleep_until(deadline), future.into_future())
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    ///
    /// Dropped, it drops its future and releases the clock.
    ///
    /// # Cancel safety
    ///
    /// That of its future, which is dropped with it.
    #[must_use = "a timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: Option<F>,
        sleep: Sleep,
        // What it waits for was held up by the end of a turn, which happens once.
        was_held_up: bool,
    }
}

impl<F> Timeout<F> {
    fn new(sleep: Sleep, future: F) -> Self {
        Self {
            future: Some(future),
            sleep,
            was_held_up: false,
        }
    }

    /// Until when it waits.
    pub fn deadline(&self) -> Deadline {
        self.sleep.deadline()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a timeout is not polled after it was ready");
        let result = match future.poll(cx) {
            Poll::Ready(value) => Ok(value),
            // Perhaps it is ready, and only the turn was over.
            Poll::Pending if turn::was_refused() && !*this.was_held_up => {
                *this.was_held_up = true;
                turn::yields(cx.waker());
                return Poll::Pending;
            }
            Poll::Pending => {
                ready!(this.sleep.poll_end(cx));
                // One that is over at once could be awaited for ever in a row.
                ready!(turn::take(cx)).used();
                Err(TimedOut {
                    deadline: this.sleep.deadline(),
                })
            }
        };
        this.future.set(None);
        this.sleep.let_go();
        Poll::Ready(result)
    }
}

shows!([F] Timeout<F>, this => deadline: this.deadline(), ..);

/// A [`timeout`] came before its future was ready.
///
/// It turns into an [`io::Error`] of the kind [`TimedOut`](io::ErrorKind::TimedOut), so that `?` works where those are
/// returned.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::time::Duration;
///
/// use ingather::{block_on, timeout};
///
/// async fn answer() -> io::Result<u32> {
///     timeout(Duration::ZERO, std::future::pending()).await?
/// }
///
/// let error = block_on(answer()).unwrap_err();
/// assert_eq!(error.kind(), io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimedOut {
    deadline: Deadline,
}

impl TimedOut {
    /// The deadline that came.
    ///
    /// Where one timeout is inside another, this tells which of them it was.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out: the deadline came first, and what was awaited has been dropped")
    }
}

impl Error for TimedOut {}

impl From<TimedOut> for io::Error {
    fn from(timed_out: TimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, timed_out)
    }
}
