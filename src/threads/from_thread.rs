//! What blocking work can ask of the code that sent it: is it still wanted, and may it call back into async code.
//!
//! For closures that [`to_thread`](crate::to_thread) and its relatives call. The name and the idea are anyio's.
//!
//! # Examples
//!
//! ```
//! use ingather::threads::from_thread;
//! use ingather::{block_on, scope};
//!
//! let count = block_on(scope(|tg| async move {
//!     tg.spawn_blocking(|| {
//!         let mut blocks = 0;
//!         while blocks < 1000 && from_thread::check_cancelled().is_ok() {
//!             blocks += 1; // one block of much work
//!         }
//!         blocks
//!     })
//!     .await
//! }));
//! assert_eq!(count, Ok(1000));
//! ```

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::channel::oneshot;

use super::pool::Work;
use crate::blocked::park_until_ready;
use crate::context::ContextSnapshot;
use crate::panic::catch_async;
use crate::spawner::Spawner;
use crate::token::{CancelReason, CancelToken};

thread_local! {
    /// The work that this thread is at.
    static SERVING: RefCell<Option<Arc<dyn Work>>> = const { RefCell::new(None) };
}

/// Calls a closure on behalf of some work.
pub(super) fn serving<R>(work: Arc<dyn Work>, call: impl FnOnce() -> R) -> R {
    struct Back(Option<Arc<dyn Work>>);
    impl Drop for Back {
        fn drop(&mut self) {
            let done = SERVING.try_with(|serving| serving.replace(self.0.take()));
            drop(done);
        }
    }
    let _back = Back(SERVING.replace(Some(work)));
    call()
}

fn work() -> Option<Arc<dyn Work>> {
    let look = |serving: &RefCell<Option<Arc<dyn Work>>>| serving.borrow().clone();
    SERVING.try_with(look).ok().flatten()
}

/// Why this closure is to stop, if it is: its caller was cancelled, or does not wait any more.
///
/// A closure cannot be stopped from outside. One that takes long asks every now and then, and returns. Elsewhere than in a
/// closure of [`to_thread`](crate::to_thread) and its relatives it is never to stop.
///
/// # Errors
///
/// The reason.
///
/// # Examples
///
/// ```
/// use ingather::threads::from_thread;
/// use ingather::{CancelReason, block_on, to_thread};
///
/// fn sum(numbers: &[u64]) -> Result<u64, CancelReason> {
///     let mut sum = 0;
///     for part in numbers.chunks(1024) {
///         from_thread::check_cancelled()?;
///         sum += part.iter().sum::<u64>();
///     }
///     Ok(sum)
/// }
///
/// let summed = block_on(to_thread(|| sum(&[1, 2, 3])));
/// assert_eq!(summed.unwrap(), 6);
/// ```
pub fn check_cancelled() -> Result<(), CancelReason> {
    let work = work();
    let reason = work.and_then(|work| work.stop()?.reason());
    reason.map_or(Ok(()), Err)
}

/// A token that turns when this closure is to stop: a child of its caller's, which turns too when the caller does not wait
/// any more.
///
/// For libraries that take a token, and for [callbacks](CancelToken::on_cancel) that interrupt what the closure is in.
/// Elsewhere than in a closure of [`to_thread`](crate::to_thread) and its relatives it is a token that nobody else has.
///
/// # Examples
///
/// ```
/// use ingather::threads::from_thread;
/// use ingather::{block_on, to_thread};
///
/// let token = block_on(to_thread(from_thread::token));
/// assert!(!token.is_cancelled());
/// ```
pub fn token() -> CancelToken {
    let work = work();
    let token = work.and_then(|work| Some(work.stop()?.token()));
    token.unwrap_or_default()
}

/// Runs a future on the spawner that was current where this closure was sent from, and blocks the thread until it is over.
///
/// It is run with what is set here by [`ContextVar`](crate::ContextVar)s. While the thread waits it does not count among those of its
/// pool, so that the future may use the pool too.
///
/// A future that is run on this very thread needs none of this: `futures::executor::block_on` does that.
///
/// # Errors
///
/// This is no closure of [`to_thread`](crate::to_thread) or a relative; or the spawner has gone, or does not finish the future.
///
/// # Panics
///
/// If the future panics, with what it panics with.
///
/// # Examples
///
/// ```
/// use ingather::threads::from_thread;
/// use ingather::{block_on, to_thread};
///
/// async fn fetch() -> u32 { 20 }
///
/// let sum = block_on(to_thread(|| {
///     let fetched = from_thread::run(fetch())?;
///     Ok::<_, from_thread::CallBackError>(fetched + 22)
/// }));
/// assert_eq!(sum.unwrap(), 42);
/// ```
pub fn run<F>(future: F) -> Result<F::Output, CallBackError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Some(work) = work() else {
        return Err(CallBackError::new(false, None));
    };
    let Some(spawner) = work.spawner().cloned() else {
        return Err(CallBackError::new(true, None));
    };
    drop(work);
    let (tell, told) = oneshot::channel();
    let future = ContextSnapshot::current().scope(future);
    let job = async move {
        let output = catch_async(future).await;
        // The sender that waits blocks its thread for it, and is there.
        let _ = tell.send(output);
    };
    if let Err(error) = spawner.spawn(Box::pin(job)) {
        return Err(CallBackError::new(true, Some(error.to_string())));
    }
    match park_until_ready(told) {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(panic)) => panic.resume(),
        Err(oneshot::Canceled) => Err(CallBackError::new(true, None)),
    }
}

/// Calls a function on the spawner that was current where this closure was sent from, and blocks the thread until it returns:
/// [`run`] for what is not async but belongs there.
///
/// # Errors
///
/// As [`run`].
///
/// # Panics
///
/// If the function panics, with what it panics with.
///
/// # Examples
///
/// ```
/// use ingather::threads::from_thread;
/// use ingather::{block_on, create_task, to_thread};
///
/// let task = block_on(to_thread(|| from_thread::call(|| create_task(async { 7 }))));
/// assert_eq!(task.unwrap().wait().unwrap(), 7);
/// ```
pub fn call<C, R>(call: C) -> Result<R, CallBackError>
where
    C: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    run(async move { call() })
}

/// A closure could not call back into async code.
///
/// # Examples
///
/// ```
/// use ingather::threads::from_thread;
///
/// let error = from_thread::run(async {}).unwrap_err();
/// assert!(!error.is_spawner_gone(), "nobody has sent this thread");
/// ```
#[derive(Debug)]
pub struct CallBackError {
    was_sent: bool,
    why: Option<String>,
}

impl CallBackError {
    fn new(was_sent: bool, why: Option<String>) -> Self {
        Self { was_sent, why }
    }

    /// Was there a spawner that has gone, or did not finish what it was given? If not this thread runs no closure of
    /// [`to_thread`](crate::to_thread) or a relative.
    pub fn is_spawner_gone(&self) -> bool {
        self.was_sent
    }
}

impl fmt::Display for CallBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.was_sent, &self.why) {
            (false, _) => f.write_str(
                "there is nobody to call back to: this thread runs no closure that `to_thread` or a relative has sent",
            ),
            (true, None) => f.write_str("the spawner that sent this closure is gone"),
            (true, Some(why)) => write!(f, "the spawner that sent this closure takes nothing: {why}"),
        }
    }
}

impl Error for CallBackError {}
