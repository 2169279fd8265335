//! What keeps the clock from jumping: work on threads of its own, and guards for threads of the user's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::TestExecutor;
use super::shared::Shared;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::panic::{Panic, catch};
use crate::shows::shows;
use crate::std_or_loom::Lock;

impl TestExecutor {
    /// Runs a closure on a fresh thread, and keeps the clock from jumping until it is over.
    ///
    /// The thread starts at once. While it is at work, [`block_on`](Self::block_on) waits for it in real time: the clock
    /// does not jump, and that nothing is ready is no deadlock. For one's own threads there is
    /// [`hold_clock`](Self::hold_clock). Dropping the future leaves the thread alone: the clock is held until it is over,
    /// and its value is dropped.
    ///
    /// # Panics
    ///
    /// If no thread can be started. The panic of the closure goes on where the future is awaited.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::TestExecutor;
    ///
    /// let executor = TestExecutor::new();
    /// let sum = executor.block_on(executor.blocking(|| (1..=100).sum::<u32>()));
    /// assert_eq!(sum, 5050);
    /// ```
    #[track_caller]
    pub fn blocking<T, F>(&self, f: F) -> BlockingWork<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let shared = Arc::clone(self.shared());
        let slot = Arc::new(Slot(Lock::new(State {
            done: None,
            waker: None,
            awaited: true,
        })));
        shared.hold(|state| state.threads += 1);
        let in_thread = Work {
            shared,
            slot: Arc::clone(&slot),
            at_work: true,
        };
        let thread = thread::Builder::new().name("ingather-blocking".into());
        if let Err(error) = thread.spawn(move || in_thread.run(f)) {
            panic!("no thread could be started for blocking work: {error}");
        }
        BlockingWork { slot }
    }

    /// Keeps the clock from jumping, and an executor that has nothing to do from calling it a deadlock, until the guard
    /// is dropped.
    ///
    /// For threads of one's own that will wake something: take the guard before the thread starts, and drop it in the
    /// thread, after the wake.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::channel::oneshot;
    /// use ingather::testing::TestExecutor;
    ///
    /// let executor = TestExecutor::new();
    /// let (sender, receiver) = oneshot::channel();
    /// let hold = executor.hold_clock();
    /// std::thread::spawn(move || {
    ///     sender.send("from a thread").unwrap();
    ///     drop(hold);
    /// });
    /// assert_eq!(executor.block_on(receiver), Ok("from a thread"));
    /// ```
    pub fn hold_clock(&self) -> ClockHold {
        let shared = Arc::clone(self.shared());
        shared.hold(|state| state.guards += 1);
        ClockHold { shared }
    }
}

/// Keeps the clock of a [`TestExecutor`] from jumping; made by [`TestExecutor::hold_clock`].
///
/// Dropping it releases the clock. Forgotten, it holds it for ever.
#[must_use = "the clock is held only as long as this lives: give it to the thread that will wake something"]
pub struct ClockHold {
    shared: Arc<Shared>,
}

impl Drop for ClockHold {
    fn drop(&mut self) {
        self.shared.let_go(|state| state.guards -= 1);
    }
}

shows!([] ClockHold, ..);

/// The future of [`TestExecutor::blocking`].
///
/// Dropping it leaves the thread alone; the closure's value is dropped when it comes.
#[must_use = "the thread runs, but its value and its panic come out only where this is awaited"]
pub struct BlockingWork<T> {
    slot: Arc<Slot<T>>,
}

struct Slot<T>(Lock<State<T>>);

struct State<T> {
    done: Option<Result<T, Panic>>,
    waker: Option<Waker>,
    /// Is there still a future?
    awaited: bool,
}

impl<T> Future for BlockingWork<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let waker = cx.waker().clone();
        let mut state = self.slot.0.lock();
        let (done, stale) = match state.done.take() {
            Some(done) => (Some(done), Some(waker)),
            None => (None, state.waker.replace(waker)),
        };
        drop(state);
        drop(stale);
        match done {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(panic)) => panic.resume(),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for BlockingWork<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.slot.0.lock();
            state.awaited = false;
            (state.done.take(), state.waker.take())
        };
        if let (Some(done), _) = left {
            let_go_of(done);
        }
    }
}

shows!([T] BlockingWork<T>, ..);

/// Nobody awaits it any more.
fn let_go_of<T>(done: Result<T, Panic>) {
    match done {
        Ok(value) => drop_quietly("the value of blocking work", value),
        Err(panic) => report_panic("blocking work", panic),
    }
}

/// The side of the thread. Dropped, it releases the clock, also if the thread was never started.
struct Work<T> {
    shared: Arc<Shared>,
    slot: Arc<Slot<T>>,
    at_work: bool,
}

impl<T> Work<T> {
    fn run(mut self, f: impl FnOnce() -> T) {
        let done = catch(f);
        // Before the value can be seen, so that code that has seen it finds no thread at work.
        self.at_work = false;
        self.shared.state.lock().threads -= 1;
        let mut state = self.slot.0.lock();
        let unwanted = if state.awaited {
            state.done = Some(done);
            None
        } else {
            Some(done)
        };
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            wake_quietly(waker);
        }
        if let Some(done) = unwanted {
            let_go_of(done);
        }
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        let at_work = self.at_work;
        self.shared
            .let_go(|state| state.threads -= usize::from(at_work));
    }
}
