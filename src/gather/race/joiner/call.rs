//! What a joiner gets to know of one call.

use std::sync::Arc;

use crate::error::ChildInfo;
use crate::gather::site::Site;
use crate::token::CancelReason;

/// Which call it is that a [`Joiner`](crate::joiner::Joiner) is notified of.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::joiner::{CallInfo, Joiner, Verdict, join_with};
/// use ingather::Outcome;
///
/// /// Which calls gave a value.
/// struct Passed(Vec<usize>);
///
/// impl<T, E> Joiner<T, E> for Passed {
///     type Output = Vec<usize>;
///
///     fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
///         if outcome.is_ok() {
///             self.0.push(call.index());
///         }
///         Verdict::Continue
///     }
///
///     fn finish(self) -> Vec<usize> {
///         self.0
///     }
/// }
///
/// let checks = ["1", "x", "3"].map(|text| move || async move { text.parse::<u8>() });
/// assert_eq!(block_on(join_with(Passed(Vec::new()), checks)), [0, 2]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CallInfo<'a> {
    index: usize,
    site: Site,
    group: Option<&'a Arc<str>>,
    /// Why the group was cancelled, where a cancelled call is reported.
    reason: Option<&'a CancelReason>,
}

impl<'a> CallInfo<'a> {
    pub(in crate::gather) fn new(index: usize, site: Site, group: Option<&'a Arc<str>>) -> Self {
        Self {
            index,
            site,
            group,
            reason: None,
        }
    }

    /// In a group that was cancelled for this reason, if it was.
    pub(in crate::gather) fn of_group(mut self, reason: Option<&'a CancelReason>) -> Self {
        self.reason = reason;
        self
    }

    pub(super) fn group_reason(self) -> Option<&'a CancelReason> {
        self.reason
    }

    /// Its place among the calls, from 0 on.
    pub fn index(self) -> usize {
        self.index
    }

    /// The child that made the call, for messages: it is named after the index, and its place is that of all calls.
    pub fn child(self) -> ChildInfo {
        self.site.child(self.index)
    }

    /// The name of the group, if it was given one, see [`GroupOptions::name`](crate::GroupOptions::name).
    pub fn group(self) -> Option<&'a str> {
        self.group.map(|name| &**name)
    }

    pub(super) fn site(self) -> Site {
        self.site
    }

    pub(super) fn group_name(self) -> Option<Arc<str>> {
        self.group.cloned()
    }
}
