//! How one call ended, as a value.

use crate::panic::Panic;
use crate::token::CancelReason;

/// How one call ended: value, error, panic or cancelled.
///
/// What [`gather_settled`](crate::gather_settled) gives for each call, and what a [`Joiner`](crate::joiner::Joiner) is notified of.
/// It differs from [`Failure`](crate::error::Failure) in that it may also be a success.
///
/// # Examples
///
/// ```
/// use ingather::{Outcome, block_on, gather_settled};
///
/// async fn half(n: u32) -> Result<u32, String> {
///     if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }
/// }
///
/// let outcomes = block_on(gather_settled([2, 3].map(|n| move || half(n))));
/// for outcome in outcomes {
///     match outcome {
///         Outcome::Ok(n) => assert_eq!(n, 1),
///         Outcome::Err(text) => assert_eq!(text, "3 is odd"),
///         Outcome::Panicked(panic) => panic!("{panic}"),
///         other => panic!("{other:?}"),
///     }
/// }
/// ```
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
