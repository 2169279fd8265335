//! What a group knows, under its lock: children, queue, line, drivers, watchers, failures; and each step it can take.
//!
//! Invariants:
//!
//! 1. Nothing here runs user code: no waker is woken, cloned or dropped, no future, value or failure is dropped, no
//!    spawner is called. Whatever has to happen goes into `After`, which the caller runs once the lock is released.
//! 2. `live` counts the children that were admitted and of whose end the group was not told yet.
//! 3. Once `cancelled` is set, queue and line stay empty and nothing is polled; children leave by `Children::sweep`, or
//!    at the end of the poll in which it met them.
//! 4. Once `closed` is set nobody is admitted. Closed and `live` 0 is the end: it is reached once and never left.
//! 5. A group with work to do has a driver that is not parked, or an owner that polls or is on its way, or has been
//!    cancelled and somebody sweeps it: see `nudge`.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::task::Waker;

use super::after::{After, Nudge};
use super::cell::{CellRef, Claimed, Ending, Failed, Finished};

use super::children::Children;
use super::completions::Completions;
use super::drivers::{DriverId, Drivers};
use super::policy::Policy;
use super::slots::Slots;
use super::tally::Tally;
use super::watchers::{Events, WatcherId, Watchers};
use crate::cancel::{CancelKind, CancelReason};
use crate::order;

pub(super) struct Sched {
    pub(super) closed: bool,
    pub(super) cancelled: Option<CancelReason>,
    /// A child panicked, and whoever leaves the group resumes it.
    pub(super) resumes: bool,
    pub(super) live: usize,
    pub(super) slots: Slots<CellRef>,
    pub(super) watchers: Watchers,
    pub(super) failures: Vec<Failed>,
    pub(super) completions: Option<Completions>,
    pub(super) tally: Tally,
    /// The owner is gone: failures that still come have nowhere to go.
    orphaned: bool,
    next_number: u64,
    children: Children,
    ready: VecDeque<CellRef>,
    drivers: Drivers,
    /// How many driver jobs there may be, and whether the group can bring them itself.
    max_drivers: usize,
    can_launch: bool,
    /// A driver job was lost before its first poll: an owner that can do the work is better.
    refused: bool,
    /// Owners that are being polled on the spawner: they see to the children before they suspend.
    owners: usize,
    /// Those of them that are not polling or dropping a child right now.
    free_owners: usize,
    /// The owner is dropping the children itself.
    ending: bool,
    /// The last driver was lost, and why: the group now depends on its owner.
    deserted: Option<String>,
}

/// What a driver did with the child that it had.
pub(super) enum Done {
    /// It had none.
    First,
    Parked,
    Over(Finished),
    Woken(CellRef),
}

/// What a driver is to do next.
pub(super) enum Work {
    Poll(CellRef),
    Drop(Claimed, CancelReason),
    Nothing,
}

impl Sched {
    pub(super) fn new(limit: Option<NonZeroUsize>, max_drivers: usize, can_launch: bool) -> Self {
        Self {
            closed: false,
            cancelled: None,
            resumes: false,
            live: 0,
            slots: Slots::new(limit),
            watchers: Watchers::default(),
            failures: Vec::new(),
            completions: None,
            tally: Tally::default(),
            orphaned: false,
            next_number: 0,
            children: Children::default(),
            ready: VecDeque::new(),
            drivers: Drivers::default(),
            max_drivers,
            can_launch,
            refused: false,
            owners: 0,
            free_owners: 0,
            ending: false,
            deserted: None,
        }
    }

    /// The number of a child to be, or why there can be none.
    pub(super) fn admit(&mut self) -> Result<u64, (u64, CancelReason)> {
        self.next_number += 1;
        if let Some(reason) = &self.cancelled {
            Err((self.next_number, reason.clone()))
        } else if self.closed {
            Err((self.next_number, CancelReason::new(CancelKind::Closed)))
        } else {
            Ok(self.next_number)
        }
    }

