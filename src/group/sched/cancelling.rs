//! Cancelling: the two stages, the sweep, what holds off the drop of the body, and children that are missed.

use std::sync::{Arc, Weak};

use super::Sched;
use super::after::After;
use super::children::Swept;
use super::left::Lack;
use super::policy::{OnError, Policy};
use crate::cancel::{CancelKind, CancelReason};
use crate::error::{ChildInfo, KeyId};
use crate::group::cell::{CellRef, Claimed, Claiming};
use crate::group::engine::core::Core;
use crate::group::queues::watchers::Events;
use crate::group::shield::shields::Stands;

impl Sched {
    /// Cancels, unless that was done before or the group has ended. The children have the group's grace.
    pub(in crate::group) fn cancel(&mut self, reason: CancelReason, after: &mut After) {
        self.turn(reason, after);
        if !self.gives_grace {
            self.harden(after);
        }
        self.nudge(after);
    }

    /// Cancels without grace, or ends the grace.
    pub(in crate::group) fn cancel_hard(&mut self, reason: CancelReason, after: &mut After) {
        self.turn(reason, after);
        self.harden(after);
        self.nudge(after);
    }

    /// The same, and no shield holds anything any more.
    pub(in crate::group) fn cancel_past_shields(
        &mut self,
        reason: CancelReason,
        after: &mut After,
    ) {
        self.cancel_hard(reason, after);
        if self.hard && !std::mem::replace(&mut self.force, true) {
            self.hurry();
            self.children.sweep_again();
            self.watchers
                .notify(Events::TROUBLE, |waker| after.wake(waker));
            self.nudge(after);
        }
    }

    /// Cancels at once, whatever a shield holds, and the caller sees to the children.
    pub(super) fn cancel_by_force(&mut self, reason: CancelReason, after: &mut After) {
        self.turn(reason, after);
        self.harden(after);
        self.force = true;
        self.children.sweep_again();
        let queued = self.ready.drain().chain(self.slots.clear_line());
        queued.for_each(|child| after.release(child));
        self.watchers
            .notify(Events::DROPS, |waker| after.wake(waker));
    }

    /// The first stage: nobody is admitted, and nobody in line starts.
    pub(super) fn turn(&mut self, reason: CancelReason, after: &mut After) {
        if self.cancelled.is_some() || self.is_past_cancel() {
            return;
        }
        self.close_lanes(after);
        self.cancelled = Some(reason.clone());
        self.cancelled_before = self.tally.cancelled;
        after.body_may_go();
        after.cancelled(reason);
        self.doomed.extend(self.slots.clear_line());
        if !self.doomed.is_empty() {
            self.watchers
                .notify(Events::DROPS, |waker| after.wake(waker));
        }
        self.slots.dismiss(|waker| after.wake(waker));
        self.give_back_permits(after);
        self.tell_if_exhausted(after);
    }

    /// The second stage: the children are dropped.
    pub(super) fn harden(&mut self, after: &mut After) {
        if self.hard || self.cancelled.is_none() {
            return;
        }
        self.hard = true;
        after.body_may_go();
        // What is in a batch is the sweep's, as what is in the queue.
        self.hurry();
        let queued = self.ready.drain().chain(self.doomed.drain(..));
        queued.for_each(|child| after.release(child));
        if self.body_shields.tells() {
            after.hardened();
        }
        // An owner that waits is among those who drop: nobody else may be coming.
        self.watchers
            .notify(Events::TROUBLE.and(Events::DROPS), |waker| {
                after.wake(waker);
            });
    }

    /// The owner ends the group: nobody else takes children from now on.
    pub(in crate::group) fn ends(&mut self, reason: CancelReason, after: &mut After) {
        self.ending = true;
        self.cancel_by_force(reason, after);
        self.close(after);
    }

