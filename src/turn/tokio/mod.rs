//! What tokio's scheduler says of the task that is being polled on this thread.
//!
//! A task that wakes itself goes to the end of the queue, and tokio looks at its timers and sockets when the queue is empty or
//! 61 tasks have been polled. tokio's `yield_now` keeps the waker until it has looked. That is what a task should do which
//! has much to do. But a waker that is kept is called when the task has returned: somebody who polls a future within the
//! task, blocks until that is woken and does not return, would wait for ever. So only the waker of a task itself is kept.
//!
//! - `deferred`: the tasks that wait on a worker of several, where no sibling must wait behind the poll of another
//! - `tests`: what is known of a worker between two tasks
//! - `thieves`: other workers, and how a task is offered to them
//! - `worker_index`: whether this thread is a worker
//! - `probe`: how that is found out where tokio does not say so

mod deferred;
mod probe;
#[cfg(test)]
mod tests;
mod thieves;
mod worker_index;

pub(crate) use deferred::begins;
pub(crate) use thieves::{awaits, comes, has_thieves, keep, keeps, offer};
pub(crate) use worker_index::index_of_worker;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, RawWakerVTable, Waker};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task::coop::{self, RestoreOnPending};

/// What the wakers of tokio's tasks have in common, and no others.
static OF_TASKS: OnceLock<&'static RawWakerVTable> = OnceLock::new();

/// Whether the budget of the tokio task that is being polled on this thread is spent.
///
/// The budget is the thread's, and tokio limits it only while one of its tasks is being polled: everywhere else, also
/// on a thread that has merely entered a runtime, there is always some left. Where it is spent, all that is tokio's
/// refuses to make progress until the task returns, whichever runtime the task belongs to.
#[inline]
pub(crate) fn is_budget_spent() -> bool {
    !coop::has_budget_remaining()
}

/// The runtime's time, which stands still where a test has paused it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Has tokio look at its timers and sockets before it calls the waker of a task. Any other waker is called at once.
pub(super) fn yields(waker: &Waker) {
    if Within::yields(waker) {
        return;
    }
    if is_of_task(waker) {
        // Where nobody steals, nobody else could have the task that waits.
        if Handle::try_current().is_ok_and(|runtime| has_thieves(&runtime)) {
            deferred::defer(waker);
        } else {
            wake_after_look(waker);
        }
        return;
    }
    if OF_TASKS.get().is_none() {
        find_out();
    }
    waker.wake_by_ref();
}

/// Has tokio call a waker when it has looked at its timers and sockets; at once where it does not run this code.
fn wake_after_look(waker: &Waker) {
    let mut yields = pin!(tokio::task::yield_now());
    // Not ready: the first poll keeps the waker.
    let _ = yields.as_mut().poll(&mut Context::from_waker(waker));
}

/// Has a task say what the wakers of tasks have in common.
#[cold]
fn find_out() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    if !ASKED.swap(true, Relaxed) {
        drop(runtime.spawn(std::future::poll_fn(|cx| {
            is_task(cx.waker());
            Poll::Ready(())
        })));
    }
}

/// This is the waker of one of tokio's tasks.
#[inline]
fn is_task(waker: &Waker) {
    if OF_TASKS.get().is_none() {
        let _ = OF_TASKS.set(waker.vtable());
    }
}

/// Is this the waker of a task, as far as is known?
fn is_of_task(waker: &Waker) -> bool {
    OF_TASKS
        .get()
        .is_some_and(|of_tasks| ptr::eq(*of_tasks, waker.vtable()))
}

/// Polls something that is all there is in a tokio task, with a waker of its own.
pub(crate) fn poll_within<T>(
    task: &Waker,
    waker: &Waker,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    is_task(task);
    let within = Within::begin(waker);
    let poll = poll(&mut Context::from_waker(waker));
    if within.has_yielded() && poll.is_pending() {
        drop(within);
        yields(task);
    }
    poll
}

thread_local! {
    /// The data of the waker with which a task is polled on this thread that has one of its own, and whether it has yielded.
    static WITHIN: Cell<(*const (), bool)> = const { Cell::new((ptr::null(), false)) };
}

/// One such poll. What was polled around it is put back at its end.
struct Within((*const (), bool));

impl Within {
    fn begin(waker: &Waker) -> Self {
        Self(WITHIN.replace((waker.data(), false)))
    }

    fn has_yielded(&self) -> bool {
        WITHIN.get().1
    }

    /// Notes that the task yields, if this is its waker.
    fn yields(waker: &Waker) -> bool {
        let note = |within: &Cell<(*const (), bool)>| {
            let is_its = ptr::eq(within.get().0, waker.data()) && !waker.data().is_null();
            if is_its {
                within.set((waker.data(), true));
            }
            is_its
        };
        WITHIN.try_with(note).unwrap_or(false)
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.set(self.0);
    }
}

/// A future that is polled outside of the budget of the task that it is polled in.
pub(crate) fn unconstrained<F: Future>(future: F) -> impl Future<Output = F::Output> {
    coop::unconstrained(future)
}

/// A unit of the task's budget.
pub(super) struct Taken(RestoreOnPending);

impl Taken {
    pub(super) fn used(self) {
        self.0.made_progress();
    }
}

#[inline]
pub(super) fn take() -> Option<Taken> {
    if is_budget_spent() {
        return None;
    }
    match coop::poll_proceed(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(taken) => Some(Taken(taken)),
        Poll::Pending => None,
    }
}
