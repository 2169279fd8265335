//! Who has a slot of a group with a limit: those from the line, the guests of those who await them, and callers.

use std::num::NonZeroUsize;

use super::Sched;
use super::effects::Effects;
use crate::group::cell::CellRef;
use crate::group::queues::wait_list::Ticket;

impl Sched {
    /// A child in line has got its slot.
    pub(super) fn start(&mut self, next: Option<CellRef>, effects: &mut Effects) {
        if let Some(next) = next {
            next.set_in_line(false);
            self.push(next, effects);
        }
    }

    /// A child that is under way awaits another: one in line runs in its slot meanwhile.
    pub(in crate::group) fn lend_slot(
        &mut self,
        lender: &CellRef,
        child: &CellRef,
        effects: &mut Effects,
    ) {
        self.settle_for_slots(effects);
        if child.end().is_some() || self.cancelled.is_some() {
            return;
        }
        let (lender, child) = (lender.id().child, child.id().child);
        let wake = |waker| effects.wake(waker);
        let guest = self.limit.lend(lender, child, is_child, wake);
        self.start(guest, effects);
    }

    /// A caller that waited for a slot goes away.
    pub(in crate::group) fn leave_slots(&mut self, ticket: Ticket, effects: &mut Effects) {
        let (next, waker) = self.limit.leave(ticket, |waker| effects.wake(waker));
        effects.drop_waker(waker);
        self.start(next, effects);
        self.give_back_permits(effects);
    }

    /// Lets this many children be under way from now on. `false`: the group has no limit of its own.
    pub(in crate::group) fn set_limit(
        &mut self,
        limit: NonZeroUsize,
        effects: &mut Effects,
    ) -> bool {
        self.settle_for_slots(effects);
        let has_limit = self.limit.set_limit(limit);
        self.permit_comes(effects);
        has_limit
    }

    /// There may be a slot more: a permit of a shared limit has come, or a limit was raised.
    pub(in crate::group) fn permit_comes(&mut self, effects: &mut Effects) {
        let waker = effects.permit_waker();
        while let Some(next) = self.limit.comes(&waker, |waker| effects.wake(waker)) {
            self.start(Some(next), effects);
        }
        self.give_back_permits(effects);
    }

    /// Effects each step in which somebody may need a slot no more.
    pub(in crate::group) fn give_back_permits(&mut self, effects: &mut Effects) {
        self.limit.settle(|waker| effects.wake(waker));
    }
}

/// Has the child in line this number?
pub(super) fn is_child(child: &CellRef, number: u64) -> bool {
    child.id().child == number
}
