//! Futures that suspend and wake themselves.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Suspends once, and wakes itself at once: whatever else is ready may go first.
///
/// # Examples
///
/// ```
/// use ingather::testing::{TestExecutor, yield_now};
///
/// let executor = TestExecutor::new();
/// executor.block_on(yield_now());
/// assert_eq!(executor.polls(), 2);
/// ```
pub fn yield_now() -> Yields {
    yields(1)
}

/// Suspends so many times, and wakes itself each time.
///
/// # Examples
///
/// ```
/// use ingather::testing::{TestExecutor, yields};
///
/// let executor = TestExecutor::new();
/// executor.block_on(yields(3));
/// assert_eq!(executor.polls(), 4);
/// ```
pub fn yields(times: usize) -> Yields {
    Yields { left: times }
}

/// The future of [`yield_now`] and [`yields`]. Dropping it ends it.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Yields {
    left: usize,
}

impl Future for Yields {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.left == 0 {
            return Poll::Ready(());
        }
        self.left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
