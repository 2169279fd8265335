//! The spawner of this thread: a stack of entries, each taken off by the guard that put it there.
//!
//! Invariants:
//!
//! 1. The last entry of the stack is the current one.
//! 2. An entry is on the stack exactly as long as its guard lives, in whatever order guards are dropped, except that
//!    a forgotten guard leaves its entry for the life of the thread.
//! 3. No user code runs while the stack is borrowed: handles are dropped afterwards.
//!
//! - `tests`: the stack of entries, and hostile spawners on it

use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem;

use super::{
    Spawner, SpawnerHandle, WeakHandle, default_spawner, global, instead_of_default, runtime,
};
use crate::clock::ClockHandle;
use crate::shows::shows;
use crate::std_or_loom::per_thread;
use crate::turn;

per_thread! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { entries: Vec::new(), last_id: 0 }) };
}

struct Stack {
    entries: Vec<Entry>,
    last_id: u64,
}

impl Stack {
    /// Puts an entry on it: its id.
    #[inline]
    fn push(&mut self, spawner: SpawnerHandle, running: bool) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.entries.push(Entry {
            id,
            spawner,
            running,
        });
        id
    }
}

struct Entry {
    id: u64,
    spawner: SpawnerHandle,
    /// Whether the code under this entry runs in a job of the spawner, or where its jobs run.
    running: bool,
}

/// Makes a spawner the current one of this thread until the guard is dropped.
///
/// Whatever is opened on the current spawner meanwhile runs there. It does not move the code that calls it: use
/// [`block_on`](super::block_on) or the executor's own functions for that.
///
/// # Examples
///
/// ```
/// use ingather::spawner::{SpawnerHandle, current_spawner, enter, from_fn};
///
/// let threads = SpawnerHandle::new(from_fn(|job| {
///     std::thread::spawn(|| futures::executor::block_on(job));
///     Ok(())
/// }));
/// {
///     let _guard = enter(&threads);
///     assert!(current_spawner().same_as(&threads));
/// }
/// assert!(!current_spawner().same_as(&threads));
/// ```
pub fn enter<S: Spawner + Clone + 'static>(spawner: &S) -> EnterGuard {
    push(SpawnerHandle::of(spawner), false)
}

/// Makes a spawner the current one of a thread that runs its jobs meanwhile: drivers do it around each poll.
pub(crate) fn enter_running(spawner: &SpawnerHandle) -> EnterGuard {
    // The usual case on a worker thread. It leaves the handle's count alone, which all workers share.
    if is_running_on(spawner) {
        return EnterGuard::without_entry();
    }
    push(spawner.clone(), true)
}

/// Makes a spawner the current one of this thread, and says whether the thread runs its jobs, as far as anybody knows: the
/// spawner says so, or a job of ours does. The owners of scopes do it around each poll.
pub(crate) fn arrive(spawner: &SpawnerHandle) -> (bool, EnterGuard) {
    let entered = look_at_last(|last| last.spawner.same_as(spawner).then_some(last.running));
    let entered = entered.flatten();
    let running = entered == Some(true) || spawner.is_current();
    if entered == Some(running) {
        return (running, EnterGuard::without_entry());
    }
    (running, push(spawner.clone(), running))
}

/// Makes a spawner the current one of this thread, like [`enter`]: the handle itself goes on the stack, unless it is there
/// already, and comes back when the guard is dropped. For those who do this so often that its count would be felt.
pub(crate) fn lend(spawner: &mut Option<SpawnerHandle>) -> Lent<'_> {
    let pushed = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        let is_current = |last: &Entry| {
            spawner
                .as_ref()
                .is_some_and(|lent| lent.same_as(&last.spawner))
        };
        if stack.entries.last().is_some_and(is_current) {
            return 0;
        }
        spawner
            .take()
            .map_or(0, |spawner| stack.push(spawner, false))
    });
    Lent {
        home: spawner,
        // As for `push`: where the thread is ending nothing can find it.
        guard: EnterGuard::of(pushed.unwrap_or(0)),
    }
}

/// Whether this thread may wait for jobs of a spawner, and of the one that is current here. `None` is a group that needs
/// none.
#[track_caller]
pub(crate) fn may_wait_for(spawner: Option<&SpawnerHandle>) -> bool {
    let here = try_current_spawner();
    spawner.into_iter().chain(&here).all(Spawner::may_block)
}

/// Whether a spawner is the one that was made current on this thread last.
pub(crate) fn is_entered(spawner: &WeakHandle) -> bool {
    is_last(|last| spawner.is(&last.spawner))
}

/// Whether this thread runs the jobs of a spawner right now, judged by the current entry alone.
pub(super) fn is_running_on(spawner: &SpawnerHandle) -> bool {
    is_last(|last| last.running && last.spawner.same_as(spawner))
}

/// The spawner on which a scope is opened when none is named.
///
/// The first that there is of these:
///
/// 1. the one on which this child or body runs, or that was made current with [`enter`];
/// 2. with the feature `tokio`, the runtime that this thread is in: in a task of tokio's children run on its runtime;
/// 3. the one set with [`set_global_spawner`](super::set_global_spawner);
/// 4. the embedded default.
///
/// No other executor says that it polls this code: in a task of smol's, name the spawner or `enter` it.
///
/// # Panics
///
/// If there is none: nothing was entered or set, and the feature `async-executor`, which brings the embedded default,
/// is off. [`try_current_spawner`] gives `None` instead. Also if the embedded default is chosen and the environment
/// variable `INGATHER_THREADS` is set to something other than a number from 1 up.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use ingather::spawner::current_spawner;
/// use ingather::Spawner;
///
/// let (sender, receiver) = mpsc::channel();
/// current_spawner().spawn(Box::pin(async move { sender.send("hello").unwrap() }))?;
/// assert_eq!(receiver.recv(), Ok("hello"));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
#[track_caller]
pub fn current_spawner() -> SpawnerHandle {
    match try_current_spawner() {
        Some(spawner) => spawner,
        None => panic!(
            "there is no current spawner: name one, `enter` one, set one for the whole program with \
             `set_global_spawner`, or turn on the feature `async-executor` of ingather, which brings a default"
        ),
    }
}

