//! The failures of calls until somebody receives them: what is left when this is dropped goes to the unhandled hook.

use std::sync::Arc;

use super::CallInfo;
use crate::error::unhandled::report_child_panic;
use crate::error::{ChildFailure, ChildInfo, Failure, GroupError, OneByOne, Outcome};
use crate::gather::site::lose_error;
use crate::group::tell;
use crate::shows::shows;
use crate::token::CancelReason;

/// What failed, in the order in which it happened.
pub(super) struct Failed<E> {
    group: Option<Arc<str>>,
    leaves: OneByOne<ChildFailure<E>>,
    /// The reason for which the group was cancelled.
    cancelled: Option<CancelReason>,
}

impl<E> Failed<E> {
    pub(super) const fn new() -> Self {
        Self {
            group: None,
            leaves: OneByOne::new(),
            cancelled: None,
        }
    }

    /// Takes in what is no value, and gives the value if it is one.
    pub(super) fn sort<T>(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Option<T> {
        let failure = match outcome {
            Outcome::Ok(value) => return Some(value),
            Outcome::Err(error) => Failure::Error(error),
            Outcome::Panicked(panic) => Failure::Panicked(panic),
            Outcome::Cancelled(reason) => match call.group_reason() {
                Some(groups) if *groups == reason => {
                    self.group = call.group_name();
                    self.cancelled.get_or_insert(reason);
                    return None;
                }
                // For itself.
                _ => Failure::Cancelled(reason),
            },
        };
        self.group = call.group_name();
        self.leaves.push(ChildFailure {
            child: Some(call.child()),
            failure,
        });
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// All of them in one error; if nothing failed, the reason for which the group was cancelled. `None` if it was not.
    pub(super) fn into_error(mut self) -> Option<GroupError<E>> {
        let leaves = std::mem::take(&mut self.leaves);
        let cancelled = self.cancelled.take();
        if leaves.is_empty() && cancelled.is_none() {
            return None;
        }
        Some(GroupError::of(self.group.take(), leaves, cancelled).told_with(tell))
    }

    /// Releases errors that do not count any more. Panics do.
    pub(super) fn forgive(mut self) {
        let leaves = std::mem::take(&mut self.leaves).into_iter();
        let (panics, others) = leaves.partition(|leaf| leaf.failure.is_panic());
        self.leaves = panics;
        drop::<OneByOne<_>>(others);
    }
}

impl<E> Drop for Failed<E> {
    fn drop(&mut self) {
        for leaf in std::mem::take(&mut self.leaves) {
            if let Some(child) = &leaf.child {
                lose_failure(child, leaf.failure);
            }
        }
    }
}

shows!([E] Failed<E>, this => failures: this.leaves.len(), ..);

fn lose_failure<E>(child: &ChildInfo, failure: Failure<E>) {
    match failure {
        Failure::Error(error) => lose_error(error, child),
        Failure::Panicked(panic) => report_child_panic(child, &panic),
        Failure::Cancelled(_) => {}
    }
}
