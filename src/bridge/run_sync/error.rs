//! Why `run_sync` gave nothing.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::bridge::Whereabouts;

/// Why a [`RunSync`](super::RunSync) gave nothing.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
///
/// use ingather::bridge::{RunSync, RunSyncError};
///
/// let answer = RunSync::new().timeout(Duration::from_millis(1)).run(pending::<u32>());
/// let answer = match answer {
///     Ok(answer) => answer,
///     Err(RunSyncError::TimedOut) => 0,
///     Err(other) => panic!("{other}"),
/// };
/// assert_eq!(answer, 0);
/// ```
#[non_exhaustive]
pub enum RunSyncError<F> {
    /// It would have blocked the only thread of a runtime, and was told to be [strict](super::RunSync::strict). The future is in
    /// there, unpolled.
    WouldBlock(WouldBlock<F>),
    /// The future was not ready in time, and has been dropped.
    TimedOut,
}

impl<F> RunSyncError<F> {
    /// The future, if it was not polled.
    pub fn into_future(self) -> Option<F> {
        match self {
            Self::WouldBlock(refused) => Some(refused.into_future()),
            Self::TimedOut => None,
        }
    }
}

impl<F> fmt::Display for RunSyncError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock(refused) => fmt::Display::fmt(refused, f),
            Self::TimedOut => f.write_str("the future was not ready in time, and has been dropped"),
        }
    }
}

impl<F> fmt::Debug for RunSyncError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock(refused) => fmt::Debug::fmt(refused, f),
            Self::TimedOut => f.write_str("TimedOut"),
        }
    }
}

impl<F> Error for RunSyncError<F> {}

/// A call that would block the only thread of a runtime: which, where, and the future that it was given.
///
/// # Examples
///
/// ```
/// use ingather::bridge::{RunSync, RunSyncError};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// runtime.block_on(async {
///     let refused = RunSync::new().strict().run(async { 7 });
///     let Err(RunSyncError::WouldBlock(refused)) = refused else { panic!("this is the only thread") };
///     assert!(refused.to_string().contains("blocks the only thread"));
///     assert_eq!(refused.into_future().await, 7); // as it should have been
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct WouldBlock<F> {
    future: F,
    blocks: Blocks,
}

impl<F> WouldBlock<F> {
    pub(in crate::bridge) fn new(future: F, blocks: Blocks) -> Self {
        Self { future, blocks }
    }

    /// The future, unpolled.
    pub fn into_future(self) -> F {
        self.future
    }

    pub(in crate::bridge) fn map<G>(self, f: impl FnOnce(F) -> G) -> WouldBlock<G> {
        WouldBlock::new(f(self.future), self.blocks)
    }

    /// The runtime, in words.
    pub fn runtime(&self) -> &str {
        &self.blocks.runtime
    }

    /// The call.
    pub fn location(&self) -> &'static Location<'static> {
        self.blocks.location
    }
}

impl<F> fmt::Display for WouldBlock<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.blocks, f)
    }
}

impl<F> fmt::Debug for WouldBlock<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WouldBlock({})", self.blocks)
    }
}

impl<F> Error for WouldBlock<F> {}

/// Which call blocks whom.
#[derive(Clone)]
pub(in crate::bridge) struct Blocks {
    pub(in crate::bridge) call: &'static str,
    pub(in crate::bridge) location: &'static Location<'static>,
    pub(in crate::bridge) runtime: String,
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` at {} blocks the only thread of {}: its tasks, sockets and timers make no progress until it returns. Write \
             `.await` here, or call it from a thread for blocking work such as `spawn_blocking` ({})",
            self.call,
            self.location,
            self.runtime,
            Whereabouts::current()
        )
    }
}
