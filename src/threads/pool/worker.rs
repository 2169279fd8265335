//! One thread of a pool: what it does from its start to its end, and while its work waits.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use super::shared::Shared;
use crate::blocked::{self, Step, relieve_by};
use crate::error::unhandled::drop_quietly;
use crate::panic::catch;

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// The thread of a pool that this is.
#[derive(Clone)]
struct Here {
    shared: Arc<Shared>,
    number: u64,
}

/// The number of this thread in a pool, if it is one of its threads.
pub(super) fn here(shared: &Arc<Shared>) -> Option<u64> {
    let find = |here: &RefCell<Option<Here>>| {
        let here = here.borrow();
        let here = here.as_ref()?;
        Arc::ptr_eq(&here.shared, shared).then_some(here.number)
    };
    HERE.try_with(find).ok().flatten()
}

/// Has a thread of a pool started, or says why not.
pub(super) fn launch(shared: &Arc<Shared>, number: u64) -> io::Result<()> {
    match &shared.settings.start {
        Some(start) => launch_by(&**start, shared, number),
        None => {
            let name = format!("{}-{number}", shared.settings.name);
            let shared = Arc::clone(shared);
            let thread = thread::Builder::new().name(name);
            thread.spawn(move || work(&shared, number)).map(drop)
        }
    }
}

/// The same by a function of the user's, which may refuse it, or drop it then or later.
fn launch_by(
    start: &(dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync),
    shared: &Arc<Shared>,
    number: u64,
) -> io::Result<()> {
    let fate = Arc::new(AtomicU8::new(HANDED_OVER));
    let handed = Handed {
        shared: Arc::clone(shared),
        fate: Arc::clone(&fate),
    };
    let started = catch(|| start(Box::new(move || handed.begin(number))));
    if fate.swap(TAKEN, Ordering::AcqRel) != DROPPED {
        return Ok(());
    }
    match started {
        Ok(Ok(())) => Err(dropped()),
        Ok(Err(error)) => Err(error),
        Err(panic) => Err(io::Error::other(panic.message().to_owned())),
    }
}

const HANDED_OVER: u8 = 0;
/// The function had the loop dropped before it was through.
const DROPPED: u8 = 1;
/// The function is through, or the loop has begun.
const TAKEN: u8 = 2;

fn dropped() -> io::Error {
    io::Error::other("the function that is to start threads has dropped what the thread was to do")
}

/// The loop of a thread in the hands of somebody who may drop it.
struct Handed {
    shared: Arc<Shared>,
    fate: Arc<AtomicU8>,
}

impl Handed {
    fn begin(self, number: u64) {
        self.fate.store(TAKEN, Ordering::Release);
        let shared = Arc::clone(&self.shared);
        mem::forget(self);
        work(&shared, number);
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let now =
            self.fate
                .compare_exchange(HANDED_OVER, DROPPED, Ordering::AcqRel, Ordering::Acquire);
        if now.is_err() {
            self.shared.cannot_start(dropped());
        }
    }
}

/// Does what is queued until there has been nothing to do for so long.
fn work(shared: &Arc<Shared>, number: u64) {
    let before = HERE.replace(Some(Here {
        shared: Arc::clone(shared),
        number,
    }));
    let relief = relieve_by(Some(step));
    let mut state = shared.state();
    state.starting -= 1;
    let (mut done, mut is_over) = (None, false);
    loop {
        if let Some(work) = state.take() {
            state.running.insert(number, Arc::clone(&work));
            shared.call(state);
            drop_quietly("blocking work", done.take());
            // What work runs is caught already; this is for what nobody foresaw.
            let _ = catch(|| work.run());
            state = shared.state();
            done = state.running.remove(&number);
            if state.queue.is_empty() || state.busy > state.most {
                drop(state);
                drop_quietly("blocking work", done.take());
                state = shared.state();
            }
            // It was busy until it can take what is next, so that no thread is called for that.
            state.busy -= 1;
            is_over = false;
        } else if is_over || state.closed {
            break;
        } else {
            (state, is_over) = shared.rest(state);
        }
    }
    shared.tell_if_over(state);
    relieve_by(relief);
    HERE.set(before);
}

/// The work of this thread begins to wait in a call of this crate, or goes on.
fn step(step: Step) {
    let Ok(Some(Here { shared, .. })) = HERE.try_with(|here| here.borrow().clone()) else {
        return;
    };
    let mut state = shared.state();
    match step {
        Step::Waits => {
            state.busy -= 1;
            state.waiting += 1;
            shared.call(state);
        }
        Step::GoesOn => {
            state.waiting -= 1;
            state.busy += 1;
        }
    }
}

/// Polls a future on this thread until it is ready.
///
/// Meanwhile the thread counts as busy, unless work is queued in its own pool that the future has sent there, and may wait for.
pub(super) fn poll_here<F: Future>(future: F) -> F::Output {
    let ready = blocked::poll_until(future, |parker| {
        let here = HERE.with(|here| here.borrow().clone());
        let may_wait_for_own = here.is_some_and(|here| here.shared.state().has_sent(here.number));
        if may_wait_for_own {
            blocked::park(parker);
        } else {
            parker.park();
        }
        true
    });
    ready.expect("a wait without end has an end")
}
