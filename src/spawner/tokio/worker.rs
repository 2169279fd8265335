//! What this thread is to tokio, and having another thread do a worker's work.

use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::panic::catch;
use crate::spawner::SpawnerHandle;
use crate::turn::index_of_worker;

/// What this thread is to tokio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Worker {
    /// It runs no tasks: nobody misses it.
    No,
    /// A worker of a multi-thread runtime, which another thread can stand in for.
    Replaceable,
    /// The only thread of a current-thread runtime.
    Only,
}

impl Worker {
    /// It errs where a worker of one runtime has entered the handle of another.
    pub(super) fn here() -> Self {
        match index_of_worker() {
            None => return Self::No,
            // A current-thread runtime has no second worker.
            Some(1..) => return Self::Replaceable,
            Some(0) => {}
        }
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::CurrentThread) | Err(_) => Self::Only,
            Ok(_) => Self::Replaceable,
        }
    }
}

/// The runtime whose only thread this is, in words.
pub(in crate::spawner) fn only_thread() -> Option<String> {
    let is_only = Worker::here() == Worker::Only;
    is_only.then(|| "a current-thread tokio runtime".to_owned())
}

/// The runtime whose worker this is, in words.
pub(in crate::spawner) fn serves() -> Option<String> {
    match Worker::here() {
        Worker::No => None,
        Worker::Replaceable => Some("a multi-thread tokio runtime".to_owned()),
        Worker::Only => only_thread(),
    }
}

/// A runtime of the crate's own, with one worker thread, that is never shut down.
pub(in crate::spawner) fn start_own() -> Option<SpawnerHandle> {
    let mut builder = Builder::new_multi_thread();
    let builder = builder
        .worker_threads(1)
        .thread_name("ingather-bridge")
        .enable_all();
    let runtime = builder.build().ok()?;
    let spawner = SpawnerHandle::new(runtime.handle().clone());
    std::mem::forget(runtime);
    Some(spawner)
}

/// Calls `wait`, which blocks this thread. If it is a worker that can be replaced, another thread works on meanwhile.
pub(in crate::spawner) fn hand_over(wait: &mut dyn FnMut()) {
    if Worker::here() != Worker::Replaceable {
        return wait();
    }
    let mut called = false;
    // It panics before it calls anything where this is the thread of a current-thread runtime after all.
    let handed = catch(|| {
        block_in_place(|| {
            called = true;
            wait();
        });
    });
    match handed {
        Err(panic) if called => panic.resume(),
        Err(_) => wait(),
        Ok(()) => {}
    }
}
