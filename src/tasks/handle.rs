//! `TaskRegistry`: holds background tasks until they are over, and tells of them.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::counts_here::{ENTERED, counts_here};
use super::drain::Drain;
use super::error::TaskRefused;
use super::idle::WaitIdle;
use super::info::TaskInfo;
use super::named::NamedTask;
use super::shared::Shared;
use super::task::Task;
use crate::clock::Deadline;
use crate::context::WithContext;
use crate::error::Unhandled;
use crate::group::{self, AsValue, Fallible, GroupOptions, Label, State};
use crate::spawner::{Spawner, SpawnerHandle};
use crate::token::CancelReason;

/// Keeps background tasks alive until they end, lists those still running, and receives errors that no handle took.
///
/// [`create_task`](crate::create_task) finds the registry that counts where it is called. One of your own is for the tasks of
/// one part of a program: they can be counted, listed, cancelled and drained together, and have their own hook.
///
/// Clones are handles on the same registry. **Dropping the last handle loses nothing**: each task holds its registry, goes on
/// to its end, and its failure reaches the hook. A registry that has neither a handle nor a task is gone. What is over is let
/// go of at once, so that one that has run ten million tasks holds none.
///
/// It is no scope: nobody waits for it unless told to, see [`wait_idle`](Self::wait_idle) and [`drain`](Self::drain), and a
/// failing task touches no other. Prefer a [`scope`](crate::scope()) or a [`GatherGroup`](crate::GatherGroup) where the work
/// has an owner that can wait. A limit, grace, name, token or deadline are given with
/// [`GroupOptions::registry`].
///
/// # Comparison to tokio's `TaskTracker` and `JoinSet`
///
/// A `TaskTracker` counts tasks and can wait for them; it knows no names, cancels nothing, and a panic that no handle
/// receives is gone. A `JoinSet` keeps what its tasks gave until somebody asks, and aborts them when it is dropped.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::{Deadline, TaskRegistry, block_on};
///
/// block_on(async {
///     let jobs = TaskRegistry::new();
///     for n in 0..3 {
///         jobs.named(format!("job {n}")).create_task(async {});
///     }
///     let drained = jobs.drain(Deadline::after(Duration::from_secs(5))).await;
///     assert!(drained.is_clean());
///     assert!(jobs.is_empty());
/// });
/// ```
#[derive(Clone)]
pub struct TaskRegistry {
    shared: Arc<Shared>,
}

impl TaskRegistry {
    /// A registry on the [current spawner](crate::spawner::current_spawner).
    ///
    /// # Panics
    ///
    /// If there is no current spawner.
    #[track_caller]
    pub fn new() -> Self {
        GroupOptions::new().registry()
    }

