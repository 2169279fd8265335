//! A group that was dropped while a child was in a poll: who waits for that.

use std::sync::Arc;

use super::core::Core;
use super::position::Position;
use crate::depth;
use crate::group::sched::Sched;
use crate::group::sched::counts::Around;

impl Core {
    /// Its owner has dropped it. Where a child is in a poll yet the nearest group around it that has not ended counts it until it has.
    pub(in crate::group) fn has_stragglers(self: &Arc<Self>) {
        if self.read(Sched::has_ended) {
            return;
        }
        let outside = self.parent().into_iter().flat_map(Position::enclosing);
        let around = outside.filter_map(Position::core).find(|around| {
            // It owns itself where a child drops the group that it is in.
            !Arc::ptr_eq(around, self) && around.with(|sched, _| sched.counts_straggler())
        });
        if let Some(around) = around {
            let over = self.with(|sched, _| sched.is_counted_by(Arc::clone(around) as _));
            over.into_iter().for_each(Around::loses_straggler);
        }
    }
}

impl Around for Core {
    fn loses_straggler(self: Arc<Self>) {
        // It may be the last of one that is counted in turn.
        depth::bounded(move || self.with(|sched, effects| sched.straggler_is_over(effects)));
    }
}
