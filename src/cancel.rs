//! Why something was cancelled: the first cause, kept for good.

use std::fmt;
use std::sync::Arc;

use crate::error::ChildInfo;

/// What made a group or a child end before its time.
///
/// The first cause wins: a group that was cancelled because a child failed stays so, whatever happens afterwards.
/// Cloning is cheap.
///
/// # Examples
///
/// ```
/// use ingather::{CancelKind, GatherGroup, GatherIncomplete, block_on};
///
/// block_on(async {
///     let group = GatherGroup::new();
///     let key = group.spawn(std::future::pending::<()>());
///     group.cancel();
///     group.join().await;
///     let Err(GatherIncomplete::Cancelled(reason)) = group.get_result(&key) else { unreachable!() };
///     assert_eq!(reason.kind(), CancelKind::Explicit);
/// });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CancelReason(Arc<Cause>);

#[derive(PartialEq, Eq)]
struct Cause {
    kind: CancelKind,
    child: Option<ChildInfo>,
    message: Option<String>,
}

/// The kinds of [`CancelReason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelKind {
    /// Somebody called `cancel`.
    Explicit,
    /// A child of the same group failed or panicked; [`CancelReason::child`] says which.
    SiblingFailed,
    /// The body of the scope failed or panicked.
    BodyFailed,
    /// The scope or group was dropped before its end.
    Dropped,
    /// The group was closed before the child could be spawned.
    Closed,
    /// The spawner refused or dropped the group's jobs, and nobody was left to run its children.
    Abandoned,
}

impl CancelReason {
    pub(crate) fn new(kind: CancelKind) -> Self {
        Self(Arc::new(Cause {
            kind,
            child: None,
            message: None,
        }))
    }

    pub(crate) fn sibling_failed(child: ChildInfo) -> Self {
        Self(Arc::new(Cause {
            kind: CancelKind::SiblingFailed,
            child: Some(child),
            message: None,
        }))
    }

    pub(crate) fn abandoned(message: String) -> Self {
        Self(Arc::new(Cause {
            kind: CancelKind::Abandoned,
            child: None,
            message: Some(message),
        }))
    }

    /// What kind of cause it was.
    pub fn kind(&self) -> CancelKind {
        self.0.kind
    }

    /// The child that was the cause, if one was.
    pub fn child(&self) -> Option<&ChildInfo> {
        self.0.child.as_ref()
    }

    /// What is known besides, such as the error with which a spawner refused.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }
}

impl fmt::Debug for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CancelReason");
        out.field("kind", &self.0.kind);
        if let Some(child) = self.child() {
            out.field("child", child);
        }
        if let Some(message) = self.message() {
            out.field("message", &message);
        }
        out.finish()
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind() {
            CancelKind::Explicit => "cancelled by request",
            CancelKind::SiblingFailed => "cancelled because a sibling failed",
            CancelKind::BodyFailed => "cancelled because the scope's body failed",
            CancelKind::Dropped => "cancelled because the group was dropped",
            CancelKind::Closed => "not started because the group was closed",
            CancelKind::Abandoned => "cancelled because the spawner runs no jobs of the group",
        };
        f.write_str(text)?;
        if let Some(child) = self.child() {
            write!(f, ": {child}")?;
        }
        if let Some(message) = self.message() {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}
