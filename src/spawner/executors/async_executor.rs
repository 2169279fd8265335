//! The executors of async-executor as spawners.
//!
//! None of them can be asked whether this thread runs it, so that `is_current` stays at no; a job of ours that one of
//! them polls is known by other means. None of them has a clock: the system's, with timers from async-io, counts.

use std::num::NonZeroUsize;

use async_executor::{Executor, LocalExecutor, StaticExecutor, StaticLocalExecutor};

use crate::spawner::processors::processors;
use crate::spawner::{Job, LocalJob, LocalSpawner, SpawnError, Spawner};

/// An async-executor `Executor`, as `Arc<Executor<'static>>` or `&'static Executor<'static>`.
///
/// It runs jobs where somebody runs it, and drops those it has when it is dropped. It cannot tell how many threads
/// run it and is taken to be run by one per processor; [`from_fn`](crate::spawner::from_fn) and
/// [`with_parallelism`](crate::spawner::FromFn::with_parallelism) say otherwise.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use async_executor::Executor;
/// use futures::channel::oneshot;
/// use ingather::Spawner;
///
/// let executor = Arc::new(Executor::new());
/// let (sender, receiver) = oneshot::channel();
/// Spawner::spawn(&executor, Box::pin(async move { sender.send(7).unwrap() }))?;
/// assert_eq!(futures::executor::block_on(executor.run(receiver)), Ok(7));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
impl Spawner for Executor<'static> {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.spawn(job).detach();
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        processors()
    }
}

/// An async-executor `StaticExecutor`, which is a spawner by its `'static` reference.
///
/// It is taken to be run by one thread per processor, as `Executor` is.
///
/// # Examples
///
/// ```
/// use async_executor::StaticExecutor;
/// use futures::channel::oneshot;
/// use ingather::Spawner;
///
/// static EXECUTOR: StaticExecutor = StaticExecutor::new();
///
/// let (sender, receiver) = oneshot::channel();
/// Spawner::spawn(&&EXECUTOR, Box::pin(async move { sender.send(7).unwrap() }))?;
/// assert_eq!(futures::executor::block_on(EXECUTOR.run(receiver)), Ok(7));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
impl Spawner for &'static StaticExecutor {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        StaticExecutor::spawn(self, job).detach();
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        processors()
    }
}

/// An async-executor `LocalExecutor`, as `Rc<LocalExecutor<'static>>` or `&'static LocalExecutor<'static>`.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use async_executor::LocalExecutor;
/// use futures::channel::oneshot;
/// use ingather::LocalSpawner;
///
/// let executor = Rc::new(LocalExecutor::new());
/// let (sender, receiver) = oneshot::channel();
/// let local = Rc::new(7);
/// executor.spawn_local(Box::pin(async move { sender.send(*local).unwrap() }))?;
/// assert_eq!(futures::executor::block_on(executor.run(receiver)), Ok(7));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
impl LocalSpawner for LocalExecutor<'static> {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.spawn(job).detach();
        Ok(())
    }
}

/// An async-executor `StaticLocalExecutor`, which is a local spawner by its `'static` reference.
///
/// # Examples
///
/// ```
/// use async_executor::LocalExecutor;
/// use futures::channel::oneshot;
/// use ingather::LocalSpawner;
///
/// let executor = LocalExecutor::new().leak();
/// let (sender, receiver) = oneshot::channel();
/// executor.spawn_local(Box::pin(async move { sender.send(7).unwrap() }))?;
/// assert_eq!(futures::executor::block_on(executor.run(receiver)), Ok(7));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
impl LocalSpawner for &'static StaticLocalExecutor {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.spawn(job).detach();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::pending;
    use std::sync::Arc;

    #[test]
    fn executors_are_as_wide_as_the_machine() {
        static EXECUTOR: StaticExecutor = StaticExecutor::new();
        let executor = Arc::new(Executor::new());
        assert_eq!(Spawner::parallelism(&executor), processors());
        assert_eq!((&EXECUTOR).parallelism(), processors());
    }

    #[test]
    fn an_executor_drops_its_jobs_with_itself() {
        let executor = Arc::new(Executor::new());
        let alive = Arc::new(());
        let in_job = Arc::clone(&alive);
        let job = async move {
            let _alive = in_job;
            pending::<()>().await;
        };
        Spawner::spawn(&executor, Box::pin(job)).unwrap();
        assert!(executor.try_tick());
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(executor);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
