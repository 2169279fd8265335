//! monoio: what its runtime runs on this thread.
//!
//! monoio needs its feature `sync`: without it a task must not be woken by another thread, as timers, `to_thread` and cancels from
//! elsewhere do.

use ingather::LocalSpawner;
use ingather::spawner::{LocalJob, SpawnError};

/// The monoio runtime that this thread is in.
///
/// monoio cannot be asked whether there is one, so that this panics where there is none, and is never current by itself.
#[derive(Clone, Copy, Debug)]
pub struct Monoio;

impl LocalSpawner for Monoio {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        // A dropped handle leaves the task alone.
        drop(monoio::spawn(job));
        Ok(())
    }
}
