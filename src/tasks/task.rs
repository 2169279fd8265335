//! `Task`: the handle of one background task.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::background::End;
use super::error::TaskError;
use crate::error::{ChildInfo, GatherIncomplete, KeyId};
use crate::group::Key;
use crate::token::{CancelKind, CancelReason, CancelToken};

/// The handle of a background task, made by [`create_task`](crate::create_task) and its relatives.
///
/// Awaited, it gives the task's value, or a [`TaskError`] that says why there is none. The same from a thread is
/// [`wait`](Self::wait). `E` is the error of a task that was made with [`try_create_task`](crate::tasks::try_create_task).
///
/// Dropping the handle neither cancels the task nor waits for it. It only says that nobody will ask: an error or panic that no
/// handle gave goes to the registry's [hook](crate::TaskRegistry::on_unhandled), when the task is over, or at once if it
/// is over by then; a value is dropped.
///
/// It differs from a [`Key`] in that no group waits for its task, and in that errors and panics come out here.
///
/// One handle gives what the task ended with once. Where several threads or tasks wait for it, share the handle:
/// `task.map(Result::ok).shared()`, of [`FutureExt`](futures::FutureExt), can be cloned, and awaited or
/// [run](crate::run_sync()) by each.
///
/// # Cancel safety
///
/// Awaiting `&mut task` is cancel safe: what the task ended with is given once, in one step, or not at all.
///
/// # Panics
///
/// If it is polled again after it has given what the task ended with.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, create_task};
///
/// let answer = block_on(async {
///     let task = create_task(async { 6 * 7 });
///     task.await
/// });
/// assert_eq!(answer.unwrap(), 42);
/// ```
pub struct Task<T, E = Infallible> {
    key: Key<End<T, E>>,
}

impl<T, E> Task<T, E> {
    pub(super) fn new(key: Key<End<T, E>>) -> Self {
        Self { key }
    }

    /// The identity of the task.
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    /// The task's id, name and place together.
    pub fn child(&self) -> ChildInfo {
        self.key.child()
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<Arc<str>> {
        self.key.child().name
    }

    /// The call that created it.
    pub fn location(&self) -> &'static Location<'static> {
        self.key.location()
    }

    /// Is the task over, in whatever way? Asking observes no failure.
    pub fn is_finished(&self) -> bool {
        self.key.is_finished()
    }

    /// Cancels the task: its token turns, and when the registry's [grace](crate::GroupOptions::grace) is over, none unless it
    /// was given, it is dropped at its next suspension.
    ///
    /// What it has finished by then counts. Nothing if it is over or was cancelled before. Await the task to wait for its
    /// end.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, create_task};
    ///
    /// block_on(async {
    ///     let task = create_task(std::future::pending::<()>());
    ///     task.cancel();
    ///     assert!(task.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    #[track_caller]
    pub fn cancel(&self) {
        self.key.cancel();
    }

    /// [Cancels](Self::cancel) the task for a reason.
    pub fn cancel_with(&self, reason: CancelReason) {
        self.key.cancel_with(reason);
    }

    /// [Cancels](Self::cancel) the task without grace, or ends the grace that it has; see [`Key::cancel_now`](crate::Key::cancel_now).
    #[track_caller]
    pub fn cancel_now(&self) {
        self.key.cancel_now();
    }

    /// The token that turns when the task is cancelled; [`current_token`](crate::current_token) gives it to the task.
    ///
    /// Cancelling the token cancels the task. When the task is over it is a token that nobody else has.
    pub fn token(&self) -> CancelToken {
        self.key.token()
    }

    /// Blocks this thread until the task is over, and gives what awaiting it would.
    ///
    /// Where this thread is one on which the task's spawner runs jobs, it sees to the registry's tasks meanwhile, so that a
    /// spawner with one thread is not stuck. What such a task waits for otherwise it cannot see to: in async code, await
    /// the task.
    ///
    /// # Errors
    ///
    /// Why there is no value.
    ///
    /// # Panics
    ///
    /// Where this thread must not be blocked since it alone drives the runtime that the task may wait for; see
    /// [`Spawner::may_block`](crate::Spawner::may_block). If the task waits for itself. If what the task ended with was
    /// given before.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::create_task;
    ///
    /// let task = create_task(async { "done" });
    /// assert_eq!(task.wait().unwrap(), "done");
    /// ```
    #[track_caller]
    pub fn wait(mut self) -> Result<T, TaskError<E>> {
        let end = self.key.wait_until(None);
        given(end.expect("a wait without end has an end"))
    }

    /// Blocks this thread until the task is over, but no longer than so long, by the system's clock. `None`: it is not over,
    /// goes on, and can be waited for again.
    ///
    /// # Errors
    ///
    /// Inside the `Some`: why there is no value.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::tasks::TaskError;
    /// use ingather::create_task;
    ///
    /// let mut task = create_task(std::future::pending::<()>());
    /// assert!(task.wait_timeout(Duration::from_millis(1)).is_none());
    /// task.cancel();
    /// assert!(matches!(task.wait(), Err(TaskError::Cancelled(_))));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<Result<T, TaskError<E>>> {
        let until = Instant::now().checked_add(limit);
        self.key.wait_until(until).map(given)
    }
}

/// What the key of a task gives, for the code that asked for the task.
fn given<T, E>(end: Result<End<T, E>, GatherIncomplete>) -> Result<T, TaskError<E>> {
    match end {
        Ok(end) => end.take(),
        Err(GatherIncomplete::Cancelled(reason)) => Err(TaskError::Cancelled(reason)),
        Err(GatherIncomplete::Taken) => {
            panic!("a task gives what it ended with once: do not poll it again after that")
        }
        // Errors and panics are part of the value.
        Err(_) => Err(TaskError::Cancelled(CancelReason::new(
            CancelKind::Abandoned,
        ))),
    }
}

impl<T, E> Future for Task<T, E> {
    type Output = Result<T, TaskError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.key).poll(cx).map(given)
    }
}

impl<T, E> fmt::Debug for Task<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = self.key.child();
        let mut out = f.debug_struct("Task");
        out.field("id", &child.id());
        if let Some(name) = child.name() {
            out.field("name", &name);
        }
        out.field("location", &format_args!("{}", child.location()))
            .field("finished", &self.is_finished())
            .finish()
    }
}
