//! Who holds a lock.

use std::fmt;
use std::panic::Location;
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

/// What somebody asks for a lock with: who it is, and in which call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    owner: Option<Owner>,
    at: &'static Location<'static>,
}

impl Claim {
    pub(super) const fn new(owner: Option<Owner>, at: &'static Location<'static>) -> Self {
        Self { owner, at }
    }

    /// The task that asks, if it can be told from others.
    pub(super) fn task(self) -> Option<KeyId> {
        match self.owner? {
            Owner::Task(task) => Some(task),
            Owner::Thread(_) => None,
        }
    }

    /// Are both of the same owner? Those of nobody are of different ones.
    pub(super) fn is_of_the_same(self, other: Self) -> bool {
        self.owner.is_some() && self.owner == other.owner
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Some(Owner::Task(child)) if child.is_body() => {
                write!(f, "by the body of group {}", child.group)?;
            }
            Some(Owner::Task(child)) => write!(f, "by child {child}")?,
            Some(Owner::Thread(thread)) => write!(f, "by {thread:?}")?,
            None => f.write_str("by async code outside of all groups")?,
        }
        write!(f, " at {}", self.at)
    }
}
