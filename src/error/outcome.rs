//! How one call ended, as a value.

use crate::panic::Panic;
use crate::token::CancelReason;

/// How one call ended: value, error, panic or cancelled.
///
/// What [`gather_settled`](crate::gather_settled) gives for each call, and what a [`Joiner`](crate::joiner::Joiner) is notified of.
/// It differs from [`Failure`](crate::error::Failure) in that it may also be a success.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome<T, E = std::convert::Infallible> {
    /// It gave a value.
    Ok(T),
    /// It gave an error.
    Err(E),
    /// It panicked.
    Panicked(Panic),
    /// It was cancelled before its end.
    Cancelled(CancelReason),
}

impl<T, E> Outcome<T, E> {
    /// Did it give a value?
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }

    /// The value, if it gave one.
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Ok(value) => Some(value),
            _ => None,
        }
    }

    /// The error, if it gave one.
    pub fn err(self) -> Option<E> {
        match self {
            Self::Err(error) => Some(error),
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

impl<T, E> From<Result<T, E>> for Outcome<T, E> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Err(error),
        }
    }
}
