//! A child that is there for the sake of the others: it watches for the moment at which only its like are left.

use std::sync::Arc;
use std::task::Waker;

use crate::group::engine::core::Core;
use crate::group::engine::position::{Position, here};
use crate::group::queues::watchers::{Events, WatcherId};

/// A child's registration as such a one, until it is dropped.
pub(crate) struct Companion {
    core: Arc<Core>,
    child: u64,
    is_background: bool,
    /// Once it has looked.
    watcher: Option<WatcherId>,
}

impl Companion {
    /// The child whose code this is. None in a body, behind a shield, and outside of all groups.
    pub(crate) fn here() -> Option<Self> {
        match here()? {
            Position::Child(child) => Some(Self {
                core: Arc::clone(child.core()),
                child: child.id().child,
                is_background: child.is_background(),
                watcher: None,
            }),
            Position::Body(_) | Position::Behind(_) => None,
        }
    }

    /// Is nobody left but children like this one? If not, the waker is called when it may be so.
    pub(crate) fn is_alone(&mut self, waker: &Waker) -> bool {
        let (core, child) = (&self.core, self.child);
        let waker = waker.clone();
        core.with(|sched, effects| {
            // First this and then the look: it counts as one of them itself.
            if self.watcher.is_none() {
                sched.accompanies(child, self.is_background);
            }
            let watcher = &mut self.watcher;
            effects.drop_waker(sched.watchers.watch(watcher, Events::ALONE, waker));
            core.is_companion_alone(child, sched, effects)
        })
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher {
            self.core.with(|sched, effects| {
                sched.accompanies_less(self.child);
                effects.drop_waker(sched.watchers.unwatch(watcher));
            });
        }
    }
}
