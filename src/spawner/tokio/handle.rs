//! tokio's runtime handle as a spawner.

use std::mem;
use std::num::NonZeroUsize;

use futures::FutureExt;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinHandle, coop};

use super::clock::TokioClock;
use super::stealing::Stealable;
use super::worker::hand_over;
use crate::clock::ClockHandle;
use crate::spawner::{Job, SpawnError, Spawner};
use crate::turn::{has_thieves, index_of_worker, is_budget_spent, offer};

/// A handle to a tokio runtime.
///
/// In a tokio task, `Handle::current()` is the one to name or to [`enter`](crate::spawner::enter).
///
/// After the runtime's shutdown a job is refused; those that it had are dropped by the shutdown. A current-thread
/// runtime runs jobs only while somebody is in its `block_on`, and keeps them until then.
///
/// It is [current](Spawner::is_current) on the runtime's worker threads, and for a current-thread runtime in its
/// `Runtime::block_on`. It is not in the `block_on` of a multi-thread runtime, whose jobs all run elsewhere, not on
/// the threads of `spawn_blocking` and `block_in_place`, and not where a handle was merely entered.
/// [`should_yield`](Spawner::should_yield) tells when the task has spent its cooperative budget. A worker thread of a
/// multi-thread runtime that is [blocked](Spawner::while_blocked) is replaced by `block_in_place`, which takes a thread of
/// the runtime's blocking pool: where that is full the wait is as long as it is for one to be free.
///
/// Its [`clock`](Spawner::clock) has the timers of the runtime and its time, which `tokio::time::pause` stops. The runtime
/// needs `Builder::enable_time` for them. Without it a timer panics when it is needed, as tokio's own do, and so does
/// one that is polled after the runtime's shutdown.
///
/// # Examples
///
/// ```
/// use futures::channel::oneshot;
/// use ingather::Spawner;
/// use tokio::runtime::{Builder, Handle};
///
/// let runtime = Builder::new_current_thread().build()?;
/// let handle = runtime.handle().clone();
/// assert!(!handle.is_current());
///
/// let sum = runtime.block_on(async {
///     let here = Handle::current();
///     assert!(here.is_current());
///     let (sender, receiver) = oneshot::channel();
///     Spawner::spawn(&here, Box::pin(async move { sender.send(20).unwrap() }))?;
///     Ok::<_, Box<dyn std::error::Error>>(receiver.await? + 22)
/// });
/// assert_eq!(sum?, 42);
///
/// drop(runtime);
/// assert!(Spawner::spawn(&handle, Box::pin(async {})).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Spawner for Handle {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        // Where nobody steals a job, stealing costs nothing.
        if !has_thieves(self) {
            return taken(self.spawn(job));
        }
        // What was asked of the join handle is asked before anybody else can run the job.
        taken(self.spawn(Stealable::new(job, self.clone())))?;
        offer(self);
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.metrics().num_workers()).unwrap_or(NonZeroUsize::MIN)
    }

    fn is_current(&self) -> bool {
        // Neither half would do. The current handle is there wherever one was entered, on the threads of
        // `spawn_blocking` among them, and those have a task id as well. The worker index says that this thread runs
        // the tasks of a runtime and not which. Together they err where a worker of one runtime has entered the
        // handle of another; what runs there in the other's name still has the other's timers and sockets around it.
        Handle::try_current().is_ok_and(|current| current.id() == self.id())
            && index_of_worker().is_some()
    }

    fn should_yield(&self) -> bool {
        is_budget_spent()
    }

    fn may_block(&self) -> bool {
        // A current-thread runtime has its timers and sockets driven by the thread that runs its tasks.
        self.runtime_flavor() != RuntimeFlavor::CurrentThread || !self.is_current()
    }

    fn while_blocked(&self, wait: &mut dyn FnMut()) {
        hand_over(wait);
    }

    fn inside(&self, f: &mut dyn FnMut()) {
        let _inside = self.enter();
        f();
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(ClockHandle::new(TokioClock(self.clone())))
    }
}

/// Whether the runtime has taken a job.
fn taken(task: JoinHandle<()>) -> Result<(), SpawnError> {
    // A runtime that is shut down takes every task and cancels it at once; the join handle is the only one that
    // tells. One load in the usual case.
    if !task.is_finished() {
        return Ok(());
    }
    // Unconstrained: asking must not cost a part of the caller's budget, nor get no answer for want of it.
    match coop::unconstrained(task).now_or_never() {
        Some(Err(error)) if error.is_cancelled() => Err(SpawnError::shut_down()),
        Some(Err(panicked)) => {
            // The job has run and is over. Its panic was reported, and the payload's destructor may panic here.
            mem::forget(panicked);
            Ok(())
        }
        Some(Ok(())) | None => Ok(()),
    }
}
