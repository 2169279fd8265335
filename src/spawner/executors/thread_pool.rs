//! The thread pool of `futures` as a spawner.

use std::num::NonZeroUsize;

use futures::executor::ThreadPool;

use crate::spawner::processors::processors;
use crate::spawner::{Job, SpawnError, Spawner};

/// A `futures` thread pool.
///
/// Its clones are one pool. It closes when the last clone is gone and its jobs are over, so that it never refuses
/// one. A job that panics takes a thread of the pool with it.
///
/// Its size cannot be read and is taken to be its own default, one thread per processor. [`from_fn`](crate::spawner::from_fn)
/// and [`with_parallelism`](crate::spawner::FromFn::with_parallelism) say otherwise.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::sync::mpsc;
///
/// use futures::executor::ThreadPool;
/// use ingather::spawner::from_fn;
/// use ingather::Spawner;
///
/// let pool = ThreadPool::new()?;
/// let (sender, receiver) = mpsc::channel();
/// pool.spawn(Box::pin(async move { sender.send(7).unwrap() }))?;
/// assert_eq!(receiver.recv(), Ok(7));
///
/// // A pool of three threads, with its size:
/// let three = NonZeroUsize::new(3).unwrap();
/// let pool = ThreadPool::builder().pool_size(three.get()).create()?;
/// let pool = from_fn(move |job| Ok(pool.spawn_ok(job))).with_parallelism(three);
/// assert_eq!(pool.parallelism(), three);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Spawner for ThreadPool {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        // Not `spawn_ok`, which would put the box into a box.
        self.spawn_obj_ok(job.into());
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        processors()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_wide_as_the_machine() {
        let pool = ThreadPool::new().unwrap();
        assert_eq!(pool.parallelism(), processors());
    }
}