/// The spawner on which a scope is opened when none is named, if there is one.
///
/// See [`current_spawner`] for the order. With the feature `async-executor` there always is one.
///
/// # Panics
///
/// If the embedded default is chosen and the environment variable `INGATHER_THREADS` is set to something other than a
/// number from 1 up.
///
/// # Examples
///
/// ```
/// use ingather::spawner::{enter, from_fn, try_current_spawner};
///
/// let _guard = enter(&from_fn(|job| {
///     std::thread::spawn(|| futures::executor::block_on(job));
///     Ok(())
/// }));
/// assert!(try_current_spawner().is_some());
/// ```
#[track_caller]
pub fn try_current_spawner() -> Option<SpawnerHandle> {
    // Plain calls, so that a panic about the default points at the caller.
    if let Some(spawner) = named() {
        return Some(spawner);
    }
    if let Some(spawner) = instead_of_default() {
        return Some(spawner);
    }
    default_spawner::default_handle()
}

/// The spawner of the last entry.
fn entered() -> Option<SpawnerHandle> {
    look_at_last(|last| last.spawner.clone())
}

/// The spawner whose jobs this thread runs right now, judged by the last entry.
pub(super) fn running() -> Option<SpawnerHandle> {
    look_at_last(|last| last.running.then(|| last.spawner.clone())).flatten()
}

/// What is current if it is not the default: the spawner that was entered here, the runtime that this thread is in, or the
/// spawner that was set for the whole program.
pub(crate) fn named() -> Option<SpawnerHandle> {
    entered()
        .or_else(runtime::here)
        .or_else(global::global_spawner)
}

/// The clock of the spawner that was entered here or set for the whole program, if it has one of its own.
pub(crate) fn clock_of_current() -> Option<ClockHandle> {
    entered().or_else(global::global_spawner)?.clock()
}

/// The clock of the runtime that this thread is in.
pub(crate) fn clock_of_runtime() -> Option<ClockHandle> {
    runtime::here()?.clock()
}

fn is_last(test: impl FnOnce(&Entry) -> bool) -> bool {
    look_at_last(test).unwrap_or(false)
}

fn look_at_last<R>(look: impl FnOnce(&Entry) -> R) -> Option<R> {
    STACK
        .try_with(|stack| stack.borrow().entries.last().map(look))
        .ok()
        .flatten()
}

/// Does the spawner of the last entry say that the turn is over?
fn is_turn_over() -> bool {
    entered().is_some_and(|spawner| spawner.should_yield())
}

fn push(spawner: SpawnerHandle, running: bool) -> EnterGuard {
    turn::provide(is_turn_over);
    let pushed = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.push(spawner, running)
    });
    // If not, the thread is ending and its variables are gone. Nothing that looks for a current spawner can find one.
    EnterGuard::of(pushed.unwrap_or(0))
}

/// Keeps a spawner current on this thread; made by [`enter`].
///
/// Dropping it makes the spawner that was current before current again. Guards are best dropped in the reverse order
/// of their making; in any other order the one made last among those alive decides.
///
/// A guard belongs to its thread and cannot be sent to another. **Do not hold it across an `.await`**: whatever else
/// the executor polls on this thread meanwhile would find this spawner current.
#[must_use = "the spawner is current only as long as the guard lives: bind it to a name such as `_guard`"]
pub struct EnterGuard {
    /// The entry to take off; 0 is none.
    id: u64,
    not_send: PhantomData<*mut ()>,
}

impl EnterGuard {
    fn of(id: u64) -> Self {
        Self {
            id,
            not_send: PhantomData,
        }
    }

    fn without_entry() -> Self {
        Self::of(0)
    }

    /// Takes the entry off.
    #[inline]
    fn leave(&mut self) -> Option<SpawnerHandle> {
        let id = mem::take(&mut self.id);
        if id == 0 {
            return None;
        }
        let entry = STACK.try_with(|stack| {
            let entries = &mut stack.borrow_mut().entries;
            if entries.last()?.id == id {
                return entries.pop();
            }
            let index = entries.iter().rposition(|entry| entry.id == id)?;
            Some(entries.remove(index))
        });
        entry.ok().flatten().map(|entry| entry.spawner)
    }
}

impl Drop for EnterGuard {
    fn drop(&mut self) {
        // Out of the borrow: the last handle to a spawner drops it, and that is user code (invariant 3).
        mem::drop(self.leave());
    }
}

/// Keeps a spawner current that was lent; made by [`lend`].
#[must_use = "the spawner is current only as long as this lives"]
pub(crate) struct Lent<'a> {
    home: &'a mut Option<SpawnerHandle>,
    guard: EnterGuard,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(spawner) = self.guard.leave() {
            *self.home = Some(spawner);
        }
    }
}

shows!([] EnterGuard, ..);

#[cfg(test)]
mod tests;
