//! How a group gets its driver jobs from the spawner, and what becomes of those that the spawner loses.

use std::sync::Arc;

use super::core::Core;
use super::driver::{Driver, OnSpawner, sweep};
use crate::group::cell::OnThread;
use crate::group::queues::driver_jobs::DriverId;
use crate::panic::catch;
use crate::spawner::{Calls, SpawnError, Spawner};

/// What is known of a driver job that was dropped.
pub(super) const DROPPED: &str = "the spawner dropped the job that polls the children";

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
