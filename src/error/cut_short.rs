//! That a scope which cannot fail was cut short.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::token::{CancelKind, CancelReason};

/// A scope that cannot fail was cut short, by its deadline, its token or a cancel: its only error.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::{GroupOptions, block_on};
///
/// let options = GroupOptions::new().name("lookup").timeout(Duration::from_millis(1));
/// let cut = block_on(options.scope_or_cut(|_tg| std::future::pending::<()>())).unwrap_err();
/// assert!(cut.is_timeout());
/// assert!(cut.to_string().starts_with("`lookup` was cancelled"), "{cut}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutShort {
    pub(crate) group: Option<Arc<str>>,
    pub(crate) reason: CancelReason,
}

impl CutShort {
    /// The name of the scope.
    pub fn name(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Why it was cut short.
    pub fn reason(&self) -> &CancelReason {
        &self.reason
    }

    /// Was it the scope's own deadline?
    pub fn is_timeout(&self) -> bool {
        self.reason.kind() == CancelKind::Deadline
    }
}

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(name) => write!(f, "`{name}` was {}", self.reason),
            None => write!(f, "the scope was {}", self.reason),
        }
    }
}

impl Error for CutShort {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}
