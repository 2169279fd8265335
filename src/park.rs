//! Parking a thread until a waker is called.
//!
//! Nobody is notified of it: that is for threads whose business it is to wait. A call that blocks a thread which is somebody else's
//! parks by way of `blocked`.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// How often a thread looks for a notice before it is said to be blocked.
const LOOKS: usize = 16;

/// The state of one call, and the thread to wake.
///
/// The state and not the thread's own token is what counts: the token is shared with whatever else parks on this
/// thread, nested calls among them, which may take it or leave one behind.
pub(crate) struct Parker {
    state: AtomicU8,
    thread: Thread,
}

/// There is no notice, and nobody waits for one.
const EMPTY: u8 = 0;
/// There is a notice that was not taken.
const NOTIFIED: u8 = 1;
/// The thread is parked, or about to be, and to be woken with the notice.
const PARKED: u8 = 2;

impl Parker {
    /// For the calling thread.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU8::new(EMPTY),
            thread: thread::current(),
        })
    }

    /// Is there a notice to be taken?
    pub(crate) fn is_notified(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
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
        while !self.takes_notice() {
            thread::park();
        }
    }

    /// Waits for a notice and takes it, but not beyond an instant: `false` if none came.
    pub(crate) fn park_until(&self, end: Instant) -> bool {
        while !self.takes_notice() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Acquire: see `takes_notice`.
                return self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED;
            }
            thread::park_timeout(left);
        }
        true
    }

    /// Takes the notice, if there is one. If not the thread is to be woken with the next.
    fn takes_notice(&self) -> bool {
        // Acquire: what the notifier did before its notice is seen by the next poll.
        let taken =
            (self.state).compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_ok() {
            return true;
        }
        // Nobody else parks here: it is empty, parked since a wake that was not meant for this, or notified since the last look.
        let parked =
            (self.state).compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed);
        match parked {
            Err(NOTIFIED) => {
                self.state.swap(EMPTY, Ordering::Acquire);
                true
            }
            _ => false,
        }
    }

    fn notify(&self) {
        // Release: see `takes_notice`. One that is not parked finds the notice before it would be.
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::sync::mpsc;

    #[test]
    fn a_token_left_behind_causes_no_poll() {
        let polls = Cell::new(0);
        let (ask, asked) = mpsc::channel::<Waker>();
        let waking = thread::spawn(move || asked.recv().unwrap().wake());
        park_until_ready(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            thread::current().unpark();
            ask.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        assert_eq!(polls.get(), 2);
        waking.join().unwrap();
    }

    #[test]
    fn a_nested_call_does_not_take_the_notice_of_the_outer_one() {
        let polls = Cell::new(0);
        park_until_ready(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            // Parks, and so takes the thread's token, before its own notice comes.
            let mut woken = false;
            park_until_ready(poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                let waker = cx.waker().clone();
                thread::spawn(move || waker.wake());
                Poll::Pending
            }));
            Poll::Pending
        }));
        assert_eq!(polls.get(), 2);
    }

    #[test]
    fn many_notices_before_a_poll_are_one() {
        let polls = Cell::new(0);
        park_until_ready(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            let waker = cx.waker().clone();
            waker.wake();
            Poll::Pending
        }));
        assert_eq!(polls.get(), 2);
    }

    #[test]
    fn a_waker_outlives_the_call() {
        let waker = park_until_ready(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
    }
}
