//! Shields, tokens and cancels of one child: what its cell keeps, and what its group has to do with it.

use std::sync::Arc;

use super::core::Core;
use crate::clock::Alarm;
use crate::group::cell::{Begins, CellRef, Claiming, OnThread, Stands};
use crate::token::{CancelReason, CancelToken, Owner};

/// How a child stands when a shield is gone.
#[derive(Clone, Copy)]
pub(in crate::group) enum Unshielded {
    /// Others hold it.
    InPart,
    /// It has given up, and goes.
    GivesUp,
    /// A shield could have held it that long, and nobody polls it.
    Waits,
    /// It is over, or is seen to by who polls it.
    Alone,
}

impl CellRef {
    /// Holds off the drop of this child by one more shield, which stands in it or in the group `inner` inside it.
    pub(in crate::group) fn shield(&self, inner: Option<&Arc<Core>>, stands: Stands) {
        let holds_all = {
            let mut held = self.held_or_make().lock();
            held.shields.add(inner, stands);
            self.begin_shielded();
            held.hold_all()
        };
        // The thread that marked the child before did not find the group.
        if let Some(inner) = inner.filter(|_| !holds_all && self.is_cancelled()) {
            self.core()
                .pass_on(&[Arc::downgrade(inner)], &self.reason());
        }
    }

    /// Takes one shield away, and says what has to be seen to afterwards.
    pub(in crate::group) fn unshield(
        &self,
        inner: Option<&Arc<Core>>,
        stands: Stands,
    ) -> Unshielded {
        let mut held = self.held_or_make().lock();
        held.shields.remove(inner, stands);
        if held.gives_up && !held.shields.any() {
            self.ends_own_grace(&mut held);
        }
        if held.holds() {
            return Unshielded::InPart;
        }
        let waits = self.end_shielded();
        match held.gives_up {
            true => Unshielded::GivesUp,
            false if waits => Unshielded::Waits,
            false => Unshielded::Alone,
        }
    }

    /// A shield is gone. If it was the last and the child is to be dropped, that is seen to; and if it was not, what it stood before
    /// may be told.
    pub(in crate::group) fn is_unshielded(&self, unshielded: Unshielded) {
        match unshielded {
            Unshielded::GivesUp => self.mark_cancelled(),
            Unshielded::Waits if self.is_cancelled() => {
                let child = self.clone();
                self.core()
                    .with(|sched, effects| sched.doom(child, effects));
            }
            Unshielded::InPart if self.is_cancelled() => self.tell_path(),
            Unshielded::Waits | Unshielded::InPart | Unshielded::Alone => {}
        }
    }

    /// Marks it as cancelled for itself, and has it looked at by the driver or owner that polls children, unless a shield holds it: the one that takes
    /// that away has it looked at.
    pub(in crate::group) fn mark_cancelled(&self) {
        if self.is_shielded() {
            let held = self.held_or_make().lock();
            if held.holds() && !held.shields.wants_poll() {
                self.mark();
                drop(held);
                return self.tell_path();
            }
        }
        self.mark_and_call();
        if self.is_shielded() {
            self.tell_path();
        }
    }

    /// Is it to be dropped, now or when no shield holds it any more? Not as long as it has a grace of its own.
    pub(in crate::group) fn is_to_go(&self) -> bool {
        let core = self.core();
        let goes = self.is_cancelled() || core.drops_children();
        goes && (!self.is_in_own_grace() || core.holds_nothing())
    }

    /// Tells the groups inside it, through which shields reach up to it, that it is to be dropped.
    pub(in crate::group) fn tell_path(&self) {
        let Some(held) = self.held() else {
            return;
        };
        let path = {
            let held = held.lock();
            if held.hold_all() {
                return;
            }
            held.shields.path()
        };
        self.core().pass_on(&path, &self.reason());
    }

    /// Why it is cancelled, or is about to be.
    pub(in crate::group) fn reason(&self) -> CancelReason {
        self.own_reason().unwrap_or_else(|| self.core().reason())
    }

