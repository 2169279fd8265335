//! Groups that were dropped inside of this one while a child of theirs was in a poll, on another thread.
//!
//! A drop does not wait, so such a child is over a little later, at the end of its poll. The group around counts the group that was
//! dropped as one more child until then: when it is left nothing is polled any more that was begun in it.

use std::sync::Arc;

use crate::group::sched::Sched;
use crate::group::sched::effects::Effects;

/// A group that counts another.
pub(in crate::group) trait Around: Send + Sync {
    /// The other has ended.
    fn loses_straggler(self: Arc<Self>);
}

impl Sched {
    /// How many children are not over, without those that stand for a group.
    pub(in crate::group::sched) fn children_left(&self) -> usize {
        self.live - self.stragglers
    }

    /// Counts a group inside, unless this one has ended.
    pub(in crate::group) fn counts_straggler(&mut self) -> bool {
        let counts = !self.has_ended();
        if counts {
            self.live += 1;
            self.stragglers += 1;
        }
        counts
    }

    /// The group inside has ended.
    pub(in crate::group) fn straggler_is_over(&mut self, effects: &mut Effects) {
        self.live -= 1;
        self.stragglers -= 1;
        self.dismiss_if_alone(effects);
        self.tell_of_an_end(effects);
    }

    /// This group was dropped, and `around` counts it until it has ended. It comes back if that is so.
    pub(in crate::group) fn is_counted_by(
        &mut self,
        around: Arc<dyn Around>,
    ) -> Option<Arc<dyn Around>> {
        if self.has_ended() {
            return Some(around);
        }
        self.counted_by.replace(around)
    }
}
