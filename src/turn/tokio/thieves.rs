//! Workers of tokio's that steal tasks from each other: whether there are any, and how a task is offered to them.

use std::cell::Cell;
use std::task::Waker;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::deferred::is_between_tasks;
use super::is_of_task;
use super::worker_index::may_be_worker;

/// Has the runtime workers that can steal from each other? A current-thread runtime has none.
pub(crate) fn has_thieves(handle: &Handle) -> bool {
    handle.runtime_flavor() != RuntimeFlavor::CurrentThread && handle.metrics().num_workers() > 1
}

/// Lets other workers have the task that was spawned or woken on this one just now.
///
/// A worker keeps the task that was spawned or woken last in a slot of its own, which no other worker can steal from,
/// and polls it once the present task returns. A job is there to work beside that task, which may go on for long: an
/// owner that polls its children would poll them all before the job that was to share them begins. The next task to
/// come pushes the job out of the slot, into the queue that is stolen from, and wakes a worker that is idle. So here
/// is one that does nothing.
///
/// Where no task is being polled there is nothing to wait for: a worker that has looked at its timers and sockets polls what they have
/// woken, and has others take what is more than one.
#[inline(never)]
pub(crate) fn offer(handle: &Handle) {
    // What comes from elsewhere goes into a queue for all workers. Nothing says here whose worker this is: where
    // it is another runtime's, the empty task is in vain, and that is cheaper than always comparing handles.
    if keeps() && !KEPT.try_with(Cell::get).unwrap_or(false) {
        // A runtime that is shut down cancels it, and does not panic.
        drop(handle.spawn(async {}));
    }
}

thread_local! {
    /// Something was kept here, and has perhaps not been polled.
    static WAITS: Cell<bool> = const { Cell::new(false) };
    /// What is woken here now is for this worker.
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

/// Would a task that is woken here be kept by this worker until the present task returns, and be polled then?
pub(crate) fn keeps() -> bool {
    may_be_worker() && !is_between_tasks()
}

/// As long as this is there, what is woken here is kept by this worker: the task that wakes it goes on as after any wake of tokio's.
pub(crate) struct Kept {
    earlier: bool,
}

/// Has this worker keep what is woken from now on.
pub(crate) fn keep() -> Kept {
    let _ = WAITS.try_with(|waits| waits.set(true));
    let earlier = KEPT.try_with(|kept| kept.replace(true)).unwrap_or(false);
    Kept { earlier }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = KEPT.try_with(|kept| kept.set(self.earlier));
    }
}

/// A job is polled on this worker: what was kept is not waiting here any more, or this is it.
#[inline]
pub(crate) fn comes() {
    let _ = WAITS.try_with(|waits| waits.set(false));
}

/// Code waits for a child. Where its waker is not that of the task itself, the thread may be blocked until it is called, and with it what
/// this worker has kept, which is offered now.
#[inline]
pub(crate) fn awaits(waker: &Waker) {
    if WAITS.try_with(Cell::get).unwrap_or(false) {
        offer_kept(waker);
    }
}

#[cold]
fn offer_kept(waker: &Waker) {
    if is_of_task(waker) {
        return;
    }
    comes();
    if let Ok(handle) = Handle::try_current() {
        offer(&handle);
    }
}
