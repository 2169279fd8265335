//! The groups of a registry: the one on its own spawner, and more where tasks were created on other spawners, or where
//! the group before was cancelled.
//!
//! 1. A close sets `closed` under the lock, so no group is added afterwards, and then closes every group.
//! 2. A group leaves the list only if it was closed empty: a thread that was about to add a task to it looks again.
//! 3. No group is opened or dropped under the lock, since a spawner is asked or dropped with it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use super::ages::Ages;
use super::info::TaskInfo;
use crate::clock::{Clock, ClockHandle};
use crate::group::{Detached, Glance, GroupOptions, Key, Label, OutputPolicy};
use crate::spawner::{Spawner, SpawnerHandle};
use crate::std_or_loom::Lock;
use crate::token::{CancelKind, CancelReason};

pub(super) struct Groups {
    options: GroupOptions,
    location: &'static Location<'static>,
    first: Arc<Branch>,
    more: Lock<More>,
}

#[derive(Default)]
struct More {
    closed: bool,
    branches: Vec<Arc<Branch>>,
}

/// One of the groups.
pub(super) struct Branch {
    group: Detached,
    ages: Ages,
    /// What tells the age of tasks; `None` is the system's clock.
    clock: Option<ClockHandle>,
    /// All its tasks were cancelled: those that come later go elsewhere.
    retired: AtomicBool,
}

impl Branch {
    #[track_caller]
    fn open(options: GroupOptions, location: &'static Location<'static>) -> Arc<Self> {
        let group = Detached::open(options, location);
        let clock = group.spawner().clock();
        Arc::new(Self {
            ages: Ages::new(now(clock.as_ref())),
            group,
            clock,
            retired: AtomicBool::new(false),
        })
    }

    pub(super) fn group(&self) -> &Detached {
        &self.group
    }

    /// It took no task for this reason: is that the end, or may the task go elsewhere?
    fn is_final(&self, reason: &CancelReason) -> bool {
        let kind = reason.kind();
        !self.retired.load(Relaxed) && kind != CancelKind::Abandoned && kind != CancelKind::Closed
    }

    fn takes_on(&self, spawner: &SpawnerHandle) -> bool {
        self.group.spawner().same_as(spawner)
            && match self.group.cancelled() {
                Some(reason) => self.is_final(&reason),
                None => !self.retired.load(Relaxed),
            }
    }

    fn try_add<F, S>(&self, label: &Label, future: F) -> Result<Key<S::Value>, (F, CancelReason)>
    where
        F: Future + Send + 'static,
        S: OutputPolicy<F::Output, Error = Infallible, Value: Send>,
    {
        let born = now(self.clock.as_ref());
        let key = self.group.try_add::<F, S>(label, future)?;
        self.ages.note(key.id().child, born);
        Ok(key)
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = TaskInfo> {
        let now = now(self.clock.as_ref());
        let age = move |glance: &Glance| self.ages.age(glance.child.id().child, now);
        let glances = self.group.glance().into_iter();
        glances.map(move |glance| TaskInfo::new(age(&glance), glance))
    }
}

fn now(clock: Option<&ClockHandle>) -> Instant {
    clock.map_or_else(Instant::now, Clock::now)
}

impl Groups {
    #[track_caller]
    pub(super) fn open(options: GroupOptions, location: &'static Location<'static>) -> Self {
        Self {
            first: Branch::open(options.clone(), location),
            options,
            location,
            more: Lock::default(),
        }
    }

    pub(super) fn first(&self) -> &Detached {
        &self.first.group
    }

    /// All groups that may have tasks.
    pub(super) fn branches(&self) -> Vec<Arc<Branch>> {
        let more = self.more.lock();
        let mut all = Vec::with_capacity(1 + more.branches.len());
        all.push(Arc::clone(&self.first));
        all.extend(more.branches.iter().cloned());
        all
    }

    pub(super) fn len(&self) -> usize {
        let more = self.more.lock();
        let others = more.branches.iter().map(|branch| branch.group.len());
        self.first.group.len() + others.sum::<usize>()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.more.lock().closed
    }

