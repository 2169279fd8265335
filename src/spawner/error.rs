//! `SpawnError`: a spawner did not take a job.

use alloc::borrow::Cow;
use core::error::Error;
use core::fmt;

/// A spawner did not take a job.
///
/// Made by implementations of [`Spawner`](super::Spawner) and [`LocalSpawner`](super::LocalSpawner); the job has been
/// dropped by the time its caller sees this.
///
/// # Examples
///
/// ```
/// use ingather::spawner::SpawnError;
///
/// let full = SpawnError::new("its queue is full; spawn again later");
/// assert_eq!(full.message(), "its queue is full; spawn again later");
/// assert_eq!(full.to_string(), "the spawner refused a job: its queue is full; spawn again later");
/// assert_ne!(full, SpawnError::shut_down());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnError {
    message: Cow<'static, str>,
}

impl SpawnError {
    /// An error with the reason for it, a lower-case phrase without a full stop.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// The error of an executor that has been shut down.
    #[must_use]
    pub const fn shut_down() -> Self {
        Self {
            message: Cow::Borrowed("the executor is shut down and runs no more jobs"),
        }
    }

    /// Why the job was not taken.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the spawner refused a job: {}", self.message)
    }
}

impl Error for SpawnError {}
