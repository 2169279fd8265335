//! The wakers of tasks, kept and called where no lock is held.
//!
//! An event calls and drops the wakers of its listeners under its own lock. A waker is code of somebody else's: it may panic,
//! and it may come back to the same event. So the event is given a [`Relay`] instead, which
//!
//! 1. holds the waker, and is all that the event clones, calls and drops;
//! 2. puts the waker, when it is called, onto a list of this thread;
//! 3. and the code that made the event call it calls what is on that list ([`flush`]) when the event has returned.

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::error::unhandled::{drop_quietly, wake_quietly};
use crate::std_or_loom::Lock;

thread_local! {
    static LATER: RefCell<Later> = const { RefCell::new(Later { first: None, rest: Vec::new() }) };
}

/// Wakers that are still to be called. Nearly always it is one, which needs no allocation.
#[derive(Default)]
struct Later {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

/// Calls the wakers that are due on this thread. A panic of one is reported and keeps no other from its turn.
pub(super) fn flush() {
    // While thread locals are destroyed nothing is ever put off.
    let Ok(later) = LATER.try_with(|later| mem::take(&mut *later.borrow_mut())) else {
        return;
    };
    for waker in later.first.into_iter().chain(later.rest) {
        wake_quietly(waker);
    }
}

/// Stands for the waker of a task.
#[derive(Default)]
pub(super) struct Relay(Lock<Option<Waker>>);

impl Relay {
    /// A waker that stands for this one.
    pub(super) fn stand_for(self: &Arc<Self>, waker: &Waker) -> Waker {
        let known = self.0.lock().as_ref().is_some_and(|w| w.will_wake(waker));
        if !known {
            let waker = waker.clone();
            let old = self.0.lock().replace(waker);
            drop_quietly("a waker", old);
        }
        Waker::from(Arc::clone(self))
    }

    /// It stands for nobody any more.
    pub(super) fn retire(&self) {
        let waker = self.0.lock().take();
        drop_quietly("a waker", waker);
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut waker = self.0.lock().take();
        let _ = LATER.try_with(|later| {
            let mut later = later.borrow_mut();
            match &later.first {
                None => later.first = waker.take(),
                Some(_) => later.rest.extend(waker.take()),
            }
        });
        // No thread local any more: then the lock is held, and that has to do.
        if let Some(waker) = waker {
            wake_quietly(waker);
        }
    }
}
