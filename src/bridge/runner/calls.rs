//! What runs on a runner, and waiting for that.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::{AsyncRunner, RunnerError};
use crate::blocked::park_until_ready_or;
use crate::bridge::run_sync::{Blocks, WouldBlock};
use crate::tasks::{Task, TaskError, TaskRefused};

impl AsyncRunner {
    /// Starts a future on the loop.
    ///
    /// It goes on when the handle is dropped. On a runner that was closed it is dropped unpolled, and the task reads cancelled;
    /// [`create_task_or_return`](Self::create_task_or_return) gives it back.
    #[track_caller]
    pub fn create_task<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.knows_if_lost();
        self.registry.create_task(future)
    }

    /// Starts a future that can fail on the loop. Its error comes out of the handle, or else is reported, at the latest in the
    /// [`ShutdownReport`](super::ShutdownReport).
    #[track_caller]
    pub fn try_create_task<F, T, E>(&self, future: F) -> Task<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.knows_if_lost();
        self.registry.try_create_task(future)
    }

    /// Starts a future on the loop, or gives it back.
    ///
    /// # Errors
    ///
    /// If the runner was closed, or stayed behind in the process that this one was forked from.
    #[track_caller]
    pub fn create_task_or_return<F>(&self, future: F) -> Result<Task<F::Output>, TaskRefused<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.knows_if_lost();
        self.registry.create_task_or_return(future)
    }

    /// One whose threads stayed behind in another process takes nothing.
    fn knows_if_lost(&self) {
        if self.event_loop.is_lost() {
            self.registry.close();
        }
    }

    /// Runs a future on the loop, and blocks this thread until it is over.
    ///
    /// A worker thread of an executor that is blocked by this is handed over or stood in for, as by [`run_sync`](crate::run_sync).
    ///
    /// # Errors
    ///
    /// If the runner was closed; on its own thread, where it would wait for itself; if the future was cancelled.
    ///
    /// # Panics
    ///
    /// With what the future panics with.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::bridge::{AsyncRunner, RunnerError};
    ///
    /// let runner = AsyncRunner::start()?;
    /// assert_eq!(runner.run(async { 7 }).unwrap(), 7);
    ///
    /// drop(runner.close(std::time::Duration::ZERO));
    /// let Err(RunnerError::Closed(future)) = runner.run(async { 8 }) else { unreachable!() };
    /// assert_eq!(ingather::run_sync(future), 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F>(&self, future: F) -> Result<F::Output, RunnerError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.run_within(future, None)
    }

    /// Runs a future on the loop, and blocks this thread until it is over, but no longer than so long. Then the future is cancelled,
    /// and nobody waits for its end: this returns in time even if it blocks the loop's thread.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run), and if the time is over.
    ///
    /// # Panics
    ///
    /// With what the future panics with.
    #[track_caller]
    pub fn run_timeout<F>(&self, future: F, limit: Duration) -> Result<F::Output, RunnerError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.run_within(future, Some(limit))
    }

    #[track_caller]
    fn run_within<F>(&self, future: F, limit: Option<Duration>) -> Result<F::Output, RunnerError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if let Some(blocks) = self.blocks("AsyncRunner::run") {
            return Err(RunnerError::WouldBlock(WouldBlock::new(future, blocks)));
        }
        match self.create_task_or_return(future) {
            Ok(task) => wait_for(task, limit),
            Err(refused) => Err(RunnerError::Closed(refused.into_future())),
        }
    }

    /// Whom a call would block that waits for the loop: itself, on the loop's own thread.
    #[track_caller]
    pub(super) fn blocks(&self, call: &'static str) -> Option<Blocks> {
        self.is_current().then(|| Blocks {
            call,
            location: Location::caller(),
            runtime: format!("runner `{}`", self.name()),
        })
    }

    /// Calls a closure on the loop's thread, and blocks this thread until it has returned. Called at once where this is the loop's
    /// thread.
    ///
    /// # Errors
    ///
    /// If the runner was closed. The closure is in the error.
    ///
    /// # Panics
    ///
    /// With what the closure panics with.
    #[track_caller]
    pub fn call<R, C>(&self, closure: C) -> Result<R, RunnerError<C>>
    where
        C: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        if self.is_current() {
            return Ok(closure());
        }
        let future = Called {
            closure: Some(closure),
        };
        self.run(future)
            .map_err(|error| error.map(|called| called.closure.expect("it was not called")))
    }

    /// Waits until the loop has given a turn to all that was ready when this was called, but no longer than so long: `false` if it
    /// has not, since it is blocked or closed. On the loop's own thread there is nothing to wait for, and `false` too.
    #[track_caller]
    pub fn turn(&self, limit: Duration) -> bool {
        // It is behind all that is ready, and behind what those wake once it has yielded.
        let turn = async {
            let mut yielded = false;
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut yielded, true) {
                    return std::task::Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            })
            .await;
        };
        self.run_timeout(turn, limit).is_ok()
    }
}

/// The call of a closure as a future that gives it back.
struct Called<C> {
    closure: Option<C>,
}

impl<C> Unpin for Called<C> {}

impl<R, C: FnOnce() -> R> Future for Called<C> {
    type Output = R;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<R> {
        let closure = self.closure.take().expect("it is polled once");
        std::task::Poll::Ready(closure())
    }
}

/// Blocks this thread until a task is over, or cancels it when the time is over.
pub(in crate::bridge) fn wait_for<T, F>(
    mut task: Task<T, Infallible>,
    limit: Option<Duration>,
) -> Result<T, RunnerError<F>> {
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    match park_until_ready_or(&mut task, until) {
        Some(Ok(value)) => Ok(value),
        Some(Err(TaskError::Panicked(panic))) => panic.resume(),
        Some(Err(TaskError::Failed(never))) => match never {},
        Some(Err(TaskError::Cancelled(reason))) => Err(RunnerError::Cancelled(reason)),
        None => {
            task.cancel();
            Err(RunnerError::TimedOut)
        }
    }
}
