//! Why a task gave no value, and why one was not taken.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use crate::error::Outcome;
use crate::panic::Panic;
use crate::shows::shows;
use crate::token::CancelReason;

/// Why a [`Task`](crate::Task) gave no value.
///
/// The code that gets one has observed the failure, and no hook is called for it.
///
/// # Examples
///
/// ```
/// use ingather::tasks::{TaskError, try_create_task};
/// use ingather::block_on;
///
/// block_on(async {
///     let task = try_create_task(async { "twelve".parse::<u32>() });
///     let Err(TaskError::Failed(error)) = task.await else { unreachable!() };
///     assert_eq!(error.to_string(), "invalid digit found in string");
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError<E = Infallible> {
    /// It gave an error.
    Failed(E),
    /// It panicked.
    Panicked(Panic),
    /// It was cancelled before its end, or never started.
    Cancelled(CancelReason),
}

impl<E> TaskError<E> {
    /// The error, if it gave one.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The panic, if it panicked. [`Panic::resume`] goes on with it.
    pub fn into_panic(self) -> Option<Panic> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }

    /// Why it was cancelled, if it was.
    pub fn cancelled(&self) -> Option<&CancelReason> {
        match self {
            Self::Cancelled(reason) => Some(reason),
            _ => None,
        }
    }

    /// Did it panic?
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Was it cancelled?
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl<T, E> From<TaskError<E>> for Outcome<T, E> {
    fn from(error: TaskError<E>) -> Self {
        match error {
            TaskError::Failed(error) => Self::Err(error),
            TaskError::Panicked(panic) => Self::Panicked(panic),
            TaskError::Cancelled(reason) => Self::Cancelled(reason),
        }
    }
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the task failed: {error}"),
            Self::Panicked(panic) => write!(f, "the task {panic}"),
            Self::Cancelled(reason) => write!(f, "the task was {reason}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for TaskError<E> {}

/// A registry did not take a task: why, and its future back, unpolled.
///
/// # Examples
///
/// ```
/// use ingather::cancel::CancelKind;
/// use ingather::TaskRegistry;
///
/// let registry = TaskRegistry::new();
/// registry.close();
/// let refused = registry.create_task_or_return(async { 7 }).unwrap_err();
/// assert_eq!(refused.reason().kind(), CancelKind::Closed);
/// assert_eq!(ingather::block_on(refused.into_future()), 7);
/// ```
pub struct TaskRefused<F> {
    future: F,
    reason: CancelReason,
}

impl<F> TaskRefused<F> {
    pub(super) fn new(future: F, reason: CancelReason) -> Self {
        Self { future, reason }
    }

    /// Why it was not taken.
    pub fn reason(&self) -> &CancelReason {
        &self.reason
    }

    /// The future that was handed in.
    pub fn into_future(self) -> F {
        self.future
    }
}

shows!([F] TaskRefused<F>, this => reason, ..);

impl<F> fmt::Display for TaskRefused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task was not taken: it was {}", self.reason)
    }
}

impl<F> Error for TaskRefused<F> {}
