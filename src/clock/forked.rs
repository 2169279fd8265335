//! Timers in a process that was forked from the one whose timers had a thread: each has a thread of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use std::{process, thread};

/// Did the thread that the system's timers share stay behind in another process? This one makes its first timer otherwise.
pub(super) fn are_timers_lost() -> bool {
    static STARTED: OnceLock<u32> = OnceLock::new();
    let process = process::id();
    *STARTED.get_or_init(|| process) != process
}

/// A timer with a thread of its own, from its first poll on.
pub(super) struct ForkedTimer {
    at: Instant,
    /// Dropped, it ends the thread.
    thread: Option<Sender<()>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl ForkedTimer {
    pub(super) fn new(at: Instant) -> Self {
        Self {
            at,
            thread: None,
            waker: Arc::default(),
        }
    }

    fn start(&self) -> Sender<()> {
        let (keep, kept) = channel();
        let (at, waker) = (self.at, Arc::clone(&self.waker));
        thread::spawn(move || {
            let left = at.saturating_duration_since(Instant::now());
            if kept.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                let waker = waker.lock().unwrap_or_else(PoisonError::into_inner).take();
                waker.inspect(Waker::wake_by_ref);
            }
        });
        keep
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
