//! The jobs that are not `Send`, in a table of their thread.
//!
//! A job is out of the table while it is polled or dropped, so that it may come back to the table from inside.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::spawner::LocalJob;

thread_local! {
    /// By the executor and the job.
    static JOBS: RefCell<BTreeMap<(u64, u64), LocalJob>> = const { RefCell::new(BTreeMap::new()) };
}

/// Gives the job back if the thread is ending and has no table any more.
pub(super) fn put(executor: u64, id: u64, job: LocalJob) -> Result<(), LocalJob> {
    let mut job = Some(job);
    let put = JOBS.try_with(|jobs| {
        if let Some(job) = job.take() {
            jobs.borrow_mut().insert((executor, id), job);
        }
    });
    match (put, job) {
        (Err(_), Some(job)) => Err(job),
        _ => Ok(()),
    }
}

pub(super) fn take(executor: u64, id: u64) -> Option<LocalJob> {
    let taken = JOBS.try_with(|jobs| jobs.borrow_mut().remove(&(executor, id)));
    taken.ok().flatten()
}
