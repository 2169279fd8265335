//! glommio: what its executor runs on this thread.

use glommio::executor;
use ingather::LocalSpawner;
use ingather::spawner::{LocalJob, SpawnError};

/// The glommio executor that this thread is in.
///
/// glommio cannot be asked whether there is one, so that this panics where there is none, and is never current by itself.
#[derive(Clone, Copy, Debug)]
pub struct Glommio;

impl LocalSpawner for Glommio {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        glommio::spawn_local(job).detach();
        Ok(())
    }

    /// Asked while one of its tasks is polled, so that there is an executor.
    fn should_yield(&self) -> bool {
        executor().need_preempt()
    }
}
