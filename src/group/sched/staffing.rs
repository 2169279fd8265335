//! Who does the work: drivers that are launched, woken, parked and lost, and owners that come and go.

use std::task::Waker;

use super::Sched;
use super::effects::{Effects, Nudge};
use crate::group::queues::driver_jobs::DriverId;
use crate::group::queues::watchers::{Events, WatcherId};
use crate::order;
use crate::token::CancelReason;
use crate::turn;

impl Sched {
    /// Sees to it that there is somebody for the work that is left. An owner that is between two children takes one.
    #[inline(never)]
    pub(in crate::group) fn nudge(&mut self, effects: &mut Effects) {
        self.nudge_beyond(0, effects);
    }

    /// The same in the place of its caller, where so many more have just been lent to somebody who is busy.
    #[inline]
    pub(super) fn nudge_beyond(&mut self, lent: usize, effects: &mut Effects) {
        let free_owners = self.free_owners.saturating_sub(self.blocked_bodies);
        let spare = free_owners.min(1);
        if self.has_work(lent, spare) && !self.is_staffed() {
            self.call_somebody(lent, spare, effects);
        }
    }

    /// Is there nobody whom work that is left could bring?
    #[inline(never)]
    pub(super) fn is_staffed(&self) -> bool {
        if self.drivers.is_one_coming() {
            // The driver may be waiting for a thread that waits.
            return !self.thread_waits;
        }
        let staff = self.staff();
        let enough = staff >= self.max_drivers || self.is_put_off;
        staff > 0 && enough && !self.drivers.is_one_parked()
    }

    /// Is nothing in a hurry? Else a driver that is kept is not waited for.
    fn is_calm(&self) -> bool {
        !self.hard && self.blocked == 0 && !self.thread_waits && self.doomed.is_empty()
    }

    /// Is the driver to be called kept by the worker that wakes it? There is one child to poll, nobody polls another, and for the
    /// next somebody else can be called.
    fn keeps(&self, effects: &Effects) -> bool {
        let (all, parked) = (self.drivers.len(), self.drivers.parked());
        let is_alone = self.owners == 0 && parked == all && self.ready.len() == 1;
        let is_more_to_come = parked > 1 || (all < self.max_drivers && self.can_launch);
        // Children and bodies may block their thread for what they wake.
        let is_kept = || order::keeps() || (turn::keeps() && effects.unlocked().is_outside());
        parked > 0 && is_alone && is_more_to_come && self.is_calm() && is_kept()
    }

    /// How many poll children or are parked, and can be counted on.
    #[inline]
    fn staff(&self) -> usize {
        (self.drivers.len() + self.owners).saturating_sub(self.blocked)
    }

    /// A child blocks its thread, or the body does: who polls it, driver or owner, sees to no other child. `false`: it was not
    /// counted on.
    pub(in crate::group) fn is_blocked(&mut self, of_body: bool, effects: &mut Effects) -> bool {
        if of_body && self.owners == 0 {
            return false;
        }
        self.blocked += 1;
        self.blocked_bodies += usize::from(of_body);
        self.take_in(effects);
        // First this and then the look: see `Batch`.
        self.hurry();
        let waiting = self.waiting_elsewhere().is_some();
        self.nudge_beyond(usize::from(waiting), effects);
        true
    }

    /// It goes on.
    pub(in crate::group) fn goes_on(&mut self, of_body: bool) {
        self.blocked -= 1;
        self.blocked_bodies -= usize::from(of_body);
    }

    /// Are there more drivers than there would be without those who are or were blocked?
    fn has_too_many_drivers(&self) -> bool {
        self.drivers.len() > self.max_drivers.max(1) + self.blocked
    }

    /// Do as many poll children as may?
    pub(super) fn is_busy(&self) -> bool {
        !self.drivers.is_one_coming() && self.is_staffed()
    }

