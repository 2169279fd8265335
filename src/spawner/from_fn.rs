//! A function as a spawner: `from_fn` and its local twin.

use std::num::NonZeroUsize;

use super::{Job, LocalJob, LocalSpawner, SpawnError, Spawner};
use crate::shows::shows;

/// Makes a [`Spawner`] of a function that takes a job.
///
/// The short way to an executor that this crate has no adapter for. An executor that can tell whether it is
/// [current](Spawner::is_current) or a job's turn [is over](Spawner::should_yield) does better with a type of its
/// own.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use ingather::spawner::from_fn;
/// use ingather::Spawner;
///
/// let thread_per_job = from_fn(|job| {
///     std::thread::spawn(|| futures::executor::block_on(job));
///     Ok(())
/// });
///
/// let (sender, receiver) = mpsc::channel();
/// thread_per_job.spawn(Box::pin(async move { sender.send(6 * 7).unwrap() }))?;
/// assert_eq!(receiver.recv(), Ok(42));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
pub fn from_fn<F>(spawn: F) -> FromFn<F>
where
    F: Fn(Job) -> Result<(), SpawnError> + Send + Sync,
{
    FromFn {
        spawn,
        parallelism: NonZeroUsize::MIN,
    }
}

/// Makes a [`LocalSpawner`] of a function that takes a local job.
///
/// The twin of [`from_fn`] for jobs that are not [`Send`].
///
/// # Examples
///
/// ```
/// use futures::executor::LocalPool;
/// use futures::task::LocalSpawnExt;
/// use ingather::spawner::SpawnError;
/// use ingather::LocalSpawner;
/// use ingather::spawner::local_from_fn;
///
/// let mut pool = LocalPool::new();
/// let handle = pool.spawner();
/// let spawner = local_from_fn(move |job| {
///     handle.spawn_local(job).map_err(|_| SpawnError::shut_down())
/// });
///
/// let seen = std::rc::Rc::new(std::cell::Cell::new(0));
/// let in_job = seen.clone();
/// spawner.spawn_local(Box::pin(async move { in_job.set(1) }))?;
/// pool.run_until_stalled();
/// assert_eq!(seen.get(), 1);
/// # Ok::<(), SpawnError>(())
/// ```
pub fn local_from_fn<F>(spawn: F) -> LocalFromFn<F>
where
    F: Fn(LocalJob) -> Result<(), SpawnError>,
{
    LocalFromFn { spawn }
}

/// A function as a [`Spawner`]; made by [`from_fn`].
///
/// A clone calls a clone of the function. Dropping it drops the function and leaves jobs alone.
#[derive(Clone, Copy)]
#[must_use = "a spawner runs nothing by itself: spawn on it, enter it or pass it on"]
pub struct FromFn<F> {
    spawn: F,
    parallelism: NonZeroUsize,
}

impl<F> FromFn<F> {
    /// Says how many jobs the function's executor polls at the same time; one if nothing is said.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    ///
    /// use ingather::spawner::{SpawnError, from_fn};
    /// use ingather::Spawner;
    ///
    /// let four = NonZeroUsize::new(4).unwrap();
    /// let spawner = from_fn(|_job| Err(SpawnError::shut_down())).with_parallelism(four);
    /// assert_eq!(spawner.parallelism(), four);
    /// ```
    pub fn with_parallelism(mut self, parallelism: NonZeroUsize) -> Self {
        self.parallelism = parallelism;
        self
    }
}

impl<F> Spawner for FromFn<F>
where
    F: Fn(Job) -> Result<(), SpawnError> + Send + Sync,
{
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        (self.spawn)(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.parallelism
    }
}

shows!([F] FromFn<F>, this => parallelism, ..);

/// A function as a [`LocalSpawner`]; made by [`local_from_fn`].
///
/// A clone calls a clone of the function. Dropping it drops the function and leaves jobs alone.
#[derive(Clone, Copy)]
#[must_use = "a spawner runs nothing by itself: spawn on it or pass it on"]
pub struct LocalFromFn<F> {
    spawn: F,
}

impl<F> LocalSpawner for LocalFromFn<F>
where
    F: Fn(LocalJob) -> Result<(), SpawnError>,
{
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        (self.spawn)(job)
    }
}

shows!([F] LocalFromFn<F>, ..);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_function_comes_back() {
        let full = from_fn(|_| Err(SpawnError::new("full")));
        let error = full.spawn(Box::pin(async {})).unwrap_err();
        assert_eq!(error.message(), "full");
        assert_eq!(full.parallelism(), NonZeroUsize::MIN);
        let full = local_from_fn(|_| Err(SpawnError::new("full")));
        let error = full.spawn_local(Box::pin(async {})).unwrap_err();
        assert_eq!(error.message(), "full");
    }
}
