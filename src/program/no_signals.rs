//! Stands in for `signals` where the feature is off: nobody listens.

use std::sync::Arc;

use super::running::Program;

/// A run that listens; there is none.
#[derive(Debug)]
pub(super) enum Listening {}

impl Listening {
    pub(super) fn begin(_program: &Arc<Program>, _signals: bool) -> Option<Self> {
        None
    }

    pub(super) fn end(self) {
        match self {}
    }
}