    /// Takes a child in that was admitted in the same critical section.
    pub(super) fn enlist(
        &mut self,
        registry: CellRef,
        queue: CellRef,
        ticket: Option<u64>,
        after: &mut After,
    ) {
        self.live += 1;
        self.children.insert(registry);
        let starts = match ticket {
            None => self.slots.start(queue, |child| child.set_in_line(true)),
            Some(ticket) => {
                self.slots.redeem(ticket);
                Some(queue)
            }
        };
        if let Some(child) = starts {
            self.push(child, after);
        }
    }

    /// A child wants to be polled.
    pub(super) fn push(&mut self, child: CellRef, after: &mut After) {
        if self.cancelled.is_some() {
            after.release(child);
        } else {
            self.ready.push_back(child);
            self.nudge(after);
        }
    }

    /// A child wants to be polled, and whoever says so looks for work next.
    fn push_quietly(&mut self, child: CellRef, after: &mut After) {
        if self.cancelled.is_some() {
            after.release(child);
        } else {
            self.ready.push_back(child);
        }
    }

    /// A driver gives back the child that it had.
    pub(super) fn take_back(&mut self, done: Done, by_owner: bool, after: &mut After) {
        if by_owner && !matches!(done, Done::First) {
            self.free_owners += 1;
        }
        match done {
            Done::First | Done::Parked => {}
            Done::Over(finished) => self.over(finished, after),
            Done::Woken(child) => self.push_quietly(child, after),
        }
    }

    /// A child has failed and is about to be over.
    pub(super) fn fails(&mut self, failed: Failed, end: Ending, policy: Policy, after: &mut After) {
        if policy.cancels_siblings(end) {
            self.cancel(CancelReason::sibling_failed(failed.info()), after);
        }
        if policy.resumes(end) {
            self.resumes = true;
            self.watchers
                .notify(Events::TROUBLE, |waker| after.wake(waker));
        }
        if self.orphaned {
            after.report([failed]);
        } else {
            self.failures.push(failed);
        }
    }

    /// A child is over.
    pub(super) fn over(&mut self, finished: Finished, after: &mut After) {
        let Finished {
            cell,
            end,
            kept,
            waiter,
        } = finished;
        self.children.remove(&cell);
        self.live -= 1;
        self.tally.count(end, kept);
        if !cell.is_in_line() {
            if let Some(next) = self.slots.release(|waker| after.wake(waker)) {
                next.set_in_line(false);
                self.push_quietly(next, after);
            }
        }
        if let Some(completions) = &mut self.completions {
            completions.record(&cell, end);
        }
        let mut events = Events::COMPLETION;
        if self.live == 0 {
            events = events.and(Events::EMPTY);
        }
        self.watchers.notify(events, |waker| after.wake(waker));
        self.end_if_over(after);
        after.waiter = waiter;
        after.release(cell);
    }

    /// A child in line has got its slot.
    fn start(&mut self, next: Option<CellRef>, after: &mut After) {
        if let Some(next) = next {
            next.set_in_line(false);
            self.push(next, after);
        }
    }

    /// A caller that waited for a slot goes away.
    pub(super) fn leave_slots(&mut self, ticket: u64, after: &mut After) {
        let (next, waker) = self.slots.leave(ticket, |waker| after.wake(waker));
        after.drop_waker(waker);
        self.start(next, after);
    }

    /// Cancels, unless that was done before or the group has ended.
    pub(super) fn cancel(&mut self, reason: CancelReason, after: &mut After) {
        self.cancel_quietly(reason, after);
        self.nudge(after);
    }

    /// Cancels, and the caller sees to the children.
    fn cancel_quietly(&mut self, reason: CancelReason, after: &mut After) {
        if self.cancelled.is_some() || self.has_ended() {
            return;
        }
        self.cancelled = Some(reason);
        let queued = self.ready.drain(..).chain(self.slots.clear_line());
        queued.for_each(|child| after.release(child));
        self.slots.dismiss(|waker| after.wake(waker));
        self.watchers
            .notify(Events::TROUBLE, |waker| after.wake(waker));
    }

