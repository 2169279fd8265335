//! What a group leaves to its owner: what failed, and values that are missing.

use std::fmt;
use std::mem::take;

use crate::error::{ChildFailure, ChildInfo, GroupError};
use crate::group::cell::Failed;
use crate::token::{CancelKind, CancelReason};

/// What failed in a group that is closed and has no child, whose owner may go: only the end of a group makes one.
#[must_use = "dropped, it sends what failed to the unhandled hook"]
pub(crate) struct Left(Option<Box<Trouble>>);

/// What has gone wrong in a group.
#[derive(Default)]
pub(in crate::group) struct Trouble {
    pub(in crate::group) failures: Vec<Failed>,
    /// Children that were cancelled alone, where all are needed, and how many had failed before.
    pub(in crate::group) lacks: Vec<(usize, Lack)>,
    /// What those are told who leave when somebody has taken the failures.
    pub(in crate::group) given: Option<Given>,
}

impl Left {
    #[inline]
    pub(super) fn new(trouble: Option<Trouble>) -> Self {
        Self(trouble.map(Box::new))
    }

    /// What has gone wrong, if anything has.
    pub(in crate::group) fn trouble(self) -> Trouble {
        self.into_trouble()
            .map_or_else(Trouble::default, |trouble| *trouble)
    }

    pub(super) fn into_trouble(self) -> Option<Box<Trouble>> {
        self.0
    }
}

impl Trouble {
    /// Failures are given once. What is kept of them makes each later join fail, too.
    pub(super) fn give(&mut self, resumes: bool) -> Self {
        let before = self.given.clone();
        if before.is_none() {
            self.given = self.gives(resumes);
        }
        Self {
            failures: take(&mut self.failures),
            lacks: take(&mut self.lacks),
            given: before,
        }
    }

    /// What is kept of the failures that are about to be given, for those who leave later.
    fn gives(&self, resumed: bool) -> Option<Given> {
        let failed = self.failures.first();
        let failed = failed.map(|failed| CancelReason::failed_before(failed.info()));
        let lacking = || Some(self.lacks.first()?.1.reason.clone());
        let reason = failed.or_else(lacking)?;
        Some(Given { reason, resumed })
    }
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
