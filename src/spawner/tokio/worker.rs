//! What this thread is to tokio, and having another thread do a worker's work.

use tokio::runtime::{self, Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::panic::catch;

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
        if runtime::worker_index().is_none() {
            return Self::No;
        }
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::CurrentThread) | Err(_) => Self::Only,
            Ok(_) => Self::Replaceable,
        }
    }
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
