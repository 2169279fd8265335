//! What a group leaves to its owner: what failed, and values that are missing.

use std::fmt;

use crate::error::{ChildFailure, ChildInfo, GroupError};
use crate::group::cell::Failed;
use crate::token::{CancelKind, CancelReason};

/// What failed in a group that is closed and has no child, whose owner may go: only the end of a group makes one.
#[must_use = "dropped, it sends what failed to the unhandled hook"]
pub(crate) struct Left {
    pub(in crate::group) failures: Vec<Failed>,
    pub(in crate::group) lacks: Vec<(usize, Lack)>,
    pub(in crate::group) given: Option<Given>,
}

/// That the failures of a group were given to somebody who left it before.
#[derive(Clone)]
pub(in crate::group) struct Given {
    /// Names the first child that failed.
    pub(in crate::group) reason: CancelReason,
    /// One of them was a panic that is resumed.
    pub(in crate::group) resumed: bool,
}

/// Why something has no value to give.
#[derive(Clone, Debug)]
pub(crate) struct Lack {
    /// The child that gave nothing, where it is one alone.
    pub(crate) child: Option<ChildInfo>,
    /// Why it was cancelled.
    pub(crate) reason: CancelReason,
}

impl Lack {
    /// What an error tells of, in a group whose children cannot fail.
    pub(crate) fn of<E>(error: &GroupError<E>) -> Self {
        let leaf = error.iter().next();
        error.cancelled().map_or_else(Self::unknown, |reason| Self {
            child: leaf.and_then(ChildFailure::child).cloned(),
            reason: reason.clone(),
        })
    }

    pub(in crate::group) fn unknown() -> Self {
        Self {
            child: None,
            reason: CancelReason::new(CancelKind::Explicit),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.child {
            Some(child) => write!(f, "the {child} was {}", self.reason),
            None => write!(f, "its calls were {}", self.reason),
        }
    }
}
