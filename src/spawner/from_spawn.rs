//! `FromSpawn`: whatever has the traits of `futures::task` as a spawner.

use futures::task::{LocalSpawn, Spawn};

use super::{Job, LocalJob, LocalSpawner, SpawnError, Spawner};

/// An executor with [`futures::task::Spawn`] as a [`Spawner`], one with [`LocalSpawn`] as a [`LocalSpawner`].
///
/// Those traits do not tell how many jobs run at the same time, so it is taken to be one. For an executor with
/// several threads [`from_fn`](super::from_fn) and [`with_parallelism`](super::FromFn::with_parallelism) say more;
/// `futures::executor::ThreadPool` needs no wrapper with the feature `futures-executor`.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// use futures::executor::LocalPool;
/// use ingather::LocalSpawner;
/// use ingather::spawner::FromSpawn;
///
/// let mut pool = LocalPool::new();
/// let spawner = FromSpawn(pool.spawner());
///
/// let seen = Rc::new(Cell::new(false));
/// let in_job = Rc::clone(&seen);
/// spawner.spawn_local(Box::pin(async move { in_job.set(true) }))?;
/// pool.run();
/// assert!(seen.get());
///
/// drop(pool);
/// assert!(spawner.spawn_local(Box::pin(async {})).is_err());
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "a spawner runs nothing by itself: spawn on it, enter it or pass it on"]
pub struct FromSpawn<S>(
    /// The executor.
    pub S,
);

impl<S: Spawn + Send + Sync> Spawner for FromSpawn<S> {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn_obj(job.into()).map_err(refused)
    }
}

impl<S: LocalSpawn> LocalSpawner for FromSpawn<S> {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.0.spawn_local_obj(job.into()).map_err(refused)
    }
}

/// Shutting down is the only reason that `futures` knows, today.
fn refused(error: futures::task::SpawnError) -> SpawnError {
    if error.is_shutdown() {
        SpawnError::shut_down()
    } else {
        SpawnError::new("the executor refused it without a reason that is known here")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use futures::executor::{LocalPool, ThreadPool};
    use std::num::NonZeroUsize;

    #[test]
    fn it_says_nothing_of_its_width_and_refuses_once_the_executor_is_gone() {
        let spawner = FromSpawn(ThreadPool::new().unwrap());
        assert_eq!(spawner.parallelism(), NonZeroUsize::MIN);
        let pool = LocalPool::new();
        let spawner = FromSpawn(pool.spawner());
        drop(pool);
        let error = spawner.spawn_local(Box::pin(async {})).unwrap_err();
        assert_eq!(error, SpawnError::shut_down());
    }
}
