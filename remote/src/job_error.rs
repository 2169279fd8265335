//! `JobError`: how a job fails at a worker.

use std::error::Error;
use std::fmt;

/// How a job fails: for good, or to be tried again.
///
/// Any error becomes one that is tried again.
#[derive(Debug)]
pub struct JobError {
    pub(crate) code: u16,
    pub(crate) message: String,
    pub(crate) again: bool,
}

impl JobError {
    /// It failed for good, with a status code as of HTTP.
    pub fn fatal(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            again: false,
        }
    }

    /// It may succeed at another try.
    pub fn again(message: impl Into<String>) -> Self {
        Self {
            code: 500,
            message: message.into(),
            again: true,
        }
    }
}

impl<E: Error> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::again(error.to_string())
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
