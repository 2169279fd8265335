//! How a group is cancelled: why, by which token, and in which of the two stages.

use std::sync::{Arc, Weak};

use super::core::Core;
use super::position::Position;
use crate::group::cell::CellRef;
use crate::token::{CancelKind, CancelReason, CancelToken, Owner};

impl Core {
    /// Why its children are dropped.
    pub(in crate::group) fn reason(&self) -> CancelReason {
        self.read(|sched| sched.cancelled.clone())
            .unwrap_or_else(|| CancelReason::new(CancelKind::Explicit))
    }

    /// Why the group was cancelled, whatever it is in.
    pub(crate) fn own_reason(&self) -> Option<CancelReason> {
        self.read(|sched| sched.cancelled.clone())
    }

    /// Is it that, or may it be? A task that was woken by what comes of that sees it.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.body.may_have_to_go() && self.read(|sched| sched.cancelled.is_some())
    }

    /// Why the group, or something that it is in, was cancelled.
    pub(crate) fn cancelled(&self) -> Option<CancelReason> {
        self.known_reason()
            .or_else(|| Some(self.parent.as_ref()?.reason()?.inherited()))
    }

    /// The same, or why its token has turned, which spares a look at all that the group is in.
    pub(in crate::group) fn known_reason(&self) -> Option<CancelReason> {
        let turned = || self.token.get().and_then(CancelToken::reason);
        self.own_reason().or_else(turned)
    }

    /// Has anybody asked for its token?
    pub(in crate::group) fn has_token(&self) -> bool {
        self.token.get().is_some()
    }

    /// The token that turns then. Cancelling it cancels the group.
    pub(crate) fn token(self: &Arc<Self>) -> &CancelToken {
        if let (None, Some(parent)) = (self.token.get(), &self.parent) {
            parent.make_tokens();
        }
        let token = self.token.get_or_init(|| {
            let outside = self.parent.as_ref().map(Position::token);
            let token = outside
                .as_ref()
                .map_or_else(CancelToken::new, CancelToken::child_token);
            token.set_owner(Group(Arc::downgrade(self)));
            token
        });
        // A cancel that came before the token could be seen has not turned it.
        if let Some(reason) = self.read(|sched| sched.cancelled.clone()) {
            token.turn(reason);
        }
        token
    }

    /// The token was cancelled. What comes from outside turns the token alone: children are dropped when what they are in is, or at
    /// the end of a grace of their own.
    fn token_turned(self: &Arc<Self>, reason: &CancelReason) {
        if !self.is_from_outside(reason) {
            self.cancel(reason.clone());
            return;
        }
        let with_grace: Vec<_> = self.read(|sched| sched.with_own_grace().collect());
        for child in with_grace {
            child.begins_grace();
        }
    }

    /// Did the token turn for this reason because what the group is in was cancelled?
    fn is_from_outside(&self, reason: &CancelReason) -> bool {
        let is_cancelled = |position: &Position| position.reason().is_some();
        reason.kind() == CancelKind::Parent && self.parent().is_some_and(is_cancelled)
    }

    /// Does by itself what the callback of the token is about to do, if that was cancelled.
    pub(in crate::group) fn heeds_token(self: &Arc<Self>) {
        if let Some(reason) = self.token.get().and_then(CancelToken::reason) {
            self.token_turned(&reason);
        }
    }

    /// Cancels, unless that was done before: children are dropped when their grace is over.
    pub(crate) fn cancel(self: &Arc<Self>, reason: CancelReason) {
        let reason = self.first_cause(reason);
        self.with(|sched, effects| sched.cancel(reason, effects));
    }

    /// Cancels without grace, or ends the grace: children are dropped unless a shield holds them.
    pub(crate) fn cancel_now(self: &Arc<Self>, reason: CancelReason) {
        let reason = self.first_cause(reason);
        self.with(|sched, effects| sched.cancel_hard(reason, effects));
    }

    /// The same, whatever a shield holds.
    pub(crate) fn cancel_past_shields(self: &Arc<Self>, reason: CancelReason) {
        let reason = self.first_cause(reason);
        self.with(|sched, effects| sched.cancel_past_shields(reason, effects));
    }

    /// The grace is over, and lasts for those alone that have one of their own.
    pub(in crate::group) fn end_grace(self: &Arc<Self>) {
        self.with(|sched, effects| sched.grace_is_over(effects));
    }

    /// The group was cancelled just now.
    pub(in crate::group) fn has_been_cancelled(self: &Arc<Self>, reason: &CancelReason) {
        // In this order: who is told by the token may be over, and its executor too, before an alarm could be set.
        self.begin_grace();
        if let Some(token) = self.token.get() {
            token.turn(reason.clone());
        }
    }

    /// Only background children are left: they are cancelled.
    pub(in crate::group) fn dismiss_background(self: &Arc<Self>) {
        // Those in line first, lest they start for nothing.
        let (in_line, under_way): (Vec<_>, Vec<_>) = self.read(|sched| {
            let background = sched.children().filter(CellRef::is_background);
            background.partition(CellRef::is_in_line)
        });
        for child in in_line.into_iter().chain(under_way) {
            child.cancel_alone(CancelReason::new(CancelKind::NotNeeded));
        }
    }
}

/// A group is cancelled with its token, as long as it is there.
struct Group(Weak<Core>);

impl Owner for Group {
    fn turned(&self, reason: &CancelReason) {
        if let Some(core) = self.0.upgrade() {
            core.token_turned(reason);
        }
    }

    fn turned_now(&self, reason: &CancelReason) {
        if let Some(core) = self.0.upgrade() {
            core.cancel_now(reason.clone());
        }
    }
}