    /// The owner ends the group: nobody else takes children from now on.
    pub(super) fn ends(&mut self, reason: CancelReason, after: &mut After) {
        self.ending = true;
        self.cancel_quietly(reason, after);
        self.close(after);
    }

    /// The next child of a cancelled group to be dropped by the caller.
    pub(super) fn sweep(&mut self) -> Option<(Claimed, CancelReason)> {
        let reason = self.cancelled.clone()?;
        Some((self.children.sweep()?, reason))
    }

    /// Takes no more children.
    pub(super) fn close(&mut self, after: &mut After) {
        self.closed = true;
        self.slots.dismiss(|waker| after.wake(waker));
        while let Some(next) = self.slots.start_next() {
            self.start(Some(next), after);
        }
        self.end_if_over(after);
    }

    /// Closes if no child is left, and says whether that is so.
    pub(super) fn close_if_empty(&mut self, after: &mut After) -> bool {
        if self.live == 0 {
            self.close(after);
        }
        self.live == 0
    }

    /// Is the body of the scope to be dropped? For a panic that is to go on it always is.
    pub(super) fn dooms_body(&self, on_cancel: bool) -> bool {
        self.resumes || (on_cancel && self.cancelled.is_some())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.closed && self.live == 0
    }

    /// At the end the parked drivers go home.
    fn end_if_over(&mut self, after: &mut After) {
        if self.has_ended() {
            self.drivers.unpark_all(|waker| after.wake(waker));
        }
    }

    /// The owner is gone for good: what nobody can get any more comes out.
    pub(super) fn orphan(&mut self, after: &mut After) {
        self.orphaned = true;
        after.report(self.failures.drain(..));
        after.drop_completions(self.completions.take());
    }

    /// Is there work beyond what `spare` others are about to do?
    fn has_work(&self, spare: usize) -> bool {
        if self.cancelled.is_some() {
            spare == 0 && self.live > 0 && !self.ending && !self.children.is_swept()
        } else {
            self.ready.len() > spare
        }
    }

    /// What whoever asks is to do next. If there is more, somebody else is called to it.
    pub(super) fn work(&mut self, by_owner: bool, after: &mut After) -> Work {
        let work = match self.cancelled {
            None => self.next_ready().map(Work::Poll),
            Some(_) if self.ending => None,
            Some(_) => self
                .sweep()
                .map(|(child, reason)| Work::Drop(child, reason)),
        };
        if by_owner && work.is_some() {
            self.free_owners -= 1;
        }
        self.nudge(after);
        work.unwrap_or(Work::Nothing)
    }

    fn next_ready(&mut self) -> Option<CellRef> {
        match order::pick(self.ready.len()) {
            0 => self.ready.pop_front(),
            index => self.ready.remove(index),
        }
    }

    /// The children that are not over.
    #[cfg(feature = "testing")]
    pub(super) fn children(&self) -> impl Iterator<Item = &CellRef> {
        self.children.iter()
    }

    /// Sees to it that there is somebody for the work that is left. An owner that is between two children takes one.
    pub(super) fn nudge(&mut self, after: &mut After) {
        if self.drivers.is_one_coming() || !self.has_work(self.free_owners.min(1)) {
            return;
        }
        if let Some((id, waker)) = self.drivers.unpark_one() {
            after.nudge = Some(Nudge::Wake(id, waker));
            return;
        }
        let helped = self.owners > 0 || self.watchers.any(Events::WORK) || !self.drivers.is_empty();
        let wanted = self.drivers.len() + self.owners < self.max_drivers;
        if self.can_launch && wanted && !(helped && self.refused) {
            after.nudge = Some(Nudge::Launch(self.drivers.launch()));
        } else if self.drivers.is_empty() && self.owners == 0 {
            self.watchers
                .notify(Events::WORK, |waker| after.wake(waker));
        }
    }

    /// An owner on the spawner is being polled.
    pub(super) fn owner_begins(&mut self) {
        self.owners += 1;
        self.free_owners += 1;
    }

