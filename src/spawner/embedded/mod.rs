//! The default spawner: an executor of our own that needs no set-up.
//!
//! - `threads`: how many worker threads, and starting them
//! - `contained`: a job whose panics go no further
//! - `spare`: threads that stand in for worker threads that are blocked
//! - `block_on`: running a future on this thread with this spawner as its current one
//!
//! Invariants:
//!
//! 1. Every job on the executor is `Contained`, so that no panic of a job ends the thread that runs it.
//! 2. `EXECUTOR` is polled by worker threads and spare ones only, and both hold a `Presence` meanwhile. So does a `block_on`, which
//!    polls the children of its own scopes and no jobs.

mod block_on;
mod contained;
mod spare;
mod threads;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use async_executor::StaticExecutor;

pub use self::block_on::block_on;
pub(super) use self::spare::hand_over;

pub(super) use self::contained::Contained;
use super::{EnterGuard, Job, SpawnError, Spawner, SpawnerHandle, enter_running};

static EXECUTOR: StaticExecutor = StaticExecutor::new();

thread_local! {
    /// How many presences this thread holds; more than one where calls of `block_on` are nested.
    static PRESENCES: Cell<usize> = const { Cell::new(0) };
}

/// The embedded default as a [`Spawner`]: an executor with a thread per core.
///
/// It is used where no spawner is named, entered or set for the whole program, so that it need not be named as a
/// rule. Name it to have it in spite of one of these.
///
/// Its threads are called `ingather-1` and so on. They start with the first job and stay for the life of the program.
/// There are as many as the system has processors for this program, or as the environment variable `INGATHER_THREADS`
/// says, which is read once. If the system cannot start as many, it makes do with fewer; a job is refused only where
/// there is none.
///
/// A process that is forked from this one has none of the threads, and does not get new ones: what the executor was in the
/// middle of is lost there. `run` and other ways to block a thread refuse to do so in it. Fork before the first job.
///
/// A job that panics ends there and leaves its thread alone. While one of the threads is [blocked](Spawner::while_blocked) in a call of this crate, another one stands in for it, and stays for a second
/// to be used again.
///
/// # Panics
///
/// [`spawn`](Spawner::spawn) and [`parallelism`](Spawner::parallelism) panic if `INGATHER_THREADS` is set to
/// something other than a number from 1 up.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::thread;
///
/// use ingather::Spawner;
/// use ingather::spawner::Embedded;
///
/// let (sender, receiver) = mpsc::channel();
/// Embedded.spawn(Box::pin(async move {
///     sender.send(thread::current().name().map(String::from)).unwrap();
/// }))?;
/// let name = receiver.recv().unwrap().unwrap();
/// assert!(name.starts_with("ingather-"));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[must_use = "a spawner runs nothing by itself: spawn on it, enter it or pass it on"]
pub struct Embedded;

impl Spawner for Embedded {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        threads::start()?;
        EXECUTOR.spawn(Contained::new(job)).detach();
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        threads::count()
    }

    /// Not in a process that was forked from the one with its threads.
    fn may_block(&self) -> bool {
        !threads::are_lost()
    }

    fn while_blocked(&self, wait: &mut dyn FnMut()) {
        hand_over(wait);
    }

    fn is_current(&self) -> bool {
        PRESENCES.try_with(Cell::get).unwrap_or(0) > 0
    }
}

/// The one handle to the embedded default that everybody uses, so that all of them are the same.
fn handle() -> &'static SpawnerHandle {
    static HANDLE: OnceLock<SpawnerHandle> = OnceLock::new();
    HANDLE.get_or_init(|| SpawnerHandle::new(Embedded))
}

/// The handle for those who found no other spawner.
#[track_caller]
pub(super) fn default_handle() -> Option<SpawnerHandle> {
    // A bad INGATHER_THREADS is reported here, to the code that asks for a spawner, and not to some later spawn.
    threads::count();
    Some(handle().clone())
}

/// Did its threads stay behind in the process that this one was forked from?
pub(super) fn is_lost() -> bool {
    threads::are_lost()
}

/// Does it run jobs on this thread?
pub(super) fn serves() -> bool {
    Embedded.is_current()
}

/// Has this thread see to the children of scopes in code that it polls itself, until this is dropped.
pub(super) fn attend() -> Presence {
    Presence::unnamed()
}

/// Marks this thread as one on which the embedded default runs jobs, until it is dropped.
#[derive(Debug)]
pub(super) struct Presence {
    _current: Option<EnterGuard>,
}

impl Presence {
    fn new() -> Self {
        let mut presence = Self::unnamed();
        presence._current = Some(enter_running(handle()));
        presence
    }

    /// One that leaves it open which spawner is current.
    fn unnamed() -> Self {
        PRESENCES.with(|presences| presences.set(presences.get() + 1));
        Self { _current: None }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        PRESENCES.with(|presences| presences.set(presences.get() - 1));
    }
}
