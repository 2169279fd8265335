//! What a group does for the shields in its body: counts them, and passes a cancel on to the groups inside.

use std::sync::{Arc, Weak};
use std::task::Wake;

use super::core::Core;
use super::position::Position;
use crate::depth;
use crate::group::cell::Stands;
use crate::token::CancelReason;

impl Core {
    /// Its children are dropped, and shields or clean-ups stand in its body. Where the body goes, too, that is passed on to the
    /// groups inside it, and a clean-up in the body itself is polled once.
    pub(in crate::group) fn tell_body_path(self: &Arc<Self>) {
        let (goes, polls, path) = self.read(|sched| {
            let shields = &sched.body_shields;
            let goes = sched.drops_body(self.drops_body());
            (goes, shields.wants_poll(), shields.path())
        });
        if !goes {
            return;
        }
        if polls {
            self.wake_by_ref();
        }
        self.pass_on(&path, &self.reason());
    }

    /// Passes a cancel that drops what they are in on to the groups inside, but not through a shield that stands.
    pub(in crate::group) fn pass_on(&self, inside: &[Weak<Self>], reason: &CancelReason) {
        let reason = reason.inherited();
        let groups = inside.iter().filter_map(Weak::upgrade);
        for group in groups.filter(|group| !group.is_screened()) {
            let reason = reason.clone();
            // It may hold a shield in turn, which passes it on.
            depth::bounded(move || {
                group.with(|sched, effects| sched.cancel_from_outside(reason, effects));
            });
        }
    }

    /// Does a shield stand between the group and the child or body that it is in?
    fn is_screened(&self) -> bool {
        let mut position = self.parent();
        while let Some(Position::Behind(surrounding)) = position {
            if surrounding.holds_off() {
                return true;
            }
            position = surrounding.outside();
        }
        false
    }

    /// Something stands in the body, or in the group `inner` inside it.
    pub(in crate::group) fn shield_body(self: &Arc<Self>, inner: Option<&Arc<Core>>, what: Stands) {
        let drops_body = self.drops_body();
        let is_late = self.with(|sched, _| {
            sched.body_shields.add(inner, what);
            sched.drops_body(drops_body) && !sched.body_shields.hold_all()
        });
        if let Some(inner) = inner.filter(|_| is_late) {
            self.pass_on(&[Arc::downgrade(inner)], &self.reason());
        }
    }

    /// It is gone from there; what has to be seen to is said by [`body_is_unshielded`](Self::body_is_unshielded).
    pub(in crate::group) fn unshield_body(
        self: &Arc<Self>,
        inner: Option<&Arc<Core>>,
        what: Stands,
    ) {
        self.with(|sched, _| sched.body_shields.remove(inner, what));
    }

    /// Something that stood in the body is gone.
    pub(in crate::group) fn body_is_unshielded(self: &Arc<Self>) {
        self.with(|sched, effects| sched.body_unshielded(effects));
    }
}