    /// A registry on a spawner.
    #[track_caller]
    pub fn on<S: Spawner + Clone + 'static>(spawner: &S) -> Self {
        GroupOptions::new().on(spawner).registry()
    }

    /// The registry that counts here: the innermost that was entered [around](Self::within) this code, or else the default
    /// one of the [current spawner](crate::spawner::current_spawner).
    ///
    /// Tasks and children inherit what was entered where they were created. A default registry is held by its tasks and by
    /// the handles that were asked for; if it has neither, the next is another one.
    ///
    /// # Panics
    ///
    /// If none was entered and there is no current spawner.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{TaskRegistry, block_on, create_task};
    ///
    /// block_on(async {
    ///     create_task(std::future::pending::<()>());
    ///     let registry = TaskRegistry::current();
    ///     assert_eq!(registry.len(), 1);
    ///     registry.cancel_all(ingather::CancelReason::explicit());
    ///     registry.wait_idle().await;
    /// });
    /// ```
    #[track_caller]
    pub fn current() -> Self {
        let (shared, _) = counts_here();
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Makes this the registry that counts in a future: [`create_task`](crate::create_task) in it, and in whatever it
    /// starts, goes here. The tasks run on the spawner that is current where they are created.
    ///
    /// # Cancel safety
    ///
    /// It is as cancel safe as the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{TaskRegistry, block_on, create_task};
    ///
    /// async fn library() {
    ///     create_task(std::future::pending::<()>());
    /// }
    ///
    /// block_on(async {
    ///     let registry = TaskRegistry::new();
    ///     registry.within(library()).await;
    ///     assert_eq!(registry.len(), 1);
    /// });
    /// ```
    pub fn within<F: Future>(&self, future: F) -> WithContext<F> {
        ENTERED.scope(self.clone(), future)
    }

    /// Makes this the registry that counts in a call; see [`within`](Self::within).
    pub fn sync_within<R>(&self, f: impl FnOnce() -> R) -> R {
        ENTERED.sync_scope(self.clone(), f)
    }

    /// Starts a background task on the registry's spawner; otherwise like [`create_task`](crate::create_task).
    ///
    /// If the registry is closed the future is dropped unpolled, with a warning, and the task reads
    /// [`Cancelled`](crate::tasks::TaskError::Cancelled)`(Closed)`; [`create_task_or_return`](Self::create_task_or_return) gives
    /// the future back instead.
    #[track_caller]
    pub fn create_task<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let label = Label::here(None);
        self.shared
            .create::<F, AsValue<Infallible>>(None, &label, future)
    }

    /// Starts a background task that can fail: its error comes out of the handle or goes to the hook.
    ///
    /// It stands to [`create_task`](Self::create_task) as [`try_spawn`](crate::Scope::try_spawn) to
    /// [`spawn`](crate::Scope::spawn), but no other task is cancelled.
    #[track_caller]
    pub fn try_create_task<F, T, E>(&self, future: F) -> Task<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let label = Label::here(None);
        self.shared.create::<F, Fallible>(None, &label, future)
    }

    /// Starts a background task, or gives the future back.
    ///
    /// # Errors
    ///
    /// The future, unpolled, if the registry is closed, or was cancelled by its deadline or token.
    #[track_caller]
    pub fn create_task_or_return<F>(&self, future: F) -> Result<Task<F::Output>, TaskRefused<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let label = Label::here(None);
        self.shared
            .create_or_return::<F, AsValue<Infallible>>(None, &label, future)
    }

    /// Starts a background task that can fail, or gives the future back.
    ///
    /// # Errors
    ///
    /// The future, unpolled, as for [`create_task_or_return`](Self::create_task_or_return).
    #[track_caller]
    pub fn try_create_task_or_return<F, T, E>(
        &self,
        future: F,
    ) -> Result<Task<T, E>, TaskRefused<F>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let label = Label::here(None);
        self.shared
            .create_or_return::<F, Fallible>(None, &label, future)
    }

    /// Gives the next task a name, for errors, warnings and snapshots.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{TaskRegistry, block_on};
    ///
    /// let registry = TaskRegistry::new();
    /// let task = registry.named("upload").create_task(async { 1 });
    /// assert_eq!(task.name().as_deref(), Some("upload"));
    /// assert_eq!(block_on(task).unwrap(), 1);
    /// ```
    pub fn named(&self, name: impl Into<Arc<str>>) -> NamedTask<'_> {
        NamedTask::new(self, name.into())
    }

    /// Sets what is called with each error or panic of a task that no handle gave. Without one, the hook of the process is
    /// told, see [`set_unhandled_hook`](crate::error::set_unhandled_hook).
    ///
    /// It is called where the task ended, or where its handle was dropped after that. If it panics, the hook of the process is
    /// told instead, of both. The registry keeps the hook: one that holds the registry keeps it alive for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use ingather::{TaskRegistry, block_on};
    ///
    /// let (tell, told) = mpsc::channel();
    /// let registry = TaskRegistry::new();
    /// registry.on_unhandled(move |lost| {
    ///     let name = lost.child().and_then(|child| child.name().map(String::from));
    ///     let _ = tell.send((name.unwrap_or_default(), lost.error_text().unwrap_or_default().to_owned()));
    /// });
    /// registry.named("parser").try_create_task(async { "twelve".parse::<u32>() });
    /// block_on(registry.wait_idle());
    /// assert_eq!(told.recv(), Ok(("parser".to_owned(), "invalid digit found in string".to_owned())));
    /// ```
    pub fn on_unhandled(&self, hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) {
        self.shared.set_hook(Arc::new(hook));
    }

    /// The number of tasks that are not over.
    pub fn len(&self) -> usize {
        self.shared.groups().len()
    }

    /// Is no task left that is not over?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tasks that are not over, the oldest of each spawner first: names, places, ages and states.
    ///
    /// Those whose future is being dropped right now may be missing.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::TaskRegistry;
    ///
    /// let registry = TaskRegistry::new();
    /// let task = registry.named("listener").create_task(std::future::pending::<()>());
    /// let tasks = registry.snapshot();
    /// assert_eq!(tasks[0].name(), Some("listener"));
    /// assert_eq!(tasks[0].id(), task.id());
    /// task.cancel();
    /// ```
    pub fn snapshot(&self) -> Vec<TaskInfo> {
        let branches = self.shared.groups().branches();
        let mut all: Vec<_> = branches.iter().flat_map(|branch| branch.tasks()).collect();
        all.sort_by_key(TaskInfo::id);
        all
    }

    /// Waits until no task is left. Tasks may be created meanwhile, and are waited for too.
    ///
    /// It polls none of them itself: a task that blocks its thread does not block the thread that waits here.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future leaves everything as it is.
    pub fn wait_idle(&self) -> WaitIdle {
        WaitIdle::new(self.clone())
    }

    /// Cancels the tasks that are there now, for a reason; each as [`Task::cancel`](crate::Task::cancel) does.
    ///
    /// Later ones are not touched: [`close`](Self::close) first if there are to be none.
    pub fn cancel_all(&self, reason: CancelReason) {
        self.shared.groups().cancel(&reason);
    }

    /// Takes no more tasks; those that are there go on.
    pub fn close(&self) {
        self.shared.groups().close();
    }

    /// Does the registry take no more tasks?
    pub fn is_closed(&self) -> bool {
        self.shared.groups().is_closed()
    }

    /// Empties the registry within a bound: closes it, waits until the deadline, cancels what is left, and says who is stuck.
    ///
    /// The tasks that are cancelled have the registry's [grace](crate::GroupOptions::grace) and then one second for a poll
    /// that they are in the middle of, or as long as [`patience`](Drain::patience) says. What is not over by then is
    /// abandoned: it is named in the report, and dropped at the end of that poll if there is one.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, it leaves the registry closed and the tasks as they are. It can be called again.
    ///
    /// # Panics
    ///
    /// If there is no clock, unless the deadline is [`NEVER`](Deadline::NEVER); see
    /// [`current_clock`](crate::clock::current_clock).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::{Deadline, TaskRegistry, block_on};
    ///
    /// block_on(async {
    ///     let registry = TaskRegistry::new();
    ///     registry.named("forever").create_task(std::future::pending::<()>());
    ///     let drained = registry.drain(Deadline::after(Duration::from_millis(1))).await;
    ///     assert_eq!(drained.cancelled()[0].name(), Some("forever"));
    ///     assert!(drained.stuck().is_empty());
    /// });
    /// ```
    #[track_caller]
    pub fn drain(&self, deadline: impl Into<Deadline>) -> Drain {
        Drain::new(self.clone(), deadline.into())
    }

    /// Drops, on this thread, cancelled tasks that are not being polled, and tells of those that are left.
    pub(crate) fn sweep(&self) -> Vec<TaskInfo> {
        for branch in self.shared.groups().branches() {
            branch.group().sweep();
        }
        self.snapshot()
    }

    pub(super) fn grace(&self) -> std::time::Duration {
        self.shared.groups().first().grace()
    }

    /// The spawner on which [`create_task`](Self::create_task) runs tasks.
    pub fn spawner(&self) -> SpawnerHandle {
        self.shared.groups().first().spawner().clone()
    }

    /// The name of the registry, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.shared.groups().first().name()
    }
}

impl Default for TaskRegistry {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<C: State> GroupOptions<group::Shared, C> {
    /// Opens a [`TaskRegistry`] with these options.
    ///
    /// Limit, grace, token and deadline hold for its tasks, by spawner; what errors and panics do to the others has no
    /// meaning for it.
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::GroupOptions;
    ///
    /// let uploads = GroupOptions::new().name("uploads").limit(4).registry();
    /// assert_eq!(uploads.name(), Some("uploads"));
    /// ```
    #[track_caller]
    pub fn registry(self) -> TaskRegistry {
        TaskRegistry {
            shared: Shared::open(self.into_state(), Location::caller()),
        }
    }
}

impl fmt::Debug for TaskRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.groups().debug("TaskRegistry", f)
    }
}
