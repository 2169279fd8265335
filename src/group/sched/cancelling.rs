//! Cancelling: the two stages, the sweep, what holds off the drop of the body, and children that are missed.

use super::Sched;
use super::effects::Effects;
use super::left::Lack;
use super::policy::{OnError, Policy};
use crate::error::{ChildInfo, KeyId};
use crate::group::cell::{CellRef, Claimed, Claiming, LiveList};
use crate::group::queues::watchers::Events;
use crate::token::{CancelKind, CancelReason};

impl Sched {
    /// Cancels, unless that was done before or the group has ended. The children have the group's grace.
    pub(in crate::group) fn cancel(&mut self, reason: CancelReason, effects: &mut Effects) {
        self.turn(reason, effects);
        if !self.gives_grace {
            self.harden(effects);
        }
        self.nudge(effects);
    }

    /// Cancels without grace, or ends the grace, also that which some children have for themselves.
    pub(in crate::group) fn cancel_hard(&mut self, reason: CancelReason, effects: &mut Effects) {
        self.turn(reason, effects);
        self.harden(effects);
        if self.hard && self.has_graces {
            self.end_own_graces(effects);
        }
        self.nudge(effects);
    }

    /// The grace of the group is over.
    pub(in crate::group) fn grace_is_over(&mut self, effects: &mut Effects) {
        self.harden(effects);
        self.nudge(effects);
    }

    /// The same, and no shield holds anything any more.
    pub(in crate::group) fn cancel_past_shields(
        &mut self,
        reason: CancelReason,
        effects: &mut Effects,
    ) {
        self.cancel_hard(reason, effects);
        if self.hard && !std::mem::replace(&mut self.force, true) {
            self.hurry();
            self.children.sweep_again();
            self.watchers
                .notify(Events::TROUBLE, |waker| effects.wake(waker));
            self.nudge(effects);
        }
    }

    /// Cancels at once, whatever a shield holds, and the caller sees to the children.
    pub(super) fn cancel_by_force(&mut self, reason: CancelReason, effects: &mut Effects) {
        self.turn(reason, effects);
        self.harden(effects);
        self.force = true;
        self.children.sweep_again();
        let queued = self.ready.drain().chain(self.limit.clear_line());
        queued.for_each(|child| effects.release(child));
        self.watchers
            .notify(Events::DROPS, |waker| effects.wake(waker));
    }

    /// The first stage: nobody is admitted, and nobody in line starts.
    pub(super) fn turn(&mut self, reason: CancelReason, effects: &mut Effects) {
        if self.cancelled.is_some() || self.is_past_cancel() {
            return;
        }
        self.close_shards(effects);
        self.cancelled = Some(reason.clone());
        self.cancelled_before = self.tally.cancelled;
        effects.unlocked().body_may_go();
        effects.cancelled(reason);
        self.doomed.extend(self.limit.clear_line());
        if !self.doomed.is_empty() {
            self.watchers
                .notify(Events::DROPS, |waker| effects.wake(waker));
        }
        self.limit.dismiss(|waker| effects.wake(waker));
        self.give_back_permits(effects);
        self.tell_if_exhausted(effects);
        if self.has_graces {
            self.begin_own_graces(effects);
        }
    }

    /// Children that have a grace of their own.
    pub(in crate::group) fn with_own_grace(&self) -> impl Iterator<Item = CellRef> {
        let children = self.has_graces.then(|| self.children.iter());
        children
            .into_iter()
            .flatten()
            .filter(CellRef::is_in_own_grace)
    }

    /// Children have the time that is their own, from now on. Those in line have not begun, and need none.
    #[cold]
    fn begin_own_graces(&mut self, effects: &mut Effects) {
        for child in self.with_own_grace().filter(|child| !child.is_in_line()) {
            // One without time is marked in the step in which the group is: who sees the cancel sees under which stage it is.
            if child.goes_at_once() {
                effects.grace_ends(child);
            } else {
                effects.grace_begins(child);
            }
        }
    }

    /// No child has any time left.
    #[cold]
    fn end_own_graces(&mut self, effects: &mut Effects) {
        for child in self.with_own_grace() {
            child.loses_own_grace();
            effects.grace_ends(child);
        }
        self.has_graces = false;
    }

