//! How the end of a runner went.

use std::fmt;

use crate::program::ExitFailure;
use crate::tasks::TaskInfo;

/// How a runner ended.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::bridge::{AsyncRunner, ShutdownKind};
///
/// let runner = AsyncRunner::start()?;
/// let code = match runner.close(Duration::from_secs(5)).kind() {
///     ShutdownKind::Clean => 0,
///     ShutdownKind::Cancelled => 1,
///     _ => 2, // something is stuck
/// };
/// assert_eq!(code, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShutdownKind {
    /// Every task was over by itself, in time.
    Clean,
    /// Some had to be cancelled.
    Cancelled,
    /// A task or a thread did not end, and is left behind.
    Stuck,
}

/// How the end of an [`AsyncRunner`](super::AsyncRunner) went: which tasks had to be cancelled, what is stuck, and what failed and was
/// received by nobody.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
///
/// use ingather::bridge::AsyncRunner;
///
/// let runner = AsyncRunner::start()?;
/// let _task = runner.create_task(pending::<()>());
/// let report = runner.close(Duration::from_millis(1));
/// assert_eq!(report.cancelled().len(), 1); // it was not over in time
/// assert!(report.stuck().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it says what was cut short, what is stuck and what failed"]
pub struct ShutdownReport {
    pub(super) name: String,
    pub(super) cancelled: Vec<TaskInfo>,
    pub(super) stuck: Vec<TaskInfo>,
    pub(super) stuck_threads: Vec<String>,
    pub(super) failures: Vec<ExitFailure>,
}

impl ShutdownReport {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cancelled: Vec::new(),
            stuck: Vec::new(),
            stuck_threads: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// How it ended.
    pub fn kind(&self) -> ShutdownKind {
        if !self.stuck.is_empty() || !self.stuck_threads.is_empty() {
            ShutdownKind::Stuck
        } else if !self.cancelled.is_empty() {
            ShutdownKind::Cancelled
        } else {
            ShutdownKind::Clean
        }
    }

    /// Was every task over by itself, and did nothing fail that nobody received?
    pub fn is_clean(&self) -> bool {
        self.kind() == ShutdownKind::Clean && self.failures.is_empty()
    }

    /// The tasks that were not over at the deadline and were cancelled, as they were then.
    pub fn cancelled(&self) -> &[TaskInfo] {
        &self.cancelled
    }

    /// The tasks that did not end although they were cancelled, as they were then.
    pub fn stuck(&self) -> &[TaskInfo] {
        &self.stuck
    }

    /// The names of the threads that did not end and are left behind.
    pub fn stuck_threads(&self) -> &[String] {
        &self.stuck_threads
    }

    /// What failed in tasks while the runner was closed, and was received by nobody.
    pub fn failures(&self) -> &[ExitFailure] {
        &self.failures
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.kind() {
            ShutdownKind::Clean => "was closed",
            ShutdownKind::Cancelled => "was closed, with tasks cancelled",
            ShutdownKind::Stuck => "was left behind",
        };
        write!(f, "runner `{}` {how}", self.name)?;
        for task in &self.cancelled {
            write!(f, "\n  cancelled: {task}")?;
        }
        for task in &self.stuck {
            write!(f, "\n  stuck: {task}")?;
        }
        for thread in &self.stuck_threads {
            write!(f, "\n  stuck: thread `{thread}`")?;
        }
        for failure in &self.failures {
            write!(f, "\n  failed: {failure}")?;
        }
        Ok(())
    }
}
