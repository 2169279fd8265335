//! Who has a slot of a group with a limit: those from the line, the guests of those who await them, and callers.

use super::Sched;
use super::after::After;
use crate::group::cell::CellRef;
use crate::group::queues::tickets::Ticket;

impl Sched {
    /// A child in line has got its slot.
    pub(super) fn start(&mut self, next: Option<CellRef>, after: &mut After) {
        if let Some(next) = next {
            next.set_in_line(false);
            self.push(next, after);
        }
    }

    /// A child that is under way awaits another: one in line runs in its slot meanwhile.
    pub(in crate::group) fn lend_slot(
        &mut self,
        lender: &CellRef,
        child: &CellRef,
        after: &mut After,
    ) {
        self.settle_for_slots(after);
        if child.end().is_some() || self.cancelled.is_some() {
            return;
        }
        let (lender, child) = (lender.id().child, child.id().child);
        let wake = |waker| after.wake(waker);
        let guest = self.slots.lend(lender, child, is_child, wake);
        self.start(guest, after);
    }

    /// A caller that waited for a slot goes away.
    pub(in crate::group) fn leave_slots(&mut self, ticket: Ticket, after: &mut After) {
        let (next, waker) = self.slots.leave(ticket, |waker| after.wake(waker));
        after.drop_waker(waker);
        self.start(next, after);
        self.give_back_permits(after);
    }

    /// A permit of a shared limit may have come.
    pub(in crate::group) fn permit_comes(&mut self, after: &mut After) {
        let waker = after.permit_waker();
        while let Some(next) = self.slots.comes(&waker, |waker| after.wake(waker)) {
            self.start(Some(next), after);
        }
        self.give_back_permits(after);
    }

    /// After each step in which somebody may need a slot no more.
    pub(in crate::group) fn give_back_permits(&mut self, after: &mut After) {
        self.slots.settle(|waker| after.wake(waker));
    }
}

/// Has the child in line this number?
pub(super) fn is_child(child: &CellRef, number: u64) -> bool {
    child.id().child == number
}
