//! The owner of a group: its drop ends the group.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::cut::State;
use super::failures::Failures;
use super::options::GroupOptions;
use crate::depth;
use crate::group::cell::MembersOf;
use crate::group::engine::body::BodyFailure;
use crate::group::engine::core::{Core, Settings};
use crate::group::engine::kind::{Borrows, Executor, Kind, sealed::Sealed};
use crate::group::engine::position::Position;
use crate::group::handle::{Scope, debug_group};
use crate::group::queues::watchers::WatcherId;
use crate::group::sched::left::Left;
use crate::token::{CancelKind, CancelReason};

/// A group that is not open yet: its settings, and what is known of its spawner.
pub(crate) struct Origin<K: Kind> {
    settings: Settings,
    home: K::Origin,
}

/// Keeps the spawner of a kind of group current.
pub(crate) type GuardOf<K> = <<K as Sealed>::Executor as Executor>::Guard;

impl<K: Kind> Origin<K> {
    #[inline]
    pub(crate) fn new<C: State>(
        options: GroupOptions<K, C>,
        location: &'static Location<'static>,
    ) -> Self {
        let (settings, home) = options.split(location);
        Self { settings, home }
    }

    /// Says whether the body of the scope is dropped when the group is cancelled.
    #[inline]
    pub(crate) fn drops_body(mut self, drops_body: bool) -> Self {
        self.settings.drops_body = drops_body;
        self
    }

    /// Says that it is a scope's, whose body counts as a child.
    #[inline]
    pub(crate) fn with_body(mut self) -> Self {
        self.settings.has_body = true;
        self
    }

    /// Says that the group has failed if one of its children was cancelled alone.
    #[inline]
    pub(crate) fn needs_all(mut self) -> Self {
        self.settings.needs_all = true;
        self
    }

    /// Says that its body does nothing but to wait for the children.
    #[inline]
    pub(crate) fn body_waits(mut self) -> Self {
        self.settings.body_waits = true;
        self
    }

    /// Is it a group of which nothing was said that a call would have to ask it for?
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        let settings = &self.settings;
        settings.name.is_none() && settings.limit.is_none() && settings.time_options.is_none()
    }

    /// Are calls polled where they lie on this thread? As long as the guard is there.
    pub(crate) fn arrive(&mut self) -> Option<GuardOf<K>> {
        K::arrive(&mut self.home)
    }

    /// Says that an owner opens it in its first turn: see [`Turn::first`](crate::group::Turn::first).
    #[inline]
    pub(crate) fn attended(mut self) -> Self {
        self.settings.attended = true;
        self
    }
}

/// Owns a group. Dropped, it cancels the children, drops those that are not being polled, and releases everything.
pub(crate) struct Owner<'env, E, K: Kind> {
    scope: Scope<'env, E, K>,
    /// Its registration among the watchers.
    watcher: Option<WatcherId>,
    left: bool,
}

impl<'env, E, K: Kind> Owner<'env, E, K> {
    #[track_caller]
    pub(crate) fn open(origin: Origin<K>) -> Self
    where
        K: Borrows<'env>,
    {
        let settings = origin.settings;
        let time_options = settings.time_options.clone();
        let (spawner, home) = K::open(origin.home);
        let members = MembersOf::new(settings, spawner, K::roaming());
        if let Some(mut time_options) = time_options {
            time_options.clock = K::clock(&home);
            members.core().set_times(*time_options);
        }
        Self {
            scope: Scope::new(members, home),
            watcher: None,
            left: false,
        }
    }

    pub(crate) fn scope(&self) -> &Scope<'env, E, K> {
        &self.scope
    }

    /// The handle, and the owner's registration among the watchers.
    pub(crate) fn parts(&mut self) -> (&Scope<'env, E, K>, &mut Option<WatcherId>) {
        (&self.scope, &mut self.watcher)
    }

    /// May go, with what failed.
    pub(crate) fn leave(&mut self, left: Left, body: Option<BodyFailure<E>>) -> Failures<'_, E> {
        self.left = true;
        self.scope.core().stop_clock();
        Failures::of(&self.scope.members, left, body)
    }
}

impl<E, K: Kind> Drop for Owner<'_, E, K> {
    fn drop(&mut self) {
        if !self.left {
            let core = self.scope.core();
            goes(core, self.watcher.take());
            if K::BORROWS {
                Core::ends(self.scope.on_thread());
            } else {
                // Where many such drops lie in each other the outermost does that.
                let (core, group) = (Arc::clone(core), self.scope.members.apart());
                depth::bounded(move || Core::ends(group.on_thread(&core)));
            }
        }
    }
}

/// An owner goes without having left: from now on nobody takes children but who drops them.
fn goes(core: &Arc<Core>, watcher: Option<WatcherId>) {
    // Where an outer cancel drops the owner of the group, that is the cause.
    let outer = core.parent().and_then(Position::reason);
    let reason = outer.map(|reason| reason.inherited());
    let reason = reason.unwrap_or_else(|| CancelReason::new(CancelKind::Dropped));
    let reason = core.first_cause(reason);
    core.with(|sched, effects| {
        sched.ends(reason, effects);
        effects.drop_waker(watcher.and_then(|watcher| sched.watchers.unwatch(watcher)));
    });
}

impl<E, K: Kind> fmt::Debug for Owner<'_, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_group("Owner", self.scope.core(), f)
    }
}
