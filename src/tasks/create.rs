//! Creating tasks without a registry at hand.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::counts_here::counts_here;
use super::task::Task;
use crate::group::{AsValue, Fallible, Label};

/// Starts a background task on the [current spawner](crate::spawner::current_spawner), held by the registry that counts here.
///
/// The task goes on when the code that created it is over, and when the handle is dropped: nothing here waits for it. The registry
/// holds it until it is over, and then releases it at once. An error or panic that no handle gave goes to the registry's
/// [hook](crate::TaskRegistry::on_unhandled), so that none is lost in silence.
///
/// Which registry counts is what [`TaskRegistry::current`](crate::TaskRegistry::current) says. If it is closed the future is
/// dropped unpolled, with a warning, and the task reads cancelled; `TaskRegistry::current().create_task_or_return(..)` gives
/// the future back instead.
///
/// Prefer a [`scope`](crate::scope()) where somebody can wait: a background task is for what has no such place. The
/// name is that of Prefect's `create_task` and asyncio's; unlike the latter's, these tasks are not collected as garbage.
///
/// # Panics
///
/// If there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::{TaskRegistry, block_on, create_task};
///
/// block_on(async {
///     create_task(async { /* write an entry to the audit log */ });
///     TaskRegistry::current().wait_idle().await;
/// });
/// ```
#[track_caller]
pub fn create_task<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (registry, spawner) = counts_here();
    let label = Label::here(None);
    registry.create::<F, AsValue<Infallible>>(spawner.as_ref(), &label, future)
}

/// Starts a background task that can fail: [`create_task`], and its error comes out of the handle or goes to the hook.
///
/// # Panics
///
/// If there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::tasks::try_create_task;
/// use ingather::block_on;
///
/// let parsed = block_on(try_create_task(async { "12".parse::<u32>() }));
/// assert_eq!(parsed.unwrap(), 12);
/// ```
#[track_caller]
pub fn try_create_task<F, T, E>(future: F) -> Task<T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let (registry, spawner) = counts_here();
    let label = Label::here(None);
    registry.create::<F, Fallible>(spawner.as_ref(), &label, future)
}

/// Starts a background task with a name, for errors, warnings and snapshots: otherwise like [`create_task`].
///
/// # Panics
///
/// If there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::tasks::create_named_task;
/// use ingather::block_on;
///
/// block_on(async {
///     let task = create_named_task("heartbeat", async {});
///     assert_eq!(task.name().as_deref(), Some("heartbeat"));
/// });
/// ```
#[track_caller]
pub fn create_named_task<F>(name: impl Into<Arc<str>>, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (registry, spawner) = counts_here();
    let label = Label::here(Some(name.into()));
    registry.create::<F, AsValue<Infallible>>(spawner.as_ref(), &label, future)
}
