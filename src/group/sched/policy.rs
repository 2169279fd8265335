//! What a group does when a child fails: pure functions of its settings.

use crate::group::cell::Ending;

/// What the error of a child does to its group.
///
/// # Examples
///
/// ```
/// use ingather::{GatherGroup, GroupOptions, OnError, block_on};
///
/// let group: GatherGroup<&str> = GroupOptions::new().on_error(OnError::KeepGoing).fallible_group();
/// group.try_spawn(async { Err::<(), _>("no such host") });
/// let sibling = group.spawn(async { 7 });
/// assert_eq!(block_on(sibling), Ok(7)); // it was not cancelled
/// assert!(block_on(group.try_join()).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnError {
    /// The other children and the body are cancelled; the group waits for them and reports everything that failed.
    #[default]
    CancelSiblings,
    /// Everybody finishes; the group reports everything that failed.
    KeepGoing,
}

/// What the panic of a child does to its group.
///
/// # Examples
///
/// ```
/// use std::panic::resume_unwind;
///
/// use ingather::{GroupOptions, OnPanic, block_on};
///
/// let failed = block_on(GroupOptions::new().on_panic(OnPanic::Collect).try_scope(|tg| async move {
///     tg.spawn(async { resume_unwind(Box::new("oops")) });
///     Ok::<_, std::io::Error>(())
/// }));
/// let error = failed.expect_err("a child panicked");
/// assert!(error.first().is_panic());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnPanic {
    /// The other children and the body are cancelled, and once all are over the panic goes on where the group is left.
    #[default]
    Resume,
    /// The panic is one more failure: [`OnError`] applies, and it becomes a leaf of the
    /// [`GroupError`](crate::GroupError). A form without such an error sends it to the unhandled hook.
    Collect,
}

/// The settings that decide.
#[derive(Clone, Copy, Default)]
pub(crate) struct Policy {
    pub(crate) on_error: OnError,
    pub(crate) on_panic: OnPanic,
}

impl Policy {
    /// Does a child that ended like this cancel its siblings?
    pub(in crate::group) fn cancels_siblings(self, end: Ending) -> bool {
        let failure = self.on_error == OnError::CancelSiblings;
        match end {
            Ending::Value | Ending::Cancelled => false,
            Ending::Failed => failure,
            Ending::Panicked => failure || self.resumes(end),
        }
    }

    /// Does a child that ended like this make the owner panic when it leaves?
    pub(in crate::group) fn resumes(self, end: Ending) -> bool {
        end == Ending::Panicked && self.on_panic == OnPanic::Resume
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_to_be_resumed_cancels_even_a_group_that_keeps_going() {
        let keep_going = Policy {
            on_error: OnError::KeepGoing,
            on_panic: OnPanic::Resume,
        };
        assert!(keep_going.cancels_siblings(Ending::Panicked));
        assert!(!keep_going.cancels_siblings(Ending::Failed));
        let collect = Policy {
            on_panic: OnPanic::Collect,
            ..keep_going
        };
        assert!(!collect.cancels_siblings(Ending::Panicked));
        assert!(!collect.resumes(Ending::Panicked));
    }

    #[test]
    fn a_cancelled_child_cancels_nobody() {
        assert!(!Policy::default().cancels_siblings(Ending::Cancelled));
        assert!(Policy::default().cancels_siblings(Ending::Failed));
    }
}