    pub(super) fn close(&self) {
        self.more.lock().closed = true;
        for branch in self.branches() {
            branch.group.close();
        }
    }

    /// Prints the registry without waiting for a lock.
    pub(super) fn debug(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.first.group;
        let mut out = f.debug_struct(what);
        if let Some(name) = first.name() {
            out.field("name", &name);
        }
        out.field("location", &format_args!("{}", self.location));
        let more = self.more.try_lock();
        let lens = more.map(|more| {
            let others = more.branches.iter().map(|branch| branch.group.try_len());
            (
                more.closed,
                others.chain([first.try_len()]).sum::<Option<usize>>(),
            )
        });
        if let Some((closed, len)) = lens {
            out.field("closed", &closed);
            if let Some(len) = len {
                out.field("len", &len);
            }
        }
        out.finish_non_exhaustive()
    }

    /// Cancels the tasks that are there now.
    pub(super) fn cancel(&self, reason: &CancelReason) {
        let mut branches = self.branches();
        branches.retain(|branch| branch.group.len() > 0);
        for branch in &branches {
            branch.retired.store(true, Relaxed);
        }
        for branch in branches {
            branch.group.cancel(reason.clone());
        }
    }

    /// Starts a task on a spawner, `None` for the registry's own, or gives its future back with the reason.
    pub(super) fn try_add<F, S>(
        &self,
        on: Option<&SpawnerHandle>,
        label: &Label,
        mut future: F,
    ) -> Result<Key<S::Value>, (F, CancelReason)>
    where
        F: Future + Send + 'static,
        S: OutputPolicy<F::Output, Error = Infallible, Value: Send>,
    {
        let own = self.first.group.spawner();
        let spawner = on.unwrap_or(own);
        if spawner.same_as(own) && !self.first.retired.load(Relaxed) {
            match self.first.try_add::<F, S>(label, future) {
                Ok(key) => return Ok(key),
                Err((back, reason)) if self.first.is_final(&reason) => return Err((back, reason)),
                Err((back, _)) => future = back,
            }
        }
        loop {
            let branch = match self.branch_on(spawner) {
                Ok(branch) => branch,
                Err(reason) => return Err((future, reason)),
            };
            match branch.try_add::<F, S>(label, future) {
                Ok(key) => return Ok(key),
                Err((back, reason)) if branch.is_final(&reason) => return Err((back, reason)),
                Err((back, _)) => future = back,
            }
        }
    }

    /// A group on this spawner that takes tasks, as far as one can know.
    fn branch_on(&self, spawner: &SpawnerHandle) -> Result<Arc<Branch>, CancelReason> {
        if let Some(branch) = self.more.lock().find(spawner)? {
            return Ok(branch);
        }
        let first = &self.first.group;
        if let Some(reason) = first
            .cancelled()
            .filter(|reason| self.first.is_final(reason))
        {
            return Err(reason);
        }
        self.prune();
        let mut options = self.options.clone().on(spawner);
        if !first.deadline().is_never() {
            options = options.deadline(first.deadline()).into_state();
        }
        let fresh = Branch::open(options, self.location);
        let mut more = self.more.lock();
        if let Some(branch) = more.find(spawner)? {
            return Ok(branch);
        }
        more.branches.push(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Releases the groups that have no task.
    fn prune(&self) {
        let mut empty = self.more.lock().branches.clone();
        empty.retain(|branch| branch.group.close_if_empty());
        let is_empty = |branch: &Arc<Branch>| empty.iter().any(|other| Arc::ptr_eq(branch, other));
        let mut more = self.more.lock();
        more.branches.retain(|branch| !is_empty(branch));
    }
}

impl More {
    fn find(&self, spawner: &SpawnerHandle) -> Result<Option<Arc<Branch>>, CancelReason> {
        if self.closed {
            return Err(CancelReason::new(CancelKind::Closed));
        }
        let found = self.branches.iter().find(|branch| branch.takes_on(spawner));
        Ok(found.cloned())
    }
}
