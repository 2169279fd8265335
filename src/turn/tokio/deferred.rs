//! Tasks that wait on a worker until tokio has looked at its timers and sockets.
//!
//! tokio keeps the wakers that are deferred on a worker until that worker has nothing else to run. If it polls another task
//! before, and that goes on for long, no other worker can have the tasks that wait, although it may be idle. The drivers
//! and owners of one group are such tasks, and no child may wait behind the long poll of a sibling. So we keep the wakers,
//! and give tokio one for all of them. An owner that is about to poll children on this worker calls them first, and offers the
//! tasks to other workers. After some polls in a row that began so, the next one waits for tokio as well: so timers and
//! sockets are looked at although there is always a task to poll.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use tokio::runtime::Handle;
use tokio::task::{self, Id};

use super::thieves::offer;
use super::wake_after_look;

/// How many polls in a row may begin before the tasks that wait have had their look at timers and sockets.
const MOST: u8 = 8;

/// The tasks that wait on one thread.
#[derive(Default)]
struct Deferred(Mutex<State>);

#[derive(Default)]
struct State {
    tasks: Vec<Waker>,
    /// How many polls have begun since tokio looked.
    began: u8,
}

thread_local! {
    static HERE: (Arc<Deferred>, Waker) = {
        let deferred = Arc::new(Deferred::default());
        (Arc::clone(&deferred), Waker::from(deferred))
    };
    /// Perhaps a task waits on this thread.
    static SOME: Cell<bool> = const { Cell::new(false) };
    /// A waker is being handed to tokio, which may call it at once.
    static HANDS: Cell<bool> = const { Cell::new(false) };
    /// The id that code has on this thread while no task is polled: a worker is a task of the pool for blocking work itself.
    static OF_WORKER: Cell<Option<Id>> = const { Cell::new(None) };
}

impl Deferred {
    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, task: &Waker) {
        self.with(|state| {
            if !state.tasks.iter().any(|other| other.will_wake(task)) {
                state.tasks.push(task.clone());
            }
        });
    }
}

/// tokio has looked.
impl Wake for Deferred {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !HANDS.try_with(Cell::get).unwrap_or(true) {
            let _ = OF_WORKER.try_with(|worker| worker.set(task::try_id()));
        }
        let _ = SOME.try_with(|some| some.set(false));
        let tasks = self.with(|state| {
            state.began = 0;
            std::mem::take(&mut state.tasks)
        });
        tasks.into_iter().for_each(Waker::wake);
    }
}

/// Calls the waker of a task when tokio has looked at its timers and sockets, or before a sibling is polled on this worker.
pub(super) fn defer(task: &Waker) {
    let deferred = HERE.try_with(|(deferred, all)| {
        deferred.push(task);
        SOME.set(true);
        HANDS.set(true);
        wake_after_look(all);
        HANDS.set(false);
    });
    if deferred.is_err() {
        task.wake_by_ref();
    }
}

/// Does this worker poll no task right now, since it looks at its timers and sockets? tokio does not say so. It is known once a task
/// has waited for such a look on this worker; before that it may be polling one.
pub(super) fn is_between_tasks() -> bool {
    let worker = OF_WORKER.try_with(Cell::get).ok().flatten();
    worker.is_some() && worker == task::try_id()
}

/// A task is about to poll children on this thread: those that wait go to other workers. `false`: enough of that; `task`
/// is to wait as well, and has been made to.
#[inline]
pub(crate) fn begins(task: Option<&Waker>) -> bool {
    !SOME.try_with(Cell::get).unwrap_or(false) || begins_before(task)
}

#[cold]
fn begins_before(task: Option<&Waker>) -> bool {
    let Ok(deferred) = HERE.try_with(|(deferred, _)| Arc::clone(deferred)) else {
        return true;
    };
    let before = deferred.with(|state| {
        if let Some(task) = task {
            // It was woken by something else meanwhile, and is polled now.
            state.tasks.retain(|other| !other.will_wake(task));
            if state.began >= MOST && !state.tasks.is_empty() {
                return None;
            }
        }
        state.began = state.began.saturating_add(1);
        Some(std::mem::take(&mut state.tasks))
    });
    let Some(tasks) = before else {
        task.into_iter().for_each(defer);
        return false;
    };
    SOME.set(false);
    if !tasks.is_empty() {
        tasks.into_iter().for_each(Waker::wake);
        if let Ok(runtime) = Handle::try_current() {
            offer(&runtime);
        }
    }
    true
}
