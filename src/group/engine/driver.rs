//! The driver: a job of the group that polls the group's ready children; how it comes to the spawner, and what becomes of one that
//! the spawner loses.
//!
//! ```text
//!   spawner.spawn(driver)
//!        │
//!        ▼   begin          nothing to do
//!     coming ─────▶ driving ─────────────▶ parked ──▶ coming   (a child was pushed)
//!        │            │  ▲                    │
//!        │            ╰──╯ turn over:        ╰─────▶ driving ─▶ over   (the group has ended)
//!        │                 wakes itself
//!        ╰──▶ lost: refused or dropped; others take over, or the group is cancelled as `Abandoned`
//! ```

use std::future::Future;
use std::pin::Pin;
use std::rc::{self, Rc};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use super::core::Core;
use super::driving::{Drove, drive, sweep};
use super::kind::Executor;
use crate::group::cell::{Apart, OnThread};
use crate::group::queues::driver_jobs::DriverId;
use crate::group::sched::pace::{self, Spent};
use crate::group::sched::{Done, Parking};
use crate::panic::catch;
use crate::spawner::{Calls, Coming, LocalSpawner, SpawnError, Spawner, SpawnerHandle};

/// A driver job. Dropped before its end it counts as lost.
///
/// It keeps neither the group nor the spawner alive: an executor that holds a parked driver would hold itself otherwise.
/// A group with children that are not over stays alive through them.
pub(crate) struct Driver<H: DriverHome> {
    core: Weak<Core>,
    id: DriverId,
    home: H,
    /// Until it begins.
    coming: Option<Coming>,
}

/// Where a driver finds the executor of its group when it is polled.
pub(in crate::group) trait DriverHome {
    type Executor: Executor;
    fn executor(&self, core: &Core) -> Option<Self::Executor>;
    /// The driver is where the children of its group are at home.
    fn on_thread<'a>(&self, core: &'a Arc<Core>) -> Option<OnThread<'a>>;
}

/// The driver of a group on a spawner.
pub(in crate::group) struct OnSpawner;

impl DriverHome for OnSpawner {
    type Executor = SpawnerHandle;

    fn executor(&self, core: &Core) -> Option<SpawnerHandle> {
        core.spawner().cloned()
    }

    fn on_thread<'a>(&self, core: &'a Arc<Core>) -> Option<OnThread<'a>> {
        OnThread::anywhere(core)
    }
}

/// The driver of a group on a local spawner.
pub(in crate::group) struct OnLocalSpawner {
    pub(in crate::group) spawner: rc::Weak<dyn LocalSpawner>,
    pub(in crate::group) group: Apart<Rc<dyn LocalSpawner>>,
}

impl DriverHome for OnLocalSpawner {
    type Executor = Rc<dyn LocalSpawner>;

    fn executor(&self, _core: &Core) -> Option<Rc<dyn LocalSpawner>> {
        self.spawner.upgrade()
    }

    fn on_thread<'a>(&self, core: &'a Arc<Core>) -> Option<OnThread<'a>> {
        Some(self.group.on_thread(core))
    }
}

impl<H: DriverHome> Driver<H> {
    pub(in crate::group) fn new(core: &Arc<Core>, id: DriverId, home: H) -> Self {
        Self {
            core: Arc::downgrade(core),
            id,
            home,
            coming: None,
        }
    }

    /// Counts it as on its way to its spawner until it begins.
    pub(in crate::group) fn on_its_way(mut self, coming: Coming) -> Self {
        self.coming = Some(coming);
        self
    }
}

impl<H: DriverHome + Unpin> Future for Driver<H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let id = this.id;
        drop(this.coming.take());
        let Some((core, executor)) = this.core.upgrade().and_then(|core| {
            let executor = this.home.executor(&core)?;
            Some((core, executor))
        }) else {
            return Poll::Ready(());
        };
        // The kind of the group knows whether its children may be polled on this thread.
        let Some(at) = this.home.on_thread(&core) else {
            return Poll::Ready(());
        };
        let _current = executor.enter();
        let mut spent = Spent::new(&core.pace);
        let mut done = Done::Begins(id);
        loop {
            match drive(at, false, done, &mut spent, &executor) {
                Drove::Idle => {}
                Drove::Yield | Drove::Over => {
                    // It does not park, so it still counts as one that polls children.
                    pace::give_way(&core.pace, cx.waker());
                    return Poll::Pending;
                }
                Drove::GivenUp => {
                    // Perhaps where nobody could drop the children.
                    sweep(at);
                    this.core = Weak::new();
                    return Poll::Ready(());
                }
            }
            done = Done::First;
            // Cloned outside of the lock: it is the executor's code.
            let waker = cx.waker().clone();
            match core.with(|sched, effects| sched.driver_parks(id, waker, effects)) {
                Parking::Parked => return Poll::Pending,
                Parking::HasWork => {}
                Parking::Ended => {
                    this.core = Weak::new();
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<H: DriverHome> Drop for Driver<H> {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade() {
            core.driver_lost(self.id, DROPPED, self.home.on_thread(&core));
        }
    }
}

/// What is known of a driver job that was dropped.
const DROPPED: &str = "the spawner dropped the job that polls the children";

impl Core {
    /// Puts a driver job on the spawner.
    pub(in crate::group) fn launch(self: &Arc<Self>, id: DriverId) {
        if let Some(spawner) = self.spawner() {
            self.launch_by(id, OnThread::anywhere(self), || {
                // The spawner is asked.
                let coming = spawner.crew().joins();
                let job = Driver::new(self, id, OnSpawner).on_its_way(coming);
                spawner.spawn(Box::pin(job))
            });
        }
    }

    /// Hands a driver job over. A spawner that refuses it, drops it or panics has lost it.
    pub(in crate::group) fn launch_by(
        self: &Arc<Self>,
        id: DriverId,
        at: Option<OnThread<'_>>,
        spawn: impl FnOnce() -> Result<(), SpawnError>,
    ) {
        let result = catch(spawn);
        // The job may have been dropped while `spawn` ran. Then its loss was not acted on, and is now.
        let dropped = self.with(|sched, _| sched.driver_launched(id));
        match result {
            Ok(Ok(())) if dropped => self.driver_lost(id, DROPPED, at),
            Ok(Ok(())) => {}
            Ok(Err(refused)) => self.driver_lost(id, &refused.to_string(), at),
            Err(panic) => self.driver_lost(id, &format!("the spawner {panic}"), at),
        }
    }

    /// If nobody is left for the children, they are dropped here; where they are not at home, by the owner, or by the
    /// job that was given up, once it is polled or dropped.
    pub(in crate::group) fn driver_lost(
        self: &Arc<Self>,
        id: DriverId,
        why: &str,
        at: Option<OnThread<'_>>,
    ) {
        let is_left = self.with(|sched, effects| sched.driver_lost(id, why, effects));
        if let Some(at) = at.filter(|_| is_left) {
            sweep(at);
        }
    }
}

/// A driver of the group was put off.
impl Calls for Core {
    fn is_called(self: Arc<Self>) {
        self.with(|sched, effects| sched.is_called(effects));
    }
}
