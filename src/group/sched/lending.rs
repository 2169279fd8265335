//! Batches: children that are lent to a driver, what it gives back, and what others need of them meanwhile.

use std::mem;

use super::effects::Effects;
use super::{Sched, Turned};
use crate::group::cell::{CellRef, Ending};
use crate::group::queues::batch::{BatchSlot, LARGEST};
use crate::group::queues::watchers::Events;
use crate::order;

/// Fewer are taken one at a time.
const FEW: usize = 4;

impl Sched {
    /// Lends the first of the ready children, if there are enough, as far as others have a share in them. `room` is what the
    /// driver may poll.
    #[inline]
    pub(super) fn lend(&mut self, room: usize, slot: &mut BatchSlot) -> Option<usize> {
        if self.ready.len() < FEW {
            return None;
        }
        self.lend_share(room, slot)
    }

    fn lend_share(&mut self, room: usize, slot: &mut BatchSlot) -> Option<usize> {
        // Not more than a fair share, so that the other drivers find work in the queue and need not take it out of this batch.
        let share = self.ready.len() / self.max_drivers.max(1);
        let count = share.min(room).min(LARGEST);
        let is_calm = !self.hard && self.doomed.is_empty() && !self.is_urgent();
        if count < FEW || !is_calm || !order::is_first_come() {
            return None;
        }
        let ordered = self.completions.is_some();
        let counted = self.limit.is_awaited();
        let batch = slot.fill(count, ordered, counted, || self.ready.pop_front());
        self.lent.push(batch);
        Some(count)
    }

    /// Must each end be counted at once?
    fn is_urgent(&self) -> bool {
        let watched = Events::COMPLETION.and(Events::ALONE);
        self.background > 0 || self.watchers.waits(watched)
    }

    /// A driver gives back what it was lent.
    pub(super) fn give_back(
        &mut self,
        slot: &mut BatchSlot,
        turned: Turned,
        effects: &mut Effects,
    ) {
        let children = slot.take_back(&mut self.lent);
        let (polled, others) = children.split_at_mut(turned.polled);
        for (index, slot) in polled.iter_mut().enumerate() {
            let Some(child) = slot else { break };
            if turned.was_woken(index) && self.takes(child.child()) {
                if let Some(child) = slot.take() {
                    self.ready.push_back(child.stay());
                }
            } else if let Some(listed) = self.tell(child.child(), effects) {
                child.and(listed);
            }
        }
        // Those that the driver did not come to were first in the queue, and are so again.
        for slot in others.iter_mut().rev() {
            if let Some(child) = slot.take_if(|child| self.takes(child.child())) {
                self.ready.push_front(child.stay());
            }
        }
    }

    /// Counts the end of a child that is untold: the live list's reference.
    #[inline]
    fn tell(&mut self, child: &CellRef, effects: &mut Effects) -> Option<CellRef> {
        let kept = child.untold()?;
        let listed = self.children.remove(child)?;
        self.ended(child, Ending::Value, kept, effects);
        Some(listed)
    }

    /// Counts the end of a child, unless that was done.
    pub(in crate::group) fn settle_one(&mut self, child: &CellRef, effects: &mut Effects) {
        if let Some(listed) = self.tell(child, effects) {
            effects.release(listed);
        }
    }

    /// Counts the ends of all that are over.
    pub(in crate::group) fn settle(&mut self, effects: &mut Effects) {
        // Taken out, since counting an end needs the group as a whole; no batch is lent or taken back under the lock meanwhile.
        let lent = mem::take(&mut self.lent);
        for child in lent.iter().flat_map(|batch| batch.children()) {
            self.settle_one(child, effects);
        }
        self.lent = lent;
    }

    /// Counts the ends of all that are over, and from now on each at once: for somebody who waits for them.
    pub(in crate::group) fn settle_from_now(&mut self, effects: &mut Effects) {
        // First this and then the look: see `Batch`.
        self.hurry();
        self.settle(effects);
    }

    /// The same for somebody who is about to find all slots taken. Ends are told at once as long as anybody waits for one.
    #[inline]
    pub(in crate::group) fn settle_for_slots(&mut self, effects: &mut Effects) {
        if self.limit.lacks_one() {
            self.settle_from_now(effects);
        }
    }

    /// A child that waits for a driver which is busy with another one, and whether there are more. Where children are
    /// dropped the sweep sees to them.
    #[inline]
    pub(super) fn waiting_elsewhere(&self) -> Option<(&CellRef, bool)> {
        if self.lent.is_empty() || self.hard {
            return None;
        }
        self.waiting_in_batch()
    }

    #[cold]
    fn waiting_in_batch(&self) -> Option<(&CellRef, bool)> {
        let lent = self.lent.iter().flat_map(|batch| batch.children());
        let mut waiting = lent.filter(|child| child.is_waiting());
        let first = waiting.next()?;
        Some((first, waiting.next().is_some()))
    }

    /// From now on drivers give back what they were lent after each poll.
    #[inline]
    pub(in crate::group) fn hurry(&self) {
        self.lent.iter().for_each(|batch| batch.hurry());
    }
}