    /// The second stage: the children are dropped.
    pub(super) fn harden(&mut self, effects: &mut Effects) {
        if self.hard || self.cancelled.is_none() {
            return;
        }
        self.hard = true;
        effects.unlocked().body_may_go();
        // What is in a batch is the sweep's, as what is in the queue.
        self.hurry();
        let queued = self.ready.drain().chain(self.doomed.drain(..));
        queued.for_each(|child| effects.release(child));
        if self.body_shields.tells() {
            effects.hardened();
        }
        // An owner that waits is among those who drop: nobody else may be coming.
        self.watchers
            .notify(Events::TROUBLE.and(Events::DROPS), |waker| {
                effects.wake(waker);
            });
    }

    /// The owner ends the group: nobody else takes children from now on.
    pub(in crate::group) fn ends(&mut self, reason: CancelReason, effects: &mut Effects) {
        self.ending = true;
        self.cancel_by_force(reason, effects);
        self.close(effects);
    }

    /// The next child of a cancelled group to be dropped by the caller. One at a time: the drop of the group finds all others
    /// where they are, and each end is told before the next destructor runs.
    pub(in crate::group) fn sweep(
        &mut self,
        effects: &mut Effects,
    ) -> Option<(Claimed, CancelReason)> {
        if !self.hard {
            return None;
        }
        let reason = self.cancelled.clone()?;
        loop {
            match self.children.sweep(self.force)? {
                Swept::Drop(claimed) => return Some((claimed, reason)),
                Swept::Busy(child) => effects.holds(child),
                Swept::Held(child) => {
                    effects.holds(child.clone());
                    self.ready.push_back(child);
                }
            }
        }
    }

    /// Is there a child to be dropped that nobody polls?
    pub(in crate::group) fn has_to_drop(&self) -> bool {
        let swept = !self.hard || self.children.is_swept();
        self.live > 0 && !self.ending && !(swept && self.doomed.is_empty())
    }

    /// The next child to be dropped by somebody who may not poll children.
    pub(in crate::group) fn next_to_drop(
        &mut self,
        effects: &mut Effects,
    ) -> Option<(Claimed, CancelReason)> {
        if !self.has_to_drop() {
            return None;
        }
        self.next_doomed(effects).or_else(|| self.sweep(effects))
    }