    /// An owner suspends: children that are left need a driver that does not depend on its being polled again.
    pub(super) fn owner_suspends(&mut self, on_spawner: bool, after: &mut After) {
        self.owners -= usize::from(on_spawner);
        self.free_owners -= usize::from(on_spawner);
        let lacks_driver = self.drivers.is_empty() && self.owners == 0;
        if self.live > 0 && lacks_driver && self.can_launch && !self.refused {
            after.nudge = Some(Nudge::Launch(self.drivers.launch()));
        } else {
            self.nudge(after);
        }
    }

    /// A watcher goes away; work that it would have done needs somebody else. `true`: there is nobody, and nobody can be
    /// called; the group is now cancelled, and the caller sees to the children.
    pub(super) fn stops_watching(&mut self, place: WatcherId, after: &mut After) -> bool {
        after.drop_waker(self.watchers.unwatch(place));
        if let Some(why) = self.deserted.take_if(|_| self.live > 0 && !self.can_launch) {
            if self.is_helpless() {
                self.cancel_quietly(CancelReason::abandoned(why), after);
                return true;
            }
            self.deserted = Some(why);
        }
        self.nudge(after);
        false
    }

    /// Is there nobody to poll children?
    fn is_helpless(&self) -> bool {
        self.drivers.is_empty() && self.owners == 0 && !self.watchers.any(Events::WORK)
    }

    /// Would a parked owner have something to do?
    pub(super) fn has_work_for_owner(&self) -> bool {
        self.has_work(0)
    }

    /// The id of the driver that a caller who can launch one should launch.
    pub(super) fn wants_launch(&mut self) -> Option<DriverId> {
        (self.drivers.is_empty() && self.live > 0).then(|| self.drivers.launch())
    }

    /// A driver is being polled; whether it still belongs to the group.
    pub(super) fn driver_begins(&mut self, id: DriverId, after: &mut After) -> bool {
        match self.drivers.begin(id) {
            Ok(stale) => {
                after.drop_waker(stale);
                true
            }
            Err(_) => false,
        }
    }

    /// A driver found nothing to do and parks, unless there is something after all.
    pub(super) fn driver_parks(
        &mut self,
        id: DriverId,
        waker: Waker,
        after: &mut After,
    ) -> Parking {
        if self.has_ended() {
            let removed = self.drivers.remove(id);
            after.drop_waker(removed.and_then(|removed| removed.waker));
            after.drop_waker(waker);
            Parking::Ended
        } else if self.has_work(0) {
            after.drop_waker(waker);
            Parking::HasWork
        } else if let Err(waker) = self.drivers.park(id, waker) {
            // It was given up while it was polled.
            after.drop_waker(waker);
            Parking::Ended
        } else {
            Parking::Parked
        }
    }

    /// The spawner has returned from taking a driver job, which may be gone again by now.
    pub(super) fn driver_launched(&mut self, id: DriverId) -> bool {
        self.drivers.launched(id)
    }

    /// A driver job was refused or dropped. `true`: nobody is left to run the children, and the group is now cancelled.
    pub(super) fn driver_lost(&mut self, id: DriverId, why: &str, after: &mut After) -> bool {
        if self.drivers.is_launching(id) {
            // Whoever launches it sees to this, and knows what the spawner says.
            return false;
        }
        let Some(removed) = self.drivers.remove(id) else {
            return false;
        };
        after.drop_waker(removed.waker);
        self.refused |= !removed.had_begun;
        if self.live > 0 && self.is_helpless() {
            self.cancel_quietly(CancelReason::abandoned(why.to_owned()), after);
            return true;
        }
        if self.drivers.is_empty() {
            self.deserted = Some(why.to_owned());
            // Whoever watches for work takes a look, since it may be alone now.
            self.watchers
                .notify(Events::WORK, |waker| after.wake(waker));
        }
        self.nudge(after);
        false
    }
}

/// What became of a driver that wanted to park.
pub(super) enum Parking {
    Parked,
    HasWork,
    Ended,
}