    /// Its own token, which turns with the group's and for the same reason. Cancelling it cancels this child.
    pub(in crate::group) fn token(&self) -> CancelToken {
        let held = self.held_or_make();
        let known = held.lock().token.clone();
        let token = known.unwrap_or_else(|| self.make_token());
        // A cancel that came before the token could be seen has not turned it.
        if let Some(reason) = self.own_reason() {
            token.turn(reason);
        }
        token
    }

    fn make_token(&self) -> CancelToken {
        let fresh = CancelToken::new();
        // Its own reason is the first: one of the group that came before would have left it none.
        if let Some(reason) = self.own_reason() {
            fresh.turn(reason);
        }
        let follows = fresh.follow(self.core().token());
        if self.end().is_some() {
            // Nobody would release what follows the group any more.
            return fresh;
        }
        fresh.set_owner(self.clone());
        let (token, unused) = {
            let mut held = self.held_or_make().lock();
            match &held.token {
                Some(other) => (other.clone(), Some(follows)),
                None => {
                    held.token = Some(fresh.clone());
                    held.follows = Some(follows);
                    (fresh, None)
                }
            }
        };
        drop(unused);
        if self.end().is_some() {
            self.lets_go();
        }
        token
    }

    /// Its token was cancelled: so is the child, unless that came from its group.
    fn token_turned(&self, reason: &CancelReason) {
        if self.core().cancelled().is_none() {
            self.cancel_alone(reason.clone());
        }
    }

    /// Does by itself what the callback of its token is about to do, if that was cancelled.
    pub(in crate::group) fn heeds_token(&self) {
        let token = self.held().and_then(|held| held.lock().token.clone());
        if let Some(reason) = token.and_then(|token| token.reason()) {
            self.token_turned(&reason);
        }
    }

    /// Cancels this child alone: its token turns now, and it is dropped when the grace is over. Nothing if it was
    /// cancelled before, or its group.
    pub(in crate::group) fn cancel_alone(&self, reason: CancelReason) {
        let core = self.core();
        if core.read(|sched| sched.cancelled.is_some()) {
            return;
        }
        // What the group is in may have been cancelled before, and then that is what the child has read.
        let reason = core.cancelled().unwrap_or(reason);
        let held = self.held_or_make();
        let begins = {
            let mut held = held.lock();
            if held.reason.is_some() || self.end().is_some() {
                return;
            }
            held.reason = Some(reason.clone());
            let begins = self.begins_own_grace(&mut held, None);
            if matches!(begins, Begins::OfGroup) && core.grace().is_zero() {
                // In the same step: who sees the cancel sees under which stage it is.
                self.mark();
            }
            begins
        };
        if self.is_in_line() && core.leaves_line(self) {
            self.turn_token(&reason);
            return;
        }
        let grace = match begins {
            Begins::OfGroup => core.grace(),
            Begins::Now(grace) => grace,
            Begins::Before => return self.turn_token(&reason),
        };
        let child = self.clone();
        match core.grace_alarm(grace, move || child.grace_is_over()) {
            Some(alarm) => {
                self.turn_token(&reason);
                self.keep_alarm(alarm);
            }
            None => {
                // First, or the token would have it polled in between.
                self.grace_is_over();
                self.turn_token(&reason);
            }
        }
    }

    /// The grace of a cancel of this child alone is over.
    fn grace_is_over(&self) {
        self.loses_own_grace();
        self.mark_cancelled();
    }

    /// Cancels this child alone and without grace, or ends the grace that it has, and with `force` whatever a shield holds.
    pub(in crate::group) fn cancel_alone_now(&self, reason: CancelReason, force: bool) {
        // What cancelled its group, or what that is in, came first.
        let reason = self.core().cancelled().unwrap_or(reason);
        let alarm = {
            let mut held = self.held_or_make().lock();
            if self.end().is_some() {
                return;
            }
            held.reason.get_or_insert(reason.clone());
            if force {
                self.doom();
            }
            self.mark();
            self.ends_own_grace(&mut held);
            held.alarm.take()
        };
        drop(alarm);
        if !(self.is_in_line() && self.core().leaves_line(self)) {
            self.mark_cancelled();
        }
        self.turn_token(&reason);
    }

