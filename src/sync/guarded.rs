//! Waits that end something else: a task with the wait, or a wait with a guard.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::blocking::{block_on, ready_within};
use super::many::WaitTimedOut;
use crate::clock::{Sleep, sleep};
use crate::shows::shows;
use crate::tasks::{Task, TaskError};

/// Waits for a task, and cancels it if the wait is given up.
///
/// A [`Task`] goes on when its handle is dropped. Here the wait owns it: dropped before the end, it cancels the task. With a
/// time limit, [`cancel_after`](WaitOrCancel::cancel_after) or [`wait_timeout`](WaitOrCancel::wait_timeout), the task is
/// cancelled when the time is over, and its clean-up is waited for.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::sync::wait_or_cancel;
/// use ingather::{block_on, create_task};
///
/// block_on(async {
///     let task = create_task(std::future::pending::<()>());
///     let ended = wait_or_cancel(task).cancel_after(Duration::from_millis(2)).await;
///     assert!(ended.unwrap_err().is_cancelled());
/// });
/// ```
pub fn wait_or_cancel<T, E>(task: Task<T, E>) -> WaitOrCancel<T, E> {
    WaitOrCancel {
        task,
        limit: None,
        over: false,
    }
}

/// Waits for a task that it owns; made by [`wait_or_cancel`].
///
/// Dropped before the task is over, it cancels it.
///
/// # Cancel safety
///
/// Dropping it is what cancels the task.
#[must_use = "the task is cancelled when this is dropped: await it"]
pub struct WaitOrCancel<T, E> {
    task: Task<T, E>,
    limit: Option<Sleep>,
    over: bool,
}

impl<T, E> WaitOrCancel<T, E> {
    /// Cancels the task when so much time has passed from now, by the clock that counts here, and goes on waiting for its end.
    /// What it has finished by then counts.
    ///
    /// # Panics
    ///
    /// If there is no clock; see [`current_clock`](crate::clock::current_clock).
    #[track_caller]
    pub fn cancel_after(self, limit: Duration) -> Self {
        let limit = Some(sleep(limit));
        self.with_limit(limit)
    }

    fn with_limit(mut self, limit: Option<Sleep>) -> Self {
        self.limit = limit;
        self
    }

    /// Blocks this thread until the task is over.
    ///
    /// # Errors
    ///
    /// Why the task gave no value.
    ///
    /// # Panics
    ///
    /// If it is not over and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn wait_blocking(self) -> Result<T, TaskError<E>> {
        block_on(self)
    }

    /// Blocks this thread until the task is over. When so much time has passed the task is cancelled, and its end waited for,
    /// however long its clean-up takes.
    ///
    /// # Errors
    ///
    /// Why the task gave no value.
    ///
    /// # Panics
    ///
    /// As for [`wait_blocking`](Self::wait_blocking).
    #[track_caller]
    pub fn wait_timeout(mut self, limit: Duration) -> Result<T, TaskError<E>> {
        if let Some(end) = ready_within(limit, |cx| Pin::new(&mut self).poll(cx)) {
            return end;
        }
        self.task.cancel();
        block_on(self)
    }
}

impl<T, E> Drop for WaitOrCancel<T, E> {
    fn drop(&mut self) {
        if !self.over {
            self.task.cancel();
        }
    }
}

impl<T, E> Future for WaitOrCancel<T, E> {
    type Output = Result<T, TaskError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut end = Pin::new(&mut this.task).poll(cx);
        let limit = this.limit.as_mut();
        if end.is_pending() && limit.is_some_and(|limit| Pin::new(limit).poll(cx).is_ready()) {
            this.limit = None;
            this.task.cancel();
            end = Pin::new(&mut this.task).poll(cx);
        }
        this.over = end.is_ready();
        end
    }
}

shows!([T, E] WaitOrCancel<T, E>, this => (this.task));

/// Runs a future as long as a guard is not over.
///
/// If the guard is over first, the future is dropped, and what the guard ended with comes out as the error. So work that needs a
/// background task does not wait for ever for one that has died. The future is asked first: what is ready counts.
///
/// # Cancel safety
///
/// That of the future and of the guard, which are dropped with it; the guard may be a `&mut`.
///
/// # Examples
///
/// ```
/// use ingather::sync::{promise, run_guarded};
/// use ingather::{block_on, create_task};
///
/// block_on(async {
///     let (_connection, answer) = promise::<u32>();
///     let mut connection = create_task(async { "connection lost" });
///     let result = run_guarded(answer, &mut connection).await;
///     assert_eq!(result.unwrap_err().unwrap(), "connection lost");
/// });
/// ```
pub fn run_guarded<F: Future, G: Future>(future: F, guard: G) -> RunGuarded<F, G> {
    RunGuarded {
        future: Some(future),
        guard,
    }
}

pin_project! {
    /// Runs a future as long as a guard is not over; made by [`run_guarded`].
    ///
    /// Dropped, it drops both.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct RunGuarded<F, G> {
        #[pin]
        future: Option<F>,
        #[pin]
        guard: G,
    }
}

impl<F: Future, G: Future> RunGuarded<F, G> {
    /// Blocks this thread until the future or its guard is over.
    ///
    /// # Errors
    ///
    /// What the guard ended with, if that was first.
    ///
    /// # Panics
    ///
    /// If neither is over and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn wait_blocking(self) -> Result<F::Output, G::Output> {
        block_on(self)
    }

    /// Blocks this thread until the future or its guard is over, but no longer than so long; then both are dropped.
    ///
    /// # Errors
    ///
    /// If neither was over in time. Inside the `Ok`: what the guard ended with, if that was first.
    pub fn wait_timeout(
        self,
        limit: Duration,
    ) -> Result<Result<F::Output, G::Output>, WaitTimedOut> {
        let mut this = pin!(self);
        ready_within(limit, |cx| this.as_mut().poll(cx)).ok_or(WaitTimedOut)
    }
}

impl<F: Future, G: Future> Future for RunGuarded<F, G> {
    type Output = Result<F::Output, G::Output>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a guarded future is not polled after it was ready");
        let result = match future.poll(cx) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => match this.guard.poll(cx) {
                Poll::Ready(end) => Err(end),
                Poll::Pending => return Poll::Pending,
            },
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

shows!([F, G] RunGuarded<F, G>, this => is_over: this.future.is_none(), ..);
