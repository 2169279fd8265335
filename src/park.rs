//! Parking a thread until a waker is called.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// What happens to a thread whose owner wants to know.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// It begins to wait in one of the crate's calls.
    Waits,
    /// It goes on.
    GoesOn,
}

type Relief = fn(Step);

thread_local! {
    static RELIEF: Cell<Option<Relief>> = const { Cell::new(None) };
}

/// Has a function told when this thread begins to wait and goes on, from now on: what was told before.
pub(crate) fn relieve_by(relief: Option<Relief>) -> Option<Relief> {
    RELIEF
        .try_with(|place| place.replace(relief))
        .ok()
        .flatten()
}

/// A wait of this thread, for those who want to know.
struct Relieved(Option<Relief>);

impl Relieved {
    fn begin() -> Self {
        // What is told may wait in its turn, and is not told of that.
        let relief = relieve_by(None);
        if let Some(relief) = relief {
            relief(Step::Waits);
        }
        Self(relief)
    }
}

impl Drop for Relieved {
    fn drop(&mut self) {
        if let Some(relief) = self.0 {
            relief(Step::GoesOn);
            relieve_by(Some(relief));
        }
    }
}

/// A flag for one call, and the thread to wake.
///
/// The flag and not the thread's own token is what counts: the token is shared with whatever else parks on this
/// thread, nested calls among them, which may take it or leave one behind.
pub(crate) struct Parker {
    notified: AtomicBool,
    thread: Thread,
}

impl Parker {
    /// For the calling thread.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            notified: AtomicBool::new(false),
            thread: thread::current(),
        })
    }

    /// Waits for a notice and takes it. On the thread it was made for.
    pub(crate) fn park(&self) {
        let _relieved = (!self.is_notified()).then(Relieved::begin);
        self.park_unrelieved();
    }

    fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    /// The same, without a word to whom this thread belongs to.
    pub(crate) fn park_unrelieved(&self) {
        // Acquire: what the notifier did before its notice is seen by the next poll.
        while !self.notified.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }

    /// Waits for a notice and takes it, but not beyond an instant: `false` if none came.
    pub(crate) fn park_until(&self, end: Instant) -> bool {
        let _relieved = (!self.is_notified()).then(Relieved::begin);
        // Acquire: see `park`.
        while !self.notified.swap(false, Ordering::Acquire) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
        true
    }

    fn notify(&self) {
        // A notice that is not taken yet has woken the thread or is about to. Release: see `park`.
        if !self.notified.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

/// Polls a future on this thread until it is ready, and parks the thread in between.
pub(crate) fn park_until_ready<F: Future>(future: F) -> F::Output {
    let parker = Parker::new();
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        parker.park();
    }
}

/// Polls a future on this thread until it is ready, but not beyond an instant: `None` if it was not ready then, and it has been
/// dropped.
pub(crate) fn park_until_ready_or<F: Future>(future: F, end: Instant) -> Option<F::Output> {
    let parker = Parker::new();
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if !parker.park_until(end) {
            return None;
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}