    /// Ends as cancelled without waiting for the end of its grace, as soon as no shield holds it.
    pub(in crate::group) fn gives_up(&self) {
        let reason = self.own_reason().or_else(|| self.core().cancelled());
        self.gives_up_with(reason.unwrap_or_else(|| self.core().reason()));
    }

    /// The same, for this reason unless it was cancelled before.
    pub(in crate::group) fn gives_up_with(&self, reason: CancelReason) {
        if self.end().is_some() {
            return;
        }
        {
            let mut held = self.held_or_make().lock();
            held.reason.get_or_insert(reason);
            held.gives_up = true;
            if held.shields.any() {
                return;
            }
            self.ends_own_grace(&mut held);
        }
        self.mark_cancelled();
    }

    /// Is cancelled alone, for this reason unless it was cancelled before, and does not wait for the end of its grace: it cannot
    /// go on.
    pub(in crate::group) fn ends_early(&self, reason: CancelReason) {
        let reason = self.core().cancelled().unwrap_or(reason);
        self.cancel_alone(reason.clone());
        self.gives_up_with(reason);
    }

    /// Drops it on behalf of somebody who awaits it: nobody polls it, and nothing holds it.
    pub(in crate::group) fn drops_awaited(&self) {
        let core = self.core();
        let Some(at) = OnThread::anywhere(core) else {
            return;
        };
        match self.clone().claim(false) {
            Claiming::Claimed(claimed) => core.is_over(claimed.cancel(&core.reason(), at)),
            Claiming::Busy(_) => {}
            Claiming::Held(_, queue) => core.push(queue),
        }
    }

    fn keep_alarm(&self, alarm: Alarm) {
        let earlier = {
            let mut held = self.held_or_make().lock();
            held.alarm.replace(alarm)
        };
        drop(earlier);
        if self.end().is_some() {
            self.lets_go();
        }
    }
}

/// The grace that one child has for itself.
impl CellRef {
    /// One with a grace of its own was taken in, by a group that is in something.
    pub(super) fn is_in_with_grace(&self) {
        let core = self.core();
        if core.parent().is_none() {
            return;
        }
        // The token tells the group of a cancel further out: of each that comes after this.
        core.token();
        if core.cancelled().is_some() {
            self.begins_grace();
        }
    }

    /// Its group was cancelled, or what that is in: it has its time from now on, unless that has begun before.
    pub(super) fn begins_grace(&self) {
        let Begins::Now(grace) = self.begins_with_group(self.core().reason_outside()) else {
            return;
        };
        if grace.is_zero() {
            return self.goes();
        }
        let child = self.clone();
        let alarm = self
            .core()
            .grace_alarm(grace, move || child.own_grace_is_over());
        match alarm {
            Some(alarm) => self.keep_alarm(alarm),
            // Nobody will say when it is over.
            None => self.own_grace_is_over(),
        }
    }

    fn own_grace_is_over(&self) {
        if self.loses_own_grace() {
            self.goes();
        }
    }

    /// It is marked as one that is to be dropped, after a cancel that was not of this child alone.
    fn goes(&self) {
        if !(self.is_in_line() && self.core().leaves_line(self)) {
            self.mark_cancelled();
        }
        if let Some(reason) = self.own_reason() {
            self.turn_token(&reason);
        }
    }
}

impl Core {
    /// Why what it is in was cancelled, if it was not cancelled itself.
    fn reason_outside(&self) -> Option<CancelReason> {
        match self.own_reason() {
            Some(_) => None,
            None => self.cancelled(),
        }
    }
}

/// A child is cancelled with its token.
impl Owner for CellRef {
    fn turned(&self, reason: &CancelReason) {
        self.token_turned(reason);
    }

    fn turned_now(&self, reason: &CancelReason) {
        self.cancel_alone_now(reason.clone(), false);
    }
}