    /// The next of the children that are to be dropped while others go on.
    pub(super) fn next_doomed(&mut self, effects: &mut Effects) -> Option<(Claimed, CancelReason)> {
        while let Some(child) = self.doomed.pop_front() {
            match child.claim(false) {
                Claiming::Claimed(claimed) => {
                    let reason = self.cancelled.clone();
                    // One that was cancelled alone has its own.
                    let reason = reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit));
                    return Some((claimed, reason));
                }
                Claiming::Busy(child) if child.is_shielded() => effects.holds(child),
                Claiming::Busy(child) => effects.release(child),
                Claiming::Held(child, queue) => {
                    effects.holds(child);
                    self.push(queue, effects);
                }
            }
        }
        None
    }

    /// A child is to be dropped, and nobody was polling it: the next driver or owner drops it.
    pub(in crate::group) fn doom(&mut self, child: CellRef, effects: &mut Effects) {
        if self.live == 0 || self.ending {
            effects.release(child);
            return;
        }
        if child.is_in_line() {
            self.leaves_line(&child, effects);
            effects.release(child);
            return;
        }
        self.doomed.push_back(child);
        self.watchers
            .notify(Events::DROPS, |waker| effects.wake(waker));
        self.nudge(effects);
    }

    /// A child in line will not start: it is dropped like those that run.
    pub(in crate::group) fn leaves_line(&mut self, child: &CellRef, effects: &mut Effects) -> bool {
        let left = self.limit.leave_line(|other| other.is(child));
        let found = left.is_some();
        self.doomed.extend(left);
        self.give_back_permits(effects);
        if found {
            self.watchers
                .notify(Events::DROPS, |waker| effects.wake(waker));
        }
        self.nudge(effects);
        found
    }

    /// The body wants to be dropped without waiting for the end of its grace.
    pub(in crate::group) fn body_gives_up(&mut self, effects: &Effects) {
        self.body_gives_up = true;
        effects.unlocked().body_may_go();
    }

    /// A shield in the body is gone, and was taken off their count.
    pub(in crate::group) fn body_unshielded(&mut self, effects: &mut Effects) {
        if !self.hard {
            return;
        }
        if self.body_shields.any() {
            // What it stood before may be told.
            effects.hardened();
        } else {
            self.watchers
                .notify(Events::TROUBLE, |waker| effects.wake(waker));
        }
    }

    /// What the group is in is to be dropped, and the group with it: without grace, and its body as well.
    pub(in crate::group) fn cancel_from_outside(
        &mut self,
        reason: CancelReason,
        effects: &mut Effects,
    ) {
        let tells = self.hard && !self.goes_with_outside && self.body_shields.tells();
        self.goes_with_outside = true;
        self.cancel_hard(reason, effects);
        if tells {
            effects.hardened();
        }
    }

    /// Somebody leaves, as `leaving` says from now on: nobody is waited for but main children.
    #[inline]
    pub(in crate::group) fn leaves(&mut self, leaving: &mut bool, effects: &mut Effects) {
        if !std::mem::replace(leaving, true) {
            self.leaving += 1;
            self.dismiss_if_alone(effects);
            self.tell_companions(effects);
        }
    }

    /// One that was leaving stays.
    pub(in crate::group) fn stays(&mut self) {
        self.leaving -= 1;
    }

    /// Is nobody waited for but main children?
    #[inline]
    pub(in crate::group) fn is_left(&self) -> bool {
        self.closed || self.leaving > 0
    }

    #[inline]
    pub(super) fn dismiss_if_alone(&mut self, effects: &mut Effects) {
        let leaves = self.is_left();
        let is_cancelled = self.cancelled.is_some();
        if leaves && !is_cancelled && self.background > 0 && self.has_no_main() {
            effects.dismiss();
        }
    }

    /// Whether the body is dropped now: children are being dropped or the body gives up, the form allows it or a panic is waiting,
    /// and no shield stands in the body.
    pub(in crate::group) fn dooms_body(&self, on_cancel: bool) -> bool {
        let goes = self.hard || self.body_gives_up;
        goes && (self.resumes || on_cancel) && (self.force || !self.body_shields.any())
    }

    /// Is the body to be dropped, whatever holds it? That of a scope that cannot fail goes with what the scope is in, or for a
    /// panic that is to go on, and not with its group.
    pub(in crate::group) fn drops_body(&self, on_cancel: bool) -> bool {
        let goes = self.hard || self.body_gives_up;
        goes && (self.resumes || on_cancel || self.goes_with_outside)
    }

    /// A child was cancelled alone and is about to be over, in a group that needs all.
    pub(in crate::group) fn lacks(&mut self, lack: Lack, policy: Policy, effects: &mut Effects) {
        if self.cancelled.is_none() {
            self.misses(lack, policy, effects);
        }
    }

    /// The group fails without what a child or the body was to give.
    pub(in crate::group) fn misses(&mut self, lack: Lack, policy: Policy, effects: &mut Effects) {
        if policy.on_error == OnError::CancelSiblings {
            let child = lack.child.clone();
            let reason = lack.reason.clone();
            let cause = |child| CancelReason::sibling_cancelled(child, reason.clone());
            self.cancel(child.map_or(reason.clone(), cause), effects);
        }
        let trouble = self.trouble();
        trouble.lacks.push((trouble.failures.len(), lack));
    }

    /// The child has come to another end.
    pub(in crate::group) fn lacks_not(&mut self, id: KeyId) -> Option<(usize, Lack)> {
        let is_it = |child: &ChildInfo| child.id() == id;
        let at = |(_, lack): &(usize, Lack)| lack.child.as_ref().is_some_and(is_it);
        let lacks = &mut self.trouble.as_mut()?.lacks;
        let at = lacks.iter().position(at)?;
        Some(lacks.remove(at))
    }

    pub(in crate::group) fn first_lack(&self) -> Option<&Lack> {
        let (_, lack) = self.trouble.as_ref()?.lacks.first()?;
        Some(lack)
    }
}

/// What a sweep came to.
enum Swept {
    /// A child that the caller drops.
    Drop(Claimed),
    /// A child that a shield holds, or that is being polled meanwhile.
    Busy(CellRef),
    /// A child that is held and is to be polled once. This is the queue's reference.
    Held(CellRef),
}

impl LiveList {
    /// The next child that is to be dropped. Those that are being polled are marked: they go at the end of that poll.
    /// Nothing may be added once this was called.
    fn sweep(&mut self, force: bool) -> Option<Swept> {
        while let Some(child) = self.take_ahead() {
            let (child, held) = match child.claim(force) {
                Claiming::Claimed(claimed) => return Some(Swept::Drop(claimed)),
                Claiming::Busy(child) => {
                    let held = child.is_shielded().then(|| Swept::Busy(child.clone()));
                    (child, held)
                }
                Claiming::Held(child, queue) => (child, Some(Swept::Held(queue))),
            };
            self.put_back(child);
            if held.is_some() {
                return held;
            }
        }
        None
    }
}
