//! tokio's local set as a local spawner.

use tokio::runtime::Handle;
use tokio::task::LocalSet;

use crate::clock::ClockHandle;
use crate::spawner::{LocalJob, LocalSpawner, SpawnError, Spawner};
use crate::turn::is_budget_spent;

/// A set of tokio tasks that stay on one thread, as `Rc<LocalSet>`.
///
/// It runs jobs while somebody is in its `run_until` or `block_on` or awaits it. It drops those it has when it is
/// dropped. tokio does not tell whether a set is the one being run, so that it is never
/// [current](LocalSpawner::is_current) by itself. Its clock is that of the runtime that this thread is in, as for a
/// `Handle`: build the runtime with `enable_time`. Where it is asked for outside of a runtime there is none.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use futures::channel::oneshot;
/// use ingather::LocalSpawner;
/// use tokio::runtime::Builder;
/// use tokio::task::LocalSet;
///
/// let runtime = Builder::new_current_thread().build()?;
/// let set = Rc::new(LocalSet::new());
/// let (sender, receiver) = oneshot::channel();
/// let local = Rc::new(7);
/// LocalSpawner::spawn_local(&set, Box::pin(async move { sender.send(*local).unwrap() }))?;
/// assert_eq!(set.block_on(&runtime, receiver), Ok(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl LocalSpawner for LocalSet {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        // Dropping the join handle detaches the task. The set lives, since this borrows it, and so takes every job.
        drop(self.spawn_local(job));
        Ok(())
    }

    fn should_yield(&self) -> bool {
        is_budget_spent()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Handle::try_current().ok()?.clock()
    }
}
