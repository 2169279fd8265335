//! Threads for what blocks: at most so many, each started when there is work for it.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use futures::channel::oneshot;

type Call = Box<dyn FnOnce() + Send>;

/// A number of threads, which stay for the life of the program.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    most: NonZeroUsize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// Last in, first out: so that a walk goes deep before it goes broad, and has few directories in hand.
    calls: Vec<Call>,
    threads: usize,
    idle: usize,
}

impl Pool {
    pub(crate) fn new(most: NonZeroUsize) -> Self {
        Self(Arc::new(Shared {
            most,
            state: Mutex::default(),
            work: Condvar::new(),
        }))
    }

    /// Makes a call on one of the threads and waits for it. Its panic goes on here.
    ///
    /// A call that nobody waits for any more is not begun. The error: there is no thread, nor can one be started.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.push(Box::new(move || {
            if !sender.is_canceled() {
                let _ = sender.send(catch_unwind(AssertUnwindSafe(call)));
            }
        }))?;
        match receiver.await.expect("a call that is waited for is made") {
            Ok(value) => Ok(value),
            Err(payload) => resume_unwind(payload),
        }
    }

    fn push(&self, call: Call) -> io::Result<()> {
        let Shared { most, state, work } = &*self.0;
        let mut state = state.lock().unwrap();
        if state.calls.len() >= state.idle && state.threads < most.get() {
            let shared = Arc::clone(&self.0);
            let started = thread::Builder::new().spawn(move || shared.work());
            match started {
                Ok(_) => state.threads += 1,
                // Those that are there will do.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    let text = format!("cannot start a thread: {error}");
                    return Err(io::Error::new(error.kind(), text));
                }
            }
        }
        state.calls.push(call);
        work.notify_one();
        Ok(())
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(call) = state.calls.pop() {
                drop(state);
                call();
                state = self.state.lock().unwrap();
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap();
                state.idle -= 1;
            }
        }
    }
}