    #[cold]
    fn call_somebody(&mut self, lent: usize, spare: usize, effects: &mut Effects) {
        // The driver that is kept has a child to poll.
        if self.drivers.is_one_kept() && self.is_calm() && !self.has_work(lent, spare + 1) {
            return;
        }
        if self.drivers.is_one_coming() {
            // It may be long in coming, behind the thread that waits: an owner elsewhere can do the work meanwhile.
            self.watchers
                .notify(Events::WORK, |waker| effects.wake(waker));
            return;
        }
        // A parked driver is cheaper than a new job, and one is called at a time: it calls the next when it has begun.
        let keeps = self.keeps(effects);
        if let Some((id, waker)) = self.drivers.unpark_one(keeps) {
            effects.nudge(Nudge::Wake(id, waker, keeps));
            return;
        }
        let helped = self.owners > 0 || self.watchers.any(Events::WORK) || !self.drivers.is_empty();
        let staff = self.staff();
        let wanted = staff < self.max_drivers;
        if self.can_launch && wanted && (!helped || self.may_ask()) {
            // The first driver is never put off, nor is one that a blocked thread waits for.
            if staff > 0 && !self.thread_waits && effects.unlocked().puts_off() {
                self.is_put_off = true;
            } else {
                effects.nudge(Nudge::Launch(self.drivers.launch()));
            }
        } else if self.drivers.is_empty() && self.owners == 0 {
            // No driver can be had: what waits for the group polls its children itself.
            self.watchers
                .notify(Events::WORK, |waker| effects.wake(waker));
        }
    }

    /// May the spawner be asked for a driver, although there are others who could do the work?
    fn may_ask(&self) -> bool {
        self.refusals.may_try(self.happened())
    }

    /// How much has happened for which a spawner that has refused a job may be asked again.
    fn happened(&self) -> u64 {
        self.next_number + self.tally.total() + self.turns
    }

    /// There is room for a driver on the spawner, which was put off.
    pub(in crate::group) fn is_called(&mut self, effects: &mut Effects) {
        self.is_put_off = false;
        let waiting = self.waiting_elsewhere().is_some();
        self.nudge_beyond(usize::from(waiting), effects);
    }

    /// An owner on the spawner is being polled.
    pub(in crate::group) fn owner_begins(&mut self) {
        self.turns += 1;
        self.owners += 1;
        self.free_owners += 1;
    }

    /// The owner that the group was opened with is not on the spawner.
    pub(in crate::group) fn owner_is_elsewhere(&mut self) {
        self.owners -= 1;
        self.free_owners -= 1;
    }

    /// An owner suspends: children that are left need a driver that does not depend on its being polled again.
    #[inline]
    pub(in crate::group) fn owner_suspends(&mut self, on_spawner: bool, effects: &mut Effects) {
        self.owners -= usize::from(on_spawner);
        self.free_owners -= usize::from(on_spawner);
        // Without work, too: the children's wakers call a driver, and the owner may never be polled again.
        let lacks_driver = self.drivers.is_empty() && self.owners == 0;
        if self.children_left() > 0 && lacks_driver && self.can_launch && self.may_ask() {
            effects.nudge(Nudge::Launch(self.drivers.launch()));
        } else {
            self.nudge(effects);
        }
    }

    /// An owner suspends that wakes itself: until it is polled again it counts as on its way.
    #[inline]
    pub(in crate::group) fn owner_gives_way(
        &mut self,
        on_spawner: bool,
        watcher: &mut Option<WatcherId>,
        effects: &mut Effects,
    ) {
        if on_spawner {
            effects.drop_waker(self.watchers.comes(watcher, Events::WORK));
        }
        self.owner_suspends(on_spawner, effects);
    }

    /// A watcher goes away; work that it would have done needs somebody else. `true`: there is nobody, and nobody can be
    /// called; the group is now cancelled, and the caller sees to the children.
    pub(in crate::group) fn stops_watching(
        &mut self,
        watcher: WatcherId,
        effects: &mut Effects,
    ) -> bool {
        effects.drop_waker(self.watchers.unwatch(watcher));
        let depends_on_others = self.children_left() > 0 && !self.can_launch;
        if let Some(why) = self.deserted.take_if(|_| depends_on_others) {
            if self.is_helpless() {
                self.cancel_by_force(CancelReason::abandoned(why), effects);
                return true;
            }
            self.deserted = Some(why);
        }
        self.nudge(effects);
        false
    }

