//! How the children of a group ended, in numbers.

use crate::group::cell::Ending;

/// The account of a group: how many of its children ended how.
///
/// Complete once the group is left: then `ok + failed + panicked + cancelled` is the number of children it ever had.
///
/// # Examples
///
/// ```
/// use ingather::{GatherGroup, block_on};
///
/// let group = GatherGroup::new();
/// for n in 0..3 {
///     group.spawn(async move { n });
/// }
/// group.spawn(std::future::pending::<()>()).cancel();
/// let tally = block_on(group.join());
/// assert_eq!((tally.ok, tally.cancelled, tally.total()), (3, 1, 4));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tally {
    /// Ended with a value.
    pub ok: u64,
    /// Of these: the value was taken, by awaiting the key or with `take_result`.
    pub taken: u64,
    /// Of these: the key was dropped, and the value with it.
    pub dropped: u64,
    /// Ended with an error that failed the group.
    pub failed: u64,
    /// Panicked.
    pub panicked: u64,
    /// Were cancelled.
    pub cancelled: u64,
    /// Were refused, since the group was cancelled or closed. The group never had them: they are none of the above.
    pub refused: u64,
}

impl Tally {
    /// The number of children that are over.
    pub fn total(&self) -> u64 {
        self.ok + self.failed + self.panicked + self.cancelled
    }

    #[inline]
    pub(in crate::group) fn count(&mut self, end: Ending, kept: bool) {
        match end {
            Ending::Value => {
                self.ok += 1;
                self.dropped += u64::from(!kept);
            }
            Ending::Failed => self.failed += 1,
            Ending::Panicked => self.panicked += 1,
            Ending::Cancelled => self.cancelled += 1,
        }
    }
}
