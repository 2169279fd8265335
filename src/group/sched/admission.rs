//! Admission: which children the group takes, and how it takes one in.

use super::Sched;
use super::effects::Effects;
use crate::group::cell::CellRef;
use crate::group::queues::wait_list::Ticket;
use crate::token::{CancelKind, CancelReason};

impl Sched {
    /// The number of a child to be, or why there can be none.
    #[inline]
    pub(in crate::group) fn admit(&mut self) -> Result<u64, (u64, CancelReason)> {
        let number = self.next_number();
        let reason = match &self.cancelled {
            Some(reason) => reason.clone(),
            None if self.closed => CancelReason::new(CancelKind::Closed),
            None => return Ok(number),
        };
        self.tally.refused += 1;
        self.cancel_refused |= self.cancelled.is_some();
        Err((number, reason))
    }

    /// A number that no child has had.
    #[inline]
    pub(in crate::group) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Are children admitted?
    pub(in crate::group) fn is_open(&self) -> bool {
        self.cancelled.is_none() && !self.closed
    }

    /// Takes a child in that was admitted in the same critical section.
    pub(in crate::group) fn enlist(
        &mut self,
        listed: CellRef,
        queue: CellRef,
        ticket: Option<Ticket>,
        effects: &mut Effects,
    ) {
        self.live += 1;
        if queue.is_of_its_own() {
            self.enlist_of_its_own(&queue, effects);
        }
        self.children.add(listed);
        // With a ticket the ends were counted when the slot was asked for.
        if ticket.is_none() {
            self.settle_for_slots(effects);
        }
        let starts = match ticket {
            Some(ticket) if self.limit.redeem(ticket) => Some(queue),
            // Without a promise, or with one that was dismissed meanwhile, it starts like any other child.
            _ => {
                let in_line = |child: &CellRef| child.set_in_line(true);
                self.limit.start(queue, in_line, effects.permit_waker())
            }
        };
        if let Some(child) = starts {
            self.ready.push_back(child);
            self.nudge_beyond(0, effects);
        } else {
            self.tell_companions(effects);
        }
    }

    /// The same for one that its owner has in hand, in a group without a limit.
    pub(in crate::group) fn enlist_in_hand(&mut self, listed: CellRef) {
        self.live += 1;
        self.children.add(listed);
        self.free_owners -= 1;
    }

    /// The owner has it in hand no more.
    pub(in crate::group) fn is_out_of_hand(&mut self) {
        self.free_owners += 1;
    }

    #[cold]
    fn enlist_of_its_own(&mut self, child: &CellRef, effects: &mut Effects) {
        if child.is_in_own_grace() {
            self.has_graces = true;
            effects.enlisted(child.clone());
        }
        if !child.is_background() {
            return;
        }
        self.background += 1;
        // The end of the last main child dismisses it, so ends are counted at once from now on.
        self.hurry();
        self.dismiss_if_alone(effects);
    }
}