    /// Can no driver be had, as far as is known?
    pub(in crate::group) fn lacks_drivers(&self) -> bool {
        self.drivers.is_empty() && self.refusals.any()
    }

    /// Is there nobody to poll children?
    pub(super) fn is_helpless(&self) -> bool {
        self.drivers.is_empty() && self.owners == 0 && !self.watchers.any(Events::WORK)
    }

    /// Would somebody who is about to park have something to do? From now on drivers are hurried.
    pub(in crate::group) fn has_work_left(&mut self, effects: &Effects) -> bool {
        self.take_in(effects);
        if self.has_work(0, 0) {
            return true;
        }
        // First this and then the look: see `Batch`.
        self.hurry();
        !self.ending && self.waiting_elsewhere().is_some()
    }

    /// The id of the driver that a caller who can launch one should launch.
    pub(in crate::group) fn wants_launch(&mut self) -> Option<DriverId> {
        (self.drivers.is_empty() && self.children_left() > 0).then(|| self.drivers.launch())
    }

    /// A driver is being polled; whether it still belongs to the group.
    pub(in crate::group) fn driver_begins(&mut self, id: DriverId, effects: &mut Effects) -> bool {
        self.turns += 1;
        match self.drivers.begin(id) {
            Ok(begun) => {
                if begun.is_first {
                    self.refusals.are_over();
                }
                effects.drop_waker(begun.stale);
                true
            }
            Err(_) => false,
        }
    }

    /// A driver found nothing to do and parks, unless there is something after all.
    pub(in crate::group) fn driver_parks(
        &mut self,
        id: DriverId,
        waker: Waker,
        effects: &mut Effects,
    ) -> Parking {
        if self.has_ended() {
            let removed = self.drivers.remove(id);
            effects.drop_waker(removed.and_then(|removed| removed.waker));
            effects.drop_waker(waker);
            Parking::Ended
        } else if self.has_work_left(effects) {
            effects.drop_waker(waker);
            Parking::HasWork
        } else if self.has_too_many_drivers() {
            // It stood in for a blocked one, which goes on by now.
            let removed = self.drivers.remove(id);
            effects.drop_waker(removed.and_then(|removed| removed.waker));
            effects.drop_waker(waker);
            Parking::Ended
        } else if let Err(waker) = self.drivers.park(id, waker) {
            // It was given up while it was polled.
            effects.drop_waker(waker);
            Parking::Ended
        } else {
            Parking::Parked
        }
    }

    /// The spawner has returned from taking a driver job, which may be gone again by now.
    pub(in crate::group) fn driver_launched(&mut self, id: DriverId) -> bool {
        self.drivers.launched(id)
    }

    /// A driver job was refused or dropped. `true`: nobody is left to run the children, and the group is now cancelled.
    pub(in crate::group) fn driver_lost(
        &mut self,
        id: DriverId,
        why: &str,
        effects: &mut Effects,
    ) -> bool {
        if self.drivers.is_launching(id) {
            // The code that launches it sees to this, and knows what the spawner says.
            return false;
        }
        let Some(removed) = self.drivers.remove(id) else {
            // It was given up, perhaps where nobody could drop the children.
            return self.force && self.children_left() > 0;
        };
        effects.drop_waker(removed.waker);
        if !removed.had_begun {
            self.refusals.one_more(self.happened());
        }
        if self.children_left() > 0 && self.is_helpless() {
            self.cancel_by_force(CancelReason::abandoned(why.to_owned()), effects);
            return true;
        }
        if self.drivers.is_empty() {
            self.deserted = Some(why.to_owned());
            // A watcher for work takes a look, since it may be alone now.
            self.watchers
                .notify(Events::WORK, |waker| effects.wake(waker));
        }
        self.nudge(effects);
        false
    }
}

/// What became of a driver that wanted to park.
pub(in crate::group) enum Parking {
    Parked,
    HasWork,
    Ended,
}
