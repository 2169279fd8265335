//! Why a call gave nothing.

use std::error::Error;
use std::fmt;

use crate::bridge::WouldBlock;
use crate::token::CancelReason;

/// Why a call of an [`AsyncRunner`](super::AsyncRunner) gave nothing. `F` is the future or closure that it was given.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
///
/// use ingather::bridge::{AsyncRunner, RunnerError};
///
/// let runner = AsyncRunner::start()?;
/// let late = runner.run_timeout(pending::<()>(), Duration::from_millis(1));
/// assert!(matches!(late, Err(RunnerError::TimedOut)));
///
/// runner.close(Duration::from_secs(5));
/// let refused = runner.call(|| 7).expect_err("it is closed");
/// let call = refused.into_inner().expect("it was not called");
/// assert_eq!(call(), 7);
/// # Ok::<(), std::io::Error>(())
/// ```
#[non_exhaustive]
pub enum RunnerError<F> {
    /// The runner was closed. What it was given is in there.
    Closed(F),
    /// The call would wait for its own thread. What it was given is in there.
    WouldBlock(WouldBlock<F>),
    /// It was not over in time, and was cancelled.
    TimedOut,
    /// It was cancelled before its end.
    Cancelled(CancelReason),
}

impl<F> RunnerError<F> {
    /// What the call was given, if it was not begun.
    pub fn into_inner(self) -> Option<F> {
        match self {
            Self::Closed(inner) => Some(inner),
            Self::WouldBlock(refused) => Some(refused.into_future()),
            Self::TimedOut | Self::Cancelled(_) => None,
        }
    }

    pub(super) fn map<G>(self, f: impl FnOnce(F) -> G) -> RunnerError<G> {
        match self {
            Self::Closed(inner) => RunnerError::Closed(f(inner)),
            Self::WouldBlock(refused) => RunnerError::WouldBlock(refused.map(f)),
            Self::TimedOut => RunnerError::TimedOut,
            Self::Cancelled(reason) => RunnerError::Cancelled(reason),
        }
    }
}

impl<F> fmt::Display for RunnerError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str(
                "the runner was closed; start another one, or hand the work in before it is closed",
            ),
            Self::WouldBlock(refused) => fmt::Display::fmt(refused, f),
            Self::TimedOut => f.write_str("it was not over in time, and was cancelled"),
            Self::Cancelled(reason) => write!(f, "it was {reason}"),
        }
    }
}

impl<F> fmt::Debug for RunnerError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::WouldBlock(refused) => fmt::Debug::fmt(refused, f),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Cancelled(reason) => f.debug_tuple("Cancelled").field(reason).finish(),
        }
    }
}

impl<F> Error for RunnerError<F> {}
