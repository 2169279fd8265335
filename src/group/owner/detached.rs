//! A group without an owner: it is open until it is closed, and lives as long as it has a child or a handle.
//!
//! What fails in it has nobody to go to but its children's keys, so a child that can fail makes that part of its value.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::options::GroupOptions;
use super::watch::Watch;
use crate::clock::Deadline;
use crate::error::ChildInfo;
use crate::group::cell::{CellOptions, MembersOf, NewCell, OutputPolicy};
use crate::group::engine::core::Core;
use crate::group::engine::driving::sweep;
use crate::group::engine::kind::Shared;
use crate::group::engine::kind::sealed::Sealed;
use crate::group::engine::position::{Position, here, nowhere};
use crate::group::handle::Scope;
use crate::group::handle::key::Key;
use crate::group::queues::watchers::Events;
use crate::group::sched::policy::{OnError, OnPanic};
use crate::spawner::SpawnerHandle;
use crate::token::CancelReason;
use crate::turn;

/// A group that nobody owns.
pub(crate) struct Detached {
    scope: Scope<'static, Infallible, Shared>,
    grace: Duration,
}

/// What a child is told apart by.
pub(crate) struct Label {
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
}

impl Label {
    /// A child of this name, or of none, that is created at the caller of this.
    #[track_caller]
    pub(crate) fn here(name: Option<Arc<str>>) -> Self {
        Self {
            name,
            location: Location::caller(),
        }
    }

    fn options(&self) -> CellOptions {
        CellOptions::here().name_if(self.name.clone())
    }
}

/// One look at a child that is not over.
pub(crate) struct Glance {
    pub(crate) child: ChildInfo,
    pub(crate) in_line: bool,
    pub(crate) is_polled: bool,
    pub(crate) cancelled: Option<CancelReason>,
}

impl Detached {
    /// Opens one. It is in no scope, wherever this is called.
    ///
    /// # Panics
    ///
    /// If the options name no spawner and there is no current one.
    #[track_caller]
    pub(crate) fn open(options: GroupOptions, location: &'static Location<'static>) -> Self {
        // No child fails the group; a panic that gets past one would go to the unhandled hook.
        let options = options
            .on_error(OnError::KeepGoing)
            .on_panic(OnPanic::Collect);
        let (settings, spawner) = options.split(location);
        let time_options = settings.time_options.clone();
        let (members, home) = {
            let _nowhere = nowhere();
            let (spawner, home) = Shared::open(spawner);
            (MembersOf::new(settings, spawner, Shared::roaming()), home)
        };
        let grace = time_options
            .as_ref()
            .map_or(Duration::ZERO, |time_options| time_options.grace);
        if let Some(time_options) = time_options {
            members.core().set_times(*time_options);
        }
        members.core().with(|sched, effects| sched.orphan(effects));
        let scope = Scope::new(members, home);
        Self { scope, grace }
    }

    fn core(&self) -> &Arc<Core> {
        self.scope.core()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.scope.name()
    }

    pub(crate) fn spawner(&self) -> &SpawnerHandle {
        self.core().spawner().expect("a shared group has a spawner")
    }

    /// Starts a child, or gives the future back with the reason.
    pub(crate) fn try_add<F, S>(
        &self,
        label: &Label,
        future: F,
    ) -> Result<Key<S::Value>, (F, CancelReason)>
    where
        F: Future + Send + 'static,
        S: OutputPolicy<F::Output, Error = Infallible, Value: Send>,
    {
        self.scope
            .try_add::<F, S>(label.options(), label.location, future, None)
            .map_err(|(fresh, _, reason)| (fresh.into_future(), reason))
    }

    /// The key of a child that is cancelled before it was anybody's. Its future is dropped unpolled.
    pub(crate) fn refuse<F, S>(
        &self,
        label: &Label,
        future: F,
        reason: CancelReason,
    ) -> Key<S::Value>
    where
        F: Future + Send + 'static,
        S: OutputPolicy<F::Output, Error = Infallible, Value: Send>,
    {
        let fresh = NewCell::<F, S>::new(label.options(), label.location, future);
        let number = self.core().with(|sched, _| match sched.admit() {
            Ok(number) | Err((number, _)) => number,
        });
        self.scope.refused((fresh, number, reason))
    }

    /// How much time its children have after a cancel.
    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.core().own_deadline()
    }

    /// The number of children that are not over.
    pub(crate) fn len(&self) -> usize {
        self.core().len()
    }

    /// The same without waiting for the lock.
    pub(crate) fn try_len(&self) -> Option<usize> {
        self.core().peek(|sched| sched.live)
    }

    pub(crate) fn close(&self) {
        self.core().close();
    }

    /// Closes it if it has no child, and says whether that is so.
    pub(crate) fn close_if_empty(&self) -> bool {
        self.core().close_if_empty()
    }

    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.core().cancel(reason);
    }

    /// Why it takes no children, if it was cancelled.
    pub(crate) fn cancelled(&self) -> Option<CancelReason> {
        self.core().read(|sched| sched.cancelled.clone())
    }

    /// Drops, on this thread, the children of a cancelled group that are not being polled, unless they have grace left.
    pub(crate) fn sweep(&self) {
        sweep(self.scope.on_thread());
    }

    /// The children that are not over, without those that are being dropped right now.
    pub(crate) fn glance(&self) -> Vec<Glance> {
        let (children, cancelled): (Vec<_>, _) = self.core().read(|sched| {
            let children = sched.children().collect();
            (children, sched.cancelled.clone())
        });
        let not_over = children.iter().filter(|child| child.end().is_none());
        not_over
            .map(|child| Glance {
                child: child.info(),
                in_line: child.is_in_line(),
                is_polled: child.is_polled(),
                cancelled: child.own_reason().or_else(|| cancelled.clone()),
            })
            .collect()
    }

    /// Waits until no child is left. It polls none: one that blocks its thread must not block the task that waits.
    pub(crate) fn poll_empty(&self, waiting: &mut Waiting, cx: &mut Context<'_>) -> Poll<()> {
        let watcher = &mut waiting.at(self.core()).watcher;
        let waker = cx.waker().clone();
        let is_empty = self.core().with(|sched, effects| {
            if sched.live == 0 {
                effects.drop_waker(waker);
                return Poll::Ready(());
            }
            effects.drop_waker(sched.watchers.watch(watcher, Events::EMPTY, waker));
            Poll::Pending
        });
        if is_empty.is_pending() {
            turn::awaits(cx.waker());
        }
        is_empty
    }
}

/// The drivers go home, also those that are parked.
impl Drop for Detached {
    fn drop(&mut self) {
        self.core().close();
        self.core().stop_clock();
    }
}

/// A registration among those who wait for a group, of whichever was waited for last. Given up when it is dropped.
#[derive(Default)]
pub(crate) struct Waiting(Option<(u64, Watch)>);

impl Waiting {
    fn at(&mut self, core: &Arc<Core>) -> &mut Watch {
        if self.0.as_ref().is_none_or(|(group, _)| *group != core.id()) {
            self.0 = None;
        }
        let fresh = || (core.id(), Watch::new(Arc::clone(core)));
        &mut self.0.get_or_insert_with(fresh).1
    }
}

/// The child that is being polled or dropped here, innermost.
pub(crate) fn child_here() -> Option<ChildInfo> {
    match here()? {
        Position::Child(child) => Some(child.info()),
        Position::Body(_) | Position::Behind(_) => None,
    }
}
