//! compio: what its runtime runs on this thread.

use compio::runtime::Runtime;
use ingather::LocalSpawner;
use ingather::spawner::{LocalJob, SpawnError};

/// The compio runtime that this thread is in. Outside of one it refuses each job.
#[derive(Clone, Copy, Debug)]
pub struct Compio;

impl LocalSpawner for Compio {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        Runtime::try_with_current(|runtime| runtime.spawn(job).detach())
            .map_err(|_| SpawnError::new("this thread is in no compio runtime"))
    }

    fn is_current(&self) -> bool {
        Runtime::try_with_current(|_| ()).is_ok()
    }
}
