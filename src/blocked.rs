//! A thread that waits in a blocking call of the crate: whom that is told, and how it parks.
//!
//! While a thread is blocked nobody may count on it. Three are told: the groups whose children it is polling, which call
//! somebody else to their children; the pool for blocking work that it belongs to, which starts another thread; and the
//! executor whose thread it is, which hands over what only this thread would do.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::panic::{Panic, catch};
use crate::park::Parker;
use crate::spawner::hand_over;

/// What happens to a thread whose owner wants to know.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// It begins to wait in one of the crate's calls.
    Waits,
    /// It goes on.
    GoesOn,
}

type Relief = fn(Step);

thread_local! {
    static RELIEF: Cell<Option<Relief>> = const { Cell::new(None) };
}

/// Has a function told when this thread begins to wait and goes on, from now on: what was told before.
pub(crate) fn relieve_by(relief: Option<Relief>) -> Option<Relief> {
    RELIEF
        .try_with(|place| place.replace(relief))
        .ok()
        .flatten()
}

/// A wait of this thread, for those who want to know.
struct Relieved(Option<Relief>);

impl Relieved {
    fn begin() -> Self {
        // What is told may wait in its turn, and is not notified of that.
        let relief = relieve_by(None);
        if let Some(relief) = relief {
            relief(Step::Waits);
        }
        Self(relief)
    }
}

impl Drop for Relieved {
    fn drop(&mut self) {
        if let Some(relief) = self.0 {
            relief(Step::GoesOn);
            relieve_by(Some(relief));
        }
    }
}

type Around = fn(&mut dyn FnMut());

static GROUPS: OnceLock<Around> = OnceLock::new();

/// Says how the groups are told whose children this thread is polling. Once there is one.
pub(crate) fn tell_groups_by(around: Around) {
    let _ = GROUPS.set(around);
}

static WATCH: OnceLock<Around> = OnceLock::new();

/// Says who is notified of each thread that waits, for people to look at. Once there is one.
pub(crate) fn tell_watch_by(around: Around) {
    let _ = WATCH.set(around);
}

thread_local! {
    /// What the future waits for that this thread polls, in words, where somebody wants to know.
    static WAITS_FOR: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Polls something, and gives what it waits for, as far as that says so.
pub(crate) fn noting<R>(poll: impl FnOnce() -> R) -> (R, Vec<String>) {
    let notes = |notes| {
        let noted = WAITS_FOR.try_with(|place| place.replace(notes));
        noted.ok().flatten()
    };
    let outer = notes(Some(Vec::new()));
    let polled = catch(poll);
    let noted = notes(outer).unwrap_or_default();
    match polled {
        Ok(polled) => (polled, noted),
        Err(panic) => panic.resume(),
    }
}

/// Are threads that wait watched?
pub(crate) fn is_watched() -> bool {
    WATCH.get().is_some()
}

/// Polls something. Where threads are watched, what it waits for is noted.
pub(crate) fn noting_if_watched<R>(poll: impl FnOnce() -> R) -> (R, Vec<String>) {
    match WATCH.get() {
        Some(_) => noting(poll),
        None => (poll(), Vec::new()),
    }
}

/// Waits, with what the wait is for at hand.
pub(crate) fn with_notes<R>(waits_for: Vec<String>, wait: impl FnOnce() -> R) -> R {
    if waits_for.is_empty() {
        return wait();
    }
    let mut result = None;
    let wait = || {
        waits_for.into_iter().for_each(|what| note(|| what));
        result = Some(wait());
    };
    noting(wait);
    result.expect("it was called")
}

/// What was noted on this thread. Nothing more is noted then.
pub(crate) fn take_notes() -> Vec<String> {
    let noted = WAITS_FOR.try_with(|place| place.take());
    noted.ok().flatten().unwrap_or_default()
}

/// This is what the future waits for that is being polled.
pub(crate) fn note(what: impl FnOnce() -> String) {
    let is_wanted = || WAITS_FOR.try_with(|place| place.borrow().is_some());
    if is_wanted().unwrap_or(false) {
        let what = what();
        let _ = WAITS_FOR.try_with(|place| {
            if let Some(notes) = &mut *place.borrow_mut() {
                notes.push(what);
            }
        });
    }
}

/// Blocks this thread by `wait`, with all told who may count on it.
pub(crate) fn while_blocked<R>(wait: impl FnOnce() -> R) -> R {
    with_groups_told(|| {
        let _relieved = Relieved::begin();
        handed_over(wait)
    })
}

/// Has the groups told whose children this thread polls, and the watch.
fn with_groups_told<R>(wait: impl FnOnce() -> R) -> R {
    let wait = || match WATCH.get() {
        Some(around) => call_within(wait, *around),
        None => wait(),
    };
    match GROUPS.get() {
        Some(around) => call_within(wait, *around),
        None => wait(),
    }
}

/// Has the executor hand over what only this thread would do.
pub(crate) fn handed_over<R>(wait: impl FnOnce() -> R) -> R {
    call_within(wait, hand_over)
}

/// Calls `wait` by way of `around`, which may be somebody else's code: it is called once, whatever that does.
pub(crate) fn call_within<R>(wait: impl FnOnce() -> R, around: impl FnOnce(&mut dyn FnMut())) -> R {
    let mut wait = Some(wait);
    let mut result: Option<Result<R, Panic>> = None;
    let around = catch(|| {
        around(&mut || {
            if let Some(wait) = wait.take() {
                result = Some(catch(wait));
            }
        });
    });
    match (result, wait) {
        (Some(Ok(result)), _) => result,
        (Some(Err(panic)), _) => panic.resume(),
        (None, Some(wait)) => wait(),
        (None, None) => match around {
            Err(panic) => panic.resume(),
            Ok(()) => unreachable!("what was called has a result"),
        },
    }
}

/// Waits for a notice and takes it. On the thread that the parker was made for.
pub(crate) fn park(parker: &Parker) {
    if parker.is_notified_soon() {
        return parker.park();
    }
    while_blocked(|| parker.park());
}

/// The same, but not beyond an instant, if there is one: `false` if none came.
pub(crate) fn park_until(parker: &Parker, end: Option<Instant>) -> bool {
    let Some(end) = end else {
        park(parker);
        return true;
    };
    if parker.is_notified_soon() {
        return parker.park_until(end);
    }
    while_blocked(|| parker.park_until(end))
}

/// Polls a future on this thread until it is ready, and parks the thread in between.
pub(crate) fn park_until_ready<F: Future>(future: F) -> F::Output {
    let ready = poll_until(future, |parker| {
        park(parker);
        true
    });
    ready.expect("a wait without end has an end")
}

/// Polls a future on this thread until it is ready, but not beyond an instant, if there is one: `None` if it was not ready then, and
/// it has been dropped.
pub(crate) fn park_until_ready_or<F: Future>(future: F, end: Option<Instant>) -> Option<F::Output> {
    poll_until(future, |parker| park_until(parker, end))
}

pub(crate) fn poll_until<F: Future>(
    future: F,
    mut park: impl FnMut(&Parker) -> bool,
) -> Option<F::Output> {
    let parker = Parker::new();
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        let (polled, waits_for) = noting_if_watched(|| future.as_mut().poll(&mut cx));
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        if !with_notes(waits_for, || park(&parker)) {
            return None;
        }
    }
}
