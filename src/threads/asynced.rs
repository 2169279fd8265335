//! `asynced`: a blocking function as one that can be awaited.

use std::panic::Location;
use std::sync::Arc;

use super::pool::BlockingPool;
use super::to_thread::ToThread;
use crate::limiter::CapacityLimiter;
use crate::shows::shows;

/// Makes an async function of a blocking one: each call runs on a thread of a pool, as by [`to_thread`](crate::to_thread).
///
/// The function takes one argument; use a tuple for more. Which pool and which limiter can be said once for all calls, with
/// [`on`](Asynced::on) and [`limiter`](Asynced::limiter), or for each call, since a call gives a [`ToThread`].
///
/// Dropping it does nothing to the calls that were made.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::threads::{CapacityLimiter, asynced};
///
/// fn checksum((text, start): (&'static str, u32)) -> u32 {
///     text.bytes().fold(start, |sum, byte| sum + u32::from(byte))
/// }
///
/// let checksum = asynced(checksum).limiter(&CapacityLimiter::new(2));
/// assert_eq!(block_on(checksum.call(("ab", 1))), 196);
/// ```
pub fn asynced<F, A, T>(function: F) -> Asynced<F>
where
    F: Fn(A) -> T + Send + Sync + 'static,
{
    Asynced {
        function: Arc::new(function),
        pool: None,
        limiter: None,
    }
}

/// A blocking function that can be awaited; made by [`asynced`]. Clones are the same function.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::threads::{BlockingPool, asynced};
///
/// // A driver that must not be called by two at once.
/// let driver = asynced(|command: &str| command.len()).on(&BlockingPool::new(1));
/// let same = driver.clone();
/// assert_eq!(block_on(async { driver.call("reset").await + same.call("go").await }), 7);
/// ```
#[must_use = "it does nothing until it is called"]
pub struct Asynced<F> {
    function: Arc<F>,
    pool: Option<BlockingPool>,
    limiter: Option<CapacityLimiter>,
}

impl<F> Asynced<F> {
    /// Runs the calls on the threads of this pool.
    pub fn on(mut self, pool: &BlockingPool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// Gives each call a permit of this limiter.
    pub fn limiter(mut self, limiter: &CapacityLimiter) -> Self {
        self.limiter = Some(limiter.clone());
        self
    }

    /// Calls the function on a thread.
    #[track_caller]
    pub fn call<A, T>(&self, argument: A) -> ToThread<impl FnOnce() -> T + Send + use<F, A, T>, T>
    where
        F: Fn(A) -> T + Send + Sync + 'static,
        A: Send + 'static,
        T: Send + 'static,
    {
        let function = Arc::clone(&self.function);
        let mut call = ToThread::new(move || function(argument), Location::caller());
        if let Some(pool) = &self.pool {
            call = call.on(pool);
        }
        if let Some(limiter) = &self.limiter {
            call = call.limiter(limiter);
        }
        call
    }
}

impl<F> Clone for Asynced<F> {
    fn clone(&self) -> Self {
        Self {
            function: Arc::clone(&self.function),
            pool: self.pool.clone(),
            limiter: self.limiter.clone(),
        }
    }
}

shows!([F] Asynced<F>, this => pool, limiter, ..);
