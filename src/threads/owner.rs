//! Who holds a lock.

use std::thread::{self, ThreadId};

use crate::error::KeyId;
use crate::group::task_here;

/// Somebody who can take a lock again that is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A child of a group, or the body of a scope.
    Task(KeyId),
    /// A thread, outside of all groups.
    Thread(ThreadId),
}

impl Owner {
    /// Of async code. `None`: it runs in no group, and cannot be told from other tasks.
    pub(super) fn of_task() -> Option<Self> {
        task_here().map(Self::Task)
    }

    /// Of code that blocks its thread.
    pub(super) fn of_thread() -> Self {
        Self::of_task().unwrap_or_else(|| Self::Thread(thread::current().id()))
    }
}
