//! One task, as its registry tells of it.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::error::{ChildInfo, KeyId};
use crate::group::Glance;
use crate::token::CancelReason;

/// One task that is not over, as [`TaskRegistry::snapshot`](crate::TaskRegistry::snapshot) tells of it.
///
/// A mere record: dropping it does nothing. Its display is one line for a log.
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// use ingather::TaskRegistry;
///
/// let registry = TaskRegistry::new();
/// let _task = registry.named("upload").create_task(pending::<()>());
/// for task in registry.snapshot() {
///     assert_eq!(task.name(), Some("upload"));
///     println!("{task}"); // with its place, age and state
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TaskInfo {
    child: ChildInfo,
    age: Duration,
    state: TaskState,
    is_polled: bool,
}

/// How far a task is.
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// use ingather::tasks::TaskState;
/// use ingather::{CancelReason, TaskRegistry};
///
/// let registry = TaskRegistry::new();
/// let _task = registry.named("loop").create_task(pending::<()>());
/// let is_cancelled = |state: &TaskState| matches!(state, TaskState::Cancelled(_));
/// assert!(!registry.snapshot().iter().any(|task| is_cancelled(task.state())));
/// registry.cancel_all(CancelReason::explicit());
/// assert!(registry.snapshot().iter().all(|task| is_cancelled(task.state())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It has started, or may start at any moment.
    Running,
    /// It has not started, since the registry's [limit](crate::GroupOptions::limit) is reached.
    Waiting,
    /// It was cancelled and is not over yet: it has grace left, a [`shield`](crate::shield) holds it, or it is in the middle
    /// of a poll.
    Cancelled(CancelReason),
}

impl TaskInfo {
    pub(super) fn new(age: Duration, glance: Glance) -> Self {
        let state = match glance.cancelled {
            Some(reason) => TaskState::Cancelled(reason),
            None if glance.in_line => TaskState::Waiting,
            None => TaskState::Running,
        };
        Self {
            child: glance.child,
            age,
            state,
            is_polled: glance.is_polled,
        }
    }

    /// The task's identity, as [`Task::id`](crate::Task::id) gives it.
    pub fn id(&self) -> KeyId {
        self.child.id()
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.child.name()
    }

    /// The call that created it.
    pub fn location(&self) -> &'static Location<'static> {
        self.child.location()
    }

    /// How long ago it was created, by the clock of its spawner. To the millisecond, and three per cent of its age.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// How far it is.
    pub fn state(&self) -> &TaskState {
        &self.state
    }

    /// Was it in the middle of a poll, or its future of being dropped? One that is so for long blocks a thread.
    pub fn is_polled(&self) -> bool {
        self.is_polled
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "task `{name}`")?,
            None => f.write_str("task")?,
        }
        write!(
            f,
            " of {}, {:?} old, {}",
            self.location(),
            self.age,
            self.state
        )?;
        if self.is_polled {
            f.write_str(", in a poll")?;
        }
        Ok(())
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Waiting => f.write_str("waiting for a slot"),
            Self::Cancelled(reason) => fmt::Display::fmt(reason, f),
        }
    }
}
