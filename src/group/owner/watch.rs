//! The registration among the watchers of a group, of somebody who may go away.

use std::sync::Arc;

use crate::group::cell::{Members, MembersOf, OnThread};
use crate::group::engine::core::Core;
use crate::group::engine::driving::sweep;
use crate::group::queues::watchers::WatcherId;

/// An owner's registration among the watchers, given up when it is dropped.
pub(crate) struct Watch<G: Watched = Arc<Core>> {
    group: G,
    pub(in crate::group) watcher: Option<WatcherId>,
}

/// A group, from the hands of somebody who watches it.
pub(crate) trait Watched {
    fn core(&self) -> &Arc<Core>;
    /// If this is a thread on which its children are at home.
    fn on_thread(&self) -> Option<OnThread<'_>>;
}

impl Watched for Arc<Core> {
    fn core(&self) -> &Arc<Core> {
        self
    }

    fn on_thread(&self) -> Option<OnThread<'_>> {
        OnThread::anywhere(self)
    }
}

impl<E, H> Watched for &MembersOf<E, H> {
    fn core(&self) -> &Arc<Core> {
        Members::core(self)
    }

    fn on_thread(&self) -> Option<OnThread<'_>> {
        Some(MembersOf::on_thread(self))
    }
}

impl<G: Watched> Watch<G> {
    pub(crate) fn new(group: G) -> Self {
        Self {
            group,
            watcher: None,
        }
    }
}

impl<G: Watched> Drop for Watch<G> {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher {
            let core = self.group.core();
            let is_left = core.with(|sched, effects| sched.stops_watching(watcher, effects));
            if let Some(at) = self.group.on_thread().filter(|_| is_left) {
                sweep(at);
            }
        }
    }
}