    /// The next child of a cancelled group to be dropped by the caller. One at a time: whoever drops the group finds all others
    /// where they are, and each end is told before the next destructor runs.
    pub(in crate::group) fn sweep(&mut self, after: &mut After) -> Option<(Claimed, CancelReason)> {
        if !self.hard {
            return None;
        }
        let reason = self.cancelled.clone()?;
        loop {
            match self.children.sweep(self.force)? {
                Swept::Drop(claimed) => return Some((claimed, reason)),
                Swept::Busy(child) => after.holds(child),
                Swept::Held(child) => {
                    after.holds(child.clone());
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
        after: &mut After,
    ) -> Option<(Claimed, CancelReason)> {
        if !self.has_to_drop() {
            return None;
        }
        self.next_doomed(after).or_else(|| self.sweep(after))
    }

    /// The next of the children that are to be dropped while others go on.
    pub(super) fn next_doomed(&mut self, after: &mut After) -> Option<(Claimed, CancelReason)> {
        while let Some(child) = self.doomed.pop_front() {
            match child.claim(false) {
                Claiming::Claimed(claimed) => {
                    let reason = self.cancelled.clone();
                    // One that was cancelled alone has its own.
                    let reason = reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit));
                    return Some((claimed, reason));
                }
                Claiming::Busy(child) if child.is_shielded() => after.holds(child),
                Claiming::Busy(child) => after.release(child),
                Claiming::Held(child, queue) => {
                    after.holds(child);
                    self.push(queue, after);
                }
            }
        }
        None
    }

    /// A child is to be dropped, and nobody was polling it: by whoever comes next.
    pub(in crate::group) fn doom(&mut self, child: CellRef, after: &mut After) {
        if self.live == 0 || self.ending {
            after.release(child);
            return;
        }
        if child.is_in_line() {
            self.leaves_line(&child, after);
            after.release(child);
            return;
        }
        self.doomed.push_back(child);
        self.watchers
            .notify(Events::DROPS, |waker| after.wake(waker));
        self.nudge(after);
    }

    /// A child in line will not start: it is dropped like those that run.
    pub(in crate::group) fn leaves_line(&mut self, child: &CellRef, after: &mut After) -> bool {
        let left = self.slots.leave_line(|other| other.is(child));
        let found = left.is_some();
        self.doomed.extend(left);
        self.give_back_permits(after);
        if found {
            self.watchers
                .notify(Events::DROPS, |waker| after.wake(waker));
        }
        self.nudge(after);
        found
    }

    /// The body wants to be dropped without waiting for the end of its grace.
    pub(in crate::group) fn body_gives_up(&mut self, after: &After) {
        self.body_gives_up = true;
        after.body_may_go();
    }

    /// Something stands in the body that holds it, or is to be told.
    pub(in crate::group) fn shield_body(&mut self, inner: Option<&Arc<Core>>, what: Stands) {
        self.body_shields.add(inner, what);
    }

    /// A shield in the body is gone.
    pub(in crate::group) fn unshield_body(
        &mut self,
        inner: Option<&Arc<Core>>,
        what: Stands,
        after: &mut After,
    ) {
        self.body_shields.remove(inner, what);
        if !self.hard {
            return;
        }
        if self.body_shields.any() {
            // What it stood before may be told.
            after.hardened();
        } else {
            self.watchers
                .notify(Events::TROUBLE, |waker| after.wake(waker));
        }
    }

    /// Whether something in the body is to be polled when the body goes, and the groups through which shields reach up to it.
    pub(in crate::group) fn body_path(&self) -> (bool, Vec<Weak<Core>>) {
        (self.body_shields.wants_poll(), self.body_shields.path())
    }

    /// What the group is in is to be dropped, and the group with it: without grace, and its body as well.
    pub(in crate::group) fn cancel_from_outside(
        &mut self,
        reason: CancelReason,
        after: &mut After,
    ) {
        let tells = self.hard && !self.goes_with_outside && self.body_shields.tells();
        self.goes_with_outside = true;
        self.cancel_hard(reason, after);
        if tells {
            after.hardened();
        }
    }

    /// Somebody leaves, as `leaving` says from now on: nobody is waited for but main children.
    #[inline]
    pub(in crate::group) fn leaves(&mut self, leaving: &mut bool, after: &mut After) {
        if !std::mem::replace(leaving, true) {
            self.leaving += 1;
            self.dismiss_if_alone(after);
        }
    }

    /// One that was leaving stays.
    pub(in crate::group) fn stays(&mut self) {
        self.leaving -= 1;
    }

    #[inline]
    pub(super) fn dismiss_if_alone(&mut self, after: &mut After) {
        let leaves = self.closed || self.leaving > 0;
        let is_cancelled = self.cancelled.is_some();
        if leaves && !is_cancelled && self.background > 0 && self.has_no_main() {
            after.dismiss();
        }
    }

    /// Is the body of the scope to be dropped now? A shield in it holds that off.
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
    pub(in crate::group) fn lacks(&mut self, lack: Lack, policy: Policy, after: &mut After) {
        if self.cancelled.is_none() {
            self.misses(lack, policy, after);
        }
    }

    /// The group fails without what a child or the body was to give.
    pub(in crate::group) fn misses(&mut self, lack: Lack, policy: Policy, after: &mut After) {
        if policy.on_error == OnError::CancelSiblings {
            let child = lack.child.clone();
            let reason = lack.reason.clone();
            let cause = |child| CancelReason::sibling_cancelled(child, reason.clone());
            self.cancel(child.map_or(reason.clone(), cause), after);
        }
        self.lacks.push((self.failures.len(), lack));
    }

    /// The child has come to another end.
    pub(in crate::group) fn lacks_not(&mut self, id: KeyId) -> Option<(usize, Lack)> {
        let is_it = |child: &ChildInfo| child.id() == id;
        let at = |(_, lack): &(usize, Lack)| lack.child.as_ref().is_some_and(is_it);
        let at = self.lacks.iter().position(at)?;
        Some(self.lacks.remove(at))
    }

    pub(in crate::group) fn first_lack(&self) -> Option<&Lack> {
        self.lacks.first().map(|(_, lack)| lack)
    }
}
