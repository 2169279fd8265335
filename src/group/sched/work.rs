//! What a driver is to do next, and what it says of what it did.

use super::Sched;
use super::effects::Effects;
use super::pace::Spent;
use crate::group::cell::{CellRef, Claimed, Finished};
use crate::group::queues::batch::BatchSlot;
use crate::group::queues::driver_jobs::DriverId;
use crate::order;
use crate::token::CancelReason;

/// In one turn of so many a driver with more to do helps another that is busy.
const HELPS: u64 = 8;

/// What a driver did with the child that it had.
pub(in crate::group) enum Done {
    /// It had none.
    First,
    /// The same, and it is a driver that is polled from now on.
    Begins(DriverId),
    Parked,
    Over(Finished),
    Woken(CellRef),
    /// It had the batch in its slot.
    Batch(Turned),
}

/// How far a driver got with a batch.
#[derive(Clone, Copy, Default)]
pub(in crate::group) struct Turned {
    pub(super) polled: usize,
    /// A bit for each that was polled, and woken meanwhile.
    woken: u32,
}

impl Turned {
    /// One more was polled.
    pub(in crate::group) fn next(&mut self, woken: bool) {
        self.woken |= u32::from(woken) << self.polled;
        self.polled += 1;
    }

    pub(in crate::group) fn any_woken(self) -> bool {
        self.woken != 0
    }

    pub(super) fn was_woken(self, index: usize) -> bool {
        self.woken & (1 << index) != 0
    }
}

/// What a driver is to do next.
pub(in crate::group) enum Work {
    Poll(CellRef),
    /// The children in its slot.
    Batch,
    Drop(Claimed, CancelReason),
    /// The turn is over, and there is more.
    Later,
    Nothing,
    /// The driver was given up.
    GivenUp,
}

impl Sched {
    /// A driver gives back the child that it had. `false`: it was given up.
    #[inline]
    pub(in crate::group) fn take_back(
        &mut self,
        done: Done,
        by_owner: bool,
        slot: &mut BatchSlot,
        effects: &mut Effects,
    ) -> bool {
        // An owner between two children counts as free: it takes the next by itself, and need not be called.
        if by_owner && !matches!(done, Done::First) {
            self.free_owners += 1;
        }
        match done {
            Done::Begins(id) => return self.driver_begins(id, effects),
            Done::Batch(turned) => self.give_back(slot, turned, effects),
            Done::First | Done::Parked => {}
            Done::Over(finished) => self.over(finished, effects),
            Done::Woken(child) => self.push_quietly(child, effects),
        }
        true
    }

    /// Is there work, what was `lent` just now included, beyond what `spare` others are about to do?
    #[inline]
    pub(super) fn has_work(&self, lent: usize, spare: usize) -> bool {
        if self.ready.len() + self.doomed.len() + lent > spare {
            return !self.ending;
        }
        self.hard && spare == 0 && self.live > 0 && !self.ending && !self.children.is_swept()
    }

    /// What the caller is to do next, within its turn: a child, or some that come into its slot. If there is more, somebody
    /// else is called to it.
    #[inline]
    pub(in crate::group) fn work(
        &mut self,
        by_owner: bool,
        spent: &mut Spent,
        slot: &mut BatchSlot,
        effects: &mut Effects,
    ) -> Work {
        self.take_in(effects);
        let (left, came) = self.ready.counts();
        let room = spent.room(left, came);
        let mut others = 0;
        let work = if self.ending {
            Work::Nothing
        } else if let Some(count) = self.lend(room, slot) {
            // Of those lent the first is polled at once. The others may wait behind it, and are work for somebody else.
            others = count - 1;
            self.open_shards(effects);
            Work::Batch
        } else {
            self.next_work(room, spent, &mut others, effects)
        };
        if by_owner && !matches!(work, Work::Nothing | Work::Later) {
            self.free_owners -= 1;
        }
        self.nudge_beyond(others, effects);
        work
    }

    #[inline]
    fn next_work(
        &mut self,
        room: usize,
        spent: &mut Spent,
        others: &mut usize,
        effects: &mut Effects,
    ) -> Work {
        // Children to be dropped come first: they hold resources, and what they hold may be what others wait for.
        if self.doomed.is_empty() {
            if room > 0 {
                if let Some(child) = self.next_ready() {
                    return Work::Poll(child);
                }
            }
            if !self.hard {
                let is_later = self.ready.len() > 0;
                // Those that always yield must not keep others behind the long poll of a sibling: in a few turns one of them is
                // polled before the turn ends.
                if is_later && !(self.turns % HELPS == 0 && spent.helps()) {
                    return Work::Later;
                }
                let Some((child, more)) = self.waiting_elsewhere() else {
                    return if is_later { Work::Later } else { Work::Nothing };
                };
                *others = usize::from(more);
                return Work::Poll(child.clone());
            }
        }
        self.work_of_cancelled(room, effects)
    }

    #[cold]
    fn work_of_cancelled(&mut self, room: usize, effects: &mut Effects) -> Work {
        if let Some((child, reason)) = self.next_doomed(effects) {
            return Work::Drop(child, reason);
        }
        if room > 0 {
            if let Some(child) = self.next_ready() {
                return Work::Poll(child);
            }
        }
        match self.sweep(effects) {
            Some((child, reason)) => Work::Drop(child, reason),
            None if self.ready.len() > 0 => Work::Later,
            None => Work::Nothing,
        }
    }

    #[inline]
    fn next_ready(&mut self) -> Option<CellRef> {
        match order::pick(self.ready.len()) {
            0 => self.ready.pop_front(),
            index => self.ready.remove(index),
        }
    }
}
