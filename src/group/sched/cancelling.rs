//! Cancelling: the two stages, the sweep, and what holds off the drop of the body.

use std::sync::{Arc, Weak};

use super::Sched;
use crate::cancel::CancelReason;
use crate::group::after::After;
use crate::group::cell::{CellRef, Claimed};
use crate::group::children::Swept;
use crate::group::core::Core;
use crate::group::watchers::Events;

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

    /// Cancels at once, whatever a shield holds, and the caller sees to the children.
    pub(super) fn cancel_by_force(&mut self, reason: CancelReason, after: &mut After) {
        self.turn(reason, after);
        self.harden(after);
        self.force = true;
        self.children.sweep_again();
        let queued = self.ready.drain().chain(self.slots.clear_line(|_| false));
        queued.for_each(|child| after.release(child));
    }

    /// The first stage: nobody is admitted, and nobody in line starts.
    pub(super) fn turn(&mut self, reason: CancelReason, after: &mut After) {
        if self.cancelled.is_some() || self.has_ended() {
            return;
        }
        self.close_lanes(after);
        self.cancelled = Some(reason.clone());
        self.cancelled_before = self.tally.cancelled;
        after.cancelled(reason);
        // A start that is pending is the caller's, and takes its turn.
        self.doomed
            .extend(self.slots.clear_line(CellRef::is_shielded));
        self.slots.dismiss(|waker| after.wake(waker));
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
        self.watchers
            .notify(Events::TROUBLE, |waker| after.wake(waker));
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

    /// A child in line will not start: it is dropped like those that run.
    pub(in crate::group) fn leaves_line(&mut self, child: &CellRef, after: &mut After) -> bool {
        let left = self.slots.leave_line(|other| other.is(child));
        let found = left.is_some();
        left.iter().for_each(CellRef::doom);
        self.doomed.extend(left);
        self.nudge(after);
        found
    }

    /// The body wants to be dropped without waiting for the end of its grace.
    pub(in crate::group) fn body_gives_up(&mut self, after: &After) {
        self.body_gives_up = true;
        after.body_may_go();
    }

    /// A shield stands in the body.
    pub(in crate::group) fn shield_body(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        self.body_shields.add(inner, holds);
    }

    /// A shield in the body is gone.
    pub(in crate::group) fn unshield_body(
        &mut self,
        inner: Option<&Arc<Core>>,
        holds: bool,
        after: &mut After,
    ) {
        self.body_shields.remove(inner, holds);
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

    /// The groups through which shields reach up to the body.
    pub(in crate::group) fn body_path(&self) -> Vec<Weak<Core>> {
        self.body_shields.path()
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

    /// Is the body of the scope to be dropped? For a panic that is to go on it always is. A shield in it holds that off.
    pub(in crate::group) fn dooms_body(&self, on_cancel: bool) -> bool {
        let goes = self.hard || self.body_gives_up;
        goes && (self.resumes || on_cancel) && !self.body_shields.any()
    }
}
