//! Parking a thread until a waker is called.
//!
//! Nobody is notified of it: that is for threads whose business it is to wait. A call that blocks a thread which is somebody else's
//! parks by way of `blocked`.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// How often a thread looks for a notice before it is said to be blocked.
const LOOKS: usize = 16;

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

    /// Is there a notice to be taken?
    pub(crate) fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    /// Is there a notice to be taken, or does one come in about the time that it takes to wake a thread? Others run meanwhile. A
    /// thread that finds one so needs not be woken, and nobody has to be told that it waits.
    pub(crate) fn is_notified_soon(&self) -> bool {
        self.is_notified()
            || (0..LOOKS).any(|_| {
                thread::yield_now();
                self.is_notified()
            })
    }

    /// Waits for a notice and takes it. On the thread it was made for.
    pub(crate) fn park(&self) {
        // Acquire: what the notifier did before its notice is seen by the next poll.
        while !self.notified.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }

    /// Waits for a notice and takes it, but not beyond an instant: `false` if none came.
    pub(crate) fn park_until(&self, end: Instant) -> bool {
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

thread_local! {
    /// The parker of this thread's last call, for the next.
    static KEPT: Cell<Option<Kept>> = const { Cell::new(None) };
}

/// A parker of this thread, with its waker.
pub(crate) struct Kept {
    pub(crate) parker: Arc<Parker>,
    pub(crate) waker: Waker,
}

impl Kept {
    /// The one that was kept, or a new one. It may have a notice that belonged to an earlier call.
    pub(crate) fn take() -> Self {
        KEPT.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
            let parker = Parker::new();
            let waker = Waker::from(Arc::clone(&parker));
            Self { parker, waker }
        })
    }

    /// Keeps it for the next call.
    pub(crate) fn keep(self) {
        let _ = KEPT.try_with(|kept| kept.set(Some(self)));
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

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}
