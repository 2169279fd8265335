//! Spare threads, which stand in for worker threads that are blocked.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures::channel::oneshot::{self, Receiver};

use super::threads::are_lost;
use super::{EXECUTOR, Presence};
use crate::log;
use crate::panic::catch;
use crate::park::park_until_ready;

/// How long a spare thread that nobody needs waits for the next who does.
const IDLE_FOR: Duration = Duration::from_secs(1);

thread_local! {
    /// Does the executor count on this thread?
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// This thread serves the executor, or does so no more, until this is dropped.
pub(super) struct Serves(bool);

impl Serves {
    pub(super) fn set(serves: bool) -> Self {
        Self(SERVES.try_with(|now| now.replace(serves)).unwrap_or(false))
    }
}

impl Drop for Serves {
    fn drop(&mut self) {
        let _ = SERVES.try_with(|now| now.set(self.0));
    }
}

/// Calls `wait`, which blocks this thread. If it is a worker thread, a spare one stands in for it meanwhile.
pub(in crate::spawner) fn hand_over(wait: &mut dyn FnMut()) {
    if !SERVES.try_with(Cell::get).unwrap_or(false) || are_lost() {
        return wait();
    }
    let _serves = Serves::set(false);
    let _spare = Spare::begin();
    wait();
}

/// Until when a spare thread serves.
type Until = Receiver<()>;

/// Those that nobody needs. The one that came last is the first to be used.
static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

struct Idle {
    thread: Thread,
    /// Where it looks for what it is to do.
    next: Arc<Mutex<Option<Until>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One more thread serves the executor as long as this lives.
struct Spare(#[expect(dead_code, reason = "its drop says it")] Option<oneshot::Sender<()>>);

impl Spare {
    fn begin() -> Self {
        let (stop, until) = oneshot::channel();
        // Given under the lock: who is on the list has not gone home.
        let mut listed = lock(&IDLE);
        let serves = if let Some(idle) = listed.pop() {
            *lock(&idle.next) = Some(until);
            idle.thread.unpark();
            true
        } else {
            drop(listed);
            start(until)
        };
        Self(serves.then_some(stop))
    }
}

/// Starts a spare thread. Where none can be started the work waits for the thread that is blocked.
fn start(until: Until) -> bool {
    let thread = thread::Builder::new().name("ingather-spare".into());
    let started = thread.spawn(move || serve(until));
    if let Err(error) = &started {
        log::warning(&format_args!(
            "no thread can be started ({error}) to stand in for one of the embedded default that is blocked: what it would \
             have done waits"
        ));
    }
    started.is_ok()
}

/// What a spare thread does.
fn serve(first: Until) {
    let _presence = Presence::new();
    let _serves = Serves::set(true);
    let mut next = Some(first);
    while let Some(until) = next {
        // As in a worker thread. With `run`, which takes what lies in the queue of the thread that is blocked.
        let _ = catch(|| park_until_ready(EXECUTOR.run(until)));
        next = wait_for_use();
    }
}

/// Goes on the list until somebody needs this thread. `None`: nobody did for so long.
fn wait_for_use() -> Option<Until> {
    let (thread, next) = (thread::current(), Arc::default());
    let this = thread.id();
    lock(&IDLE).push(Idle {
        thread,
        next: Arc::clone(&next),
    });
    let end = Instant::now() + IDLE_FOR;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            lock(&IDLE).retain(|idle| idle.thread.id() != this);
        } else {
            thread::park_timeout(left);
        }
        // Who took it off the list has given it something.
        let next = lock(&next).take();
        if next.is_some() || left.is_zero() {
            return next;
        }
    }
}
