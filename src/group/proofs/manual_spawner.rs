//! A spawner for tests that keeps its jobs, and polling one by hand.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::spawner::{Job, SpawnError, Spawner};

/// A spawner that keeps its jobs until somebody takes them.
#[derive(Clone)]
pub(crate) struct ManualSpawner {
    // Not loom's: in a model a job is handed over by starting a thread.
    jobs: Arc<Mutex<Vec<Job>>>,
    parallelism: NonZeroUsize,
    /// Do its jobs give way after each child?
    pub(in crate::group) is_hasty: bool,
}

impl ManualSpawner {
    pub(crate) fn new(parallelism: usize) -> Self {
        Self {
            jobs: Arc::default(),
            parallelism: NonZeroUsize::new(parallelism).unwrap(),
            is_hasty: false,
        }
    }

    /// The only job that came since the last call.
    pub(in crate::group) fn take(&self) -> Job {
        let mut jobs = self.jobs.lock().unwrap();
        assert_eq!(jobs.len(), 1, "one job was launched");
        jobs.remove(0)
    }

    pub(in crate::group) fn is_empty(&self) -> bool {
        self.jobs.lock().unwrap().is_empty()
    }
}

impl Spawner for ManualSpawner {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.jobs.lock().unwrap().push(job);
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.parallelism
    }

    fn should_yield(&self) -> bool {
        self.is_hasty
    }
}

pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
