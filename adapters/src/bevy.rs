//! bevy_tasks: a `TaskPool`, and what it runs on each of its threads.

use std::num::NonZeroUsize;
use std::ops::Deref;

use bevy_tasks::TaskPool;
use ingather::spawner::{Job, LocalJob, SpawnError};
use ingather::{LocalSpawner, Spawner};

/// A pool: an `Arc<TaskPool>`, or in an app of Bevy's a global one, as in `Bevy(&**AsyncComputeTaskPool::get())`.
///
/// As a local spawner it is the local executor of this thread, which all pools share. A pool ticks it on its own threads; on any other,
/// the main thread of an app among them, somebody has to.
#[derive(Clone, Copy, Debug)]
pub struct Bevy<P>(pub P);

impl<P: Deref<Target = TaskPool> + Send + Sync> Spawner for Bevy<P> {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job).detach();
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0.thread_num()).unwrap_or(NonZeroUsize::MIN)
    }
}

impl<P: Deref<Target = TaskPool>> LocalSpawner for Bevy<P> {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.0.spawn_local(job).detach();
        Ok(())
    }
}
