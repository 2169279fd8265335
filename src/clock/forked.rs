//! Timers in a process that was forked from the one whose timers had a thread: each has a thread of its own.

use std::future::Future;
use std::pin::Pin;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// Did the thread that the system's timers share stay behind in another process? This one makes its first timer otherwise.
pub(super) fn are_timers_lost() -> bool {
    static STARTED: OnceLock<u32> = OnceLock::new();
    let process = process::id();
    *STARTED.get_or_init(|| process) != process
}

/// A timer with a thread of its own, from its first poll on.
pub(super) struct ForkedTimer {
    at: Instant,
    thread: Option<Waiting>,
    waker: Arc<Mutex<Option<Waker>>>,
}

/// A thread that waits until it is time. Dropped, this ends it.
struct Waiting {
    thread: Thread,
    gone: Arc<AtomicBool>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.gone.store(true, Relaxed);
        self.thread.unpark();
    }
}

impl ForkedTimer {
    pub(super) fn new(at: Instant) -> Self {
        Self {
            at,
            thread: None,
            waker: Arc::default(),
        }
    }

    fn start(&self) -> Waiting {
        let (at, waker, gone) = (self.at, Arc::clone(&self.waker), Arc::default());
        let is_gone = Arc::clone(&gone);
        let thread = thread::spawn(move || {
            while !AtomicBool::load(&is_gone, Relaxed) {
                let left = at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let waker = waker.lock().unwrap_or_else(PoisonError::into_inner).take();
                    waker.inspect(Waker::wake_by_ref);
                    return;
                }
                thread::park_timeout(left);
            }
        });
        let thread = thread.thread().clone();
        Waiting { thread, gone }
    }
}

impl Future for ForkedTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let before = self
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(waker);
        drop(before);
        // After the waker is there: the thread may have come and gone.
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        if self.thread.is_none() {
            self.thread = Some(self.start());
        }
        Poll::Pending
    }
}
