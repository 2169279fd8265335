//! Why a key has no result to give.

use std::error::Error;
use std::fmt;

use crate::token::CancelReason;

/// Why a [`Key`](crate::Key) has no result.
///
/// The name and the idea of an error for a result that is asked for too early are Prefect's `GatherIncomplete`;
/// here it also tells apart a child that has not finished from one that never will.
///
/// # Examples
///
/// ```
/// use ingather::{GatherGroup, GatherIncomplete, block_on};
///
/// block_on(async {
///     let (one, two) = (GatherGroup::new(), GatherGroup::new());
///     let key = one.spawn(async { 1 });
///     assert_eq!(two.get_result(&key), Err(GatherIncomplete::UnknownKey));
///     one.join().await;
///     two.join().await;
///     assert_eq!(one.get_result(&key), Ok(&1));
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatherIncomplete {
    /// The child has started, or may start at any moment, and is not over.
    Running,
    /// The child waits in line for one of the group's slots, see [`GroupOptions::limit`](crate::GroupOptions::limit).
    Waiting,
    /// The child ended with an error, which went to the group's [`GroupError`](crate::GroupError).
    Failed,
    /// The child panicked; the panic comes out where the group is left.
    Panicked,
    /// The child was cancelled, or never started.
    Cancelled(CancelReason),
    /// The result was taken before.
    Taken,
    /// The key belongs to another group.
    UnknownKey,
}

impl GatherIncomplete {
    /// May a result still come?
    ///
    /// True for [`Running`](Self::Running) and [`Waiting`](Self::Waiting) alone.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Running | Self::Waiting)
    }

    /// Was the child cancelled?
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl fmt::Display for GatherIncomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("the child is not over: await its key or join the group"),
            Self::Waiting => f.write_str("the child waits for one of the group's slots"),
            Self::Failed => f.write_str("the child failed: its error is in the group's error"),
            Self::Panicked => f.write_str("the child panicked"),
            Self::Cancelled(reason) => write!(f, "the child was {reason}"),
            Self::Taken => f.write_str("the result was taken before"),
            Self::UnknownKey => f.write_str("the key belongs to another group"),
        }
    }
}

impl Error for GatherIncomplete {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Cancelled(reason) => Some(reason),
            _ => None,
        }
    }
}
