//! How many shields hold off a drop, and through which groups they reach up to what is held; and what a group does for
//! those in its body.

use std::sync::{Arc, Weak};
use std::task::Wake;

use super::core::Core;
use super::place::Place;
use super::sched::Sched;
use crate::cancel::CancelReason;

/// The shields that stand in one child, or in one body. Most have none, ever.
#[derive(Default)]
pub(super) struct Shields(Option<Box<Standing>>);

#[derive(Default)]
struct Standing {
    /// Those that hold it.
    holding: usize,
    /// Those that do not, and are to be told of its drop.
    told: usize,
    /// The groups inside, each with the number of shields that reach up through it.
    path: Vec<(Weak<Core>, usize)>,
}

impl Shields {
    /// Is it held?
    pub(super) fn any(&self) -> bool {
        self.0.as_ref().is_some_and(|all| all.holding > 0)
    }

    /// Is anybody to be told of its drop?
    pub(super) fn tells(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|all| all.holding + all.told > 0)
    }

    /// One more, in what is held or in the group `inner` inside it.
    pub(super) fn add(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        self.0.get_or_insert_default().add(inner, holds);
    }

    /// One less.
    pub(super) fn remove(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        if let Some(all) = &mut self.0 {
            all.remove(inner, holds);
        }
    }

    /// The groups inside.
    pub(super) fn path(&self) -> Vec<Weak<Core>> {
        let groups = self.0.iter().flat_map(|all| &all.path);
        groups.map(|(group, _)| group.clone()).collect()
    }
}

impl Standing {
    fn count(&mut self, holds: bool) -> &mut usize {
        if holds {
            &mut self.holding
        } else {
            &mut self.told
        }
    }

    fn add(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        *self.count(holds) += 1;
        let Some(inner) = inner else { return };
        match self.position(inner) {
            Some(at) => self.path[at].1 += 1,
            None => self.path.push((Arc::downgrade(inner), 1)),
        }
    }

    fn remove(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        *self.count(holds) -= 1;
        if let Some(at) = inner.and_then(|inner| self.position(inner)) {
            self.path[at].1 -= 1;
            if self.path[at].1 == 0 {
                self.path.swap_remove(at);
            }
        }
    }

    fn position(&self, inner: &Arc<Core>) -> Option<usize> {
        let is_it = |(weak, _): &(Weak<Core>, usize)| weak.as_ptr() == Arc::as_ptr(inner);
        self.path.iter().position(is_it)
    }
}

impl Core {
    /// Its body is to be dropped, and is held by shields: has it polled once, and passes that on to the groups inside it
    /// that they stand in.
    pub(super) fn tell_body_path(self: &Arc<Self>) {
        self.wake_by_ref();
        let path = self.read(Sched::body_path);
        self.pass_on(&path, &self.reason());
    }

    /// Passes a cancel that drops what they are in on to the groups inside, but not through a shield that stands.
    pub(super) fn pass_on(&self, inside: &[Weak<Self>], reason: &CancelReason) {
        let reason = reason.inherited();
        let groups = inside.iter().filter_map(Weak::upgrade);
        for group in groups.filter(|group| !group.is_screened()) {
            group.harden(&reason);
        }
    }

    /// Does a shield stand between the group and the child or body that it is in?
    fn is_screened(&self) -> bool {
        let mut place = self.parent();
        while let Some(Place::Behind(screen)) = place {
            if screen.stands() {
                return true;
            }
            place = screen.outside.as_ref();
        }
        false
    }

    /// A shield stands in the body, or in the group `inner` inside it. One that does not hold the body is there to be told.
    pub(super) fn shield_body(self: &Arc<Self>, inner: Option<&Arc<Core>>, holds: bool) {
        let is_late = self.with(|sched, _| {
            sched.shield_body(inner, holds);
            sched.is_hard()
        });
        if let Some(inner) = inner.filter(|_| is_late) {
            self.pass_on(&[Arc::downgrade(inner)], &self.reason());
        }
    }

    pub(super) fn unshield_body(self: &Arc<Self>, inner: Option<&Arc<Core>>, holds: bool) {
        self.with(|sched, after| sched.unshield_body(inner, holds, after));
    }
}
