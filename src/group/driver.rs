//! The driver: a job of the group that polls the group's ready children, and the loop that owners share with it.
//!
//! ```text
//!   spawner.spawn(driver)
//!        │
//!        ▼   begin          nothing to do
//!     coming ─────▶ driving ─────────────▶ parked ──▶ coming   (a child was pushed)
//!        │            │  ▲                    │
//!        │            ╰──╯ budget spent:      ╰─────▶ driving ─▶ over   (the group has ended)
//!        │                 wakes itself
//!        ╰──▶ lost: refused or dropped; others take over, or the group is cancelled as `Abandoned`
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::cell::Ran;
use super::core::{Core, Done};
use super::drivers::DriverId;
use super::ground::Ground;
use super::sched::{Parking, Work};
use super::watchers::{Events, WatcherId};

/// How many children are polled or dropped before the executor gets its turn.
pub(super) const BUDGET: usize = 64;

/// How a run of the loop came to its end.
#[derive(PartialEq, Eq)]
pub(super) enum Drove {
    /// Nothing is left to do for now.
    Idle,
    /// There may be more, but the turn is over.
    Yield,
}

/// Polls or drops up to `budget` children, one after the other.
pub(super) fn drive(core: &Arc<Core>, budget: usize, should_yield: impl Fn() -> bool) -> Drove {
    let mut done = Done::Nothing;
    for _ in 0..budget {
        done = match core.step(done, true) {
            Work::Nothing => return Drove::Idle,
            Work::Drop(claimed, reason) => Done::Over(claimed.cancel(reason)),
            Work::Poll(child) => match child.run() {
                Ran::Over(finished) => Done::Over(finished),
                Ran::Woken(child) => Done::Woken(child),
                Ran::Cancel(claimed) => Done::Over(claimed.cancel(core.reason())),
                Ran::Parked => Done::Nothing,
            },
        };
        if should_yield() {
            break;
        }
    }
    core.step(done, false);
    Drove::Yield
}

/// A driver job. Dropped before its end it counts as lost.
pub(crate) struct Driver<G> {
    core: Arc<Core>,
    id: DriverId,
    ground: G,
    over: bool,
}

impl<G> Driver<G> {
    pub(super) fn new(core: Arc<Core>, id: DriverId, ground: G) -> Self {
        Self {
            core,
            id,
            ground,
            over: false,
        }
    }
}

impl<G: Ground + Unpin> Future for Driver<G> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let id = this.id;
        if !this
            .core
            .with(|sched, after| sched.driver_begins(id, after))
        {
            this.over = true;
            return Poll::Ready(());
        }
        let _current = this.ground.enter(true);
        loop {
            if drive(&this.core, BUDGET, || this.ground.should_yield()) == Drove::Yield {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let waker = cx.waker().clone();
            match this
                .core
                .with(|sched, after| sched.driver_parks(id, waker, after))
            {
                Parking::Parked => return Poll::Pending,
                Parking::HasWork => {}
                Parking::Ended => {
                    this.over = true;
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<G> Drop for Driver<G> {
    fn drop(&mut self) {
        if !self.over {
            self.core.driver_dropped(self.id);
        }
    }
}

/// One poll of an owner: of whoever awaits a scope, a join or the next completion.
///
/// While it lasts the spawner is current, and if the owner is on that spawner it counts as one that sees to the children.
pub(crate) struct Turn<'a, G: Ground> {
    core: &'a Arc<Core>,
    ground: &'a G,
    on_spawner: bool,
    suspended: bool,
    _current: G::Guard,
}

impl<'a, G: Ground> Turn<'a, G> {
    pub(crate) fn begin(core: &'a Arc<Core>, ground: &'a G) -> Self {
        let on_spawner = ground.is_here();
        if on_spawner {
            core.with(|sched, _| sched.owner_begins());
        }
        Self {
            core,
            ground,
            on_spawner,
            suspended: false,
            _current: ground.enter(on_spawner),
        }
    }

    /// Sees to the children, if the owner is where they run. `true`: the turn is over.
    pub(crate) fn drive(&self) -> bool {
        self.on_spawner && drive(self.core, BUDGET, || self.ground.should_yield()) == Drove::Yield
    }

    /// Suspends until one of the events, unless `has_news`, which is asked under the lock, or there is work to do.
    pub(super) fn park(
        &mut self,
        place: &mut Option<WatcherId>,
        events: Events,
        waker: &Waker,
        has_news: impl FnOnce(&super::sched::Sched) -> bool,
    ) -> bool {
        let waker = waker.clone();
        let on_spawner = self.on_spawner;
        let events = if on_spawner {
            events.and(Events::WORK)
        } else {
            events
        };
        self.suspended = self.core.with(|sched, after| {
            if (on_spawner && sched.has_work_for_owner()) || has_news(sched) {
                after.drop_waker(waker);
                return false;
            }
            after.drop_waker(sched.watchers.watch(place, events, waker));
            sched.owner_suspends(on_spawner, after);
            true
        });
        self.suspended
    }
}

impl<G: Ground> Turn<'_, G> {
    /// Suspends the owner of a scope: until the body is woken or doomed, or while `leaving` until no child is left.
    pub(crate) fn park_scope(
        &mut self,
        place: &mut Option<WatcherId>,
        waker: &Waker,
        leaving: bool,
        drops_body: bool,
    ) -> bool {
        let core = self.core;
        if leaving {
            return self.park(place, Events::EMPTY, waker, |sched| sched.live == 0);
        }
        let events = Events::BODY.and(Events::TROUBLE);
        self.park(place, events, waker, |sched| {
            sched.dooms_body(drops_body) || !core.park_body()
        })
    }
}

impl<G: Ground> Drop for Turn<'_, G> {
    fn drop(&mut self) {
        if !self.suspended {
            let on_spawner = self.on_spawner;
            self.core
                .with(|sched, after| sched.owner_suspends(on_spawner, after));
        }
    }
}

/// An owner's place among the watchers, given up when it is dropped.
pub(crate) struct Watch {
    core: Arc<Core>,
    pub(super) place: Option<WatcherId>,
}

impl Watch {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, place: None }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.core
                .with(|sched, after| sched.stops_watching(place, after));
        }
    }
}
