//! Why a child did not start, and why saying so was in vain.

use std::error::Error;
use std::fmt;

use super::boxed;
use crate::shows::shows;
use crate::token::CancelReason;

/// Why [`Scope::start`](crate::Scope::start) gave no child.
///
/// # Examples
///
/// ```
/// use ingather::{Ready, StartError, block_on, scope};
///
/// block_on(scope(|tg| async move {
///     // It ends without a word: a server that found its port taken, say.
///     let started = tg.start(|ready: Ready<u16>| async move { drop(ready) }).await;
///     assert!(matches!(started, Err(StartError::NotStarted)));
/// }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError<E> {
    /// The group takes no more children: it was closed or cancelled before, and nothing was polled, or it was cancelled before
    /// the child had started.
    Refused(CancelReason),
    /// The child failed before it had started.
    Failed(E),
    /// The child was cancelled before it had started, by its caller's cancel or its own, with the executor or with its group, and
    /// was dropped or gave way.
    Cancelled(CancelReason),
    /// The child was over without having said that it had started, and without a cancel.
    NotStarted,
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the group takes no more children: {reason}"),
            Self::Failed(error) => write!(f, "the child failed before it had started: {error}"),
            Self::Cancelled(reason) => write!(f, "the child had not started when it was {reason}"),
            Self::NotStarted => f.write_str(
                "the child was over before it had started: it has to call `started` on what it was given",
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display + 'static> Error for StartError<E> {
    /// The reason of a cancel, and the error of the child where that is a boxed one. One of another type is in the variant.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(reason) | Self::Cancelled(reason) => Some(reason),
            Self::Failed(error) => boxed(error),
            Self::NotStarted => None,
        }
    }
}

/// The error of [`Ready::started`](crate::Ready::started): it had no effect, and the value comes back.
///
/// # Examples
///
/// ```
/// use ingather::{Ready, block_on, scope};
///
/// block_on(scope(|tg| async move {
///     let start = tg.start(|ready: Ready<u16>| async move {
///         assert!(ready.started(80).is_ok());
///         let again = ready.started(81).expect_err("it was said before");
///         assert_eq!(again.into_value(), 81);
///     });
///     assert!(start.await.is_ok());
/// }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StartedError<V> {
    value: V,
    deserted: bool,
}

impl<V> StartedError<V> {
    pub(crate) fn new(value: V, deserted: bool) -> Self {
        Self { value, deserted }
    }

    /// Has the caller gone, or the child ended? Otherwise `started` was called before.
    pub fn is_deserted(&self) -> bool {
        self.deserted
    }

    /// What was handed in.
    pub fn into_value(self) -> V {
        self.value
    }
}

shows!([V] StartedError<V>, this => deserted, ..);

impl<V> fmt::Display for StartedError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.deserted {
            "nobody waits for the child to start any more"
        } else {
            "the child has said before that it started: call `started` once"
        })
    }
}

impl<V> Error for StartedError<V> {}
