//! The spawner of this thread: a stack of entries, each taken off by the guard that put it there.
//!
//! Invariants:
//!
//! 1. The last entry of the stack is the current one.
//! 2. An entry is on the stack exactly as long as its guard lives, in whatever order guards are dropped, except that
//!    a forgotten guard leaves its entry for the life of the thread.
//! 3. No user code runs while the stack is borrowed: handles are dropped afterwards.
//! 4. The entry of a local spawner counts for the clock alone: for all else the current one is the last of the others.
//!
//! - `tests`: the stack of entries, and hostile spawners on it

use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem;
use std::rc::Rc;

use super::{
    LocalSpawner, Spawner, SpawnerHandle, WeakHandle, default_spawner, global, instead_of_default,
    runtime,
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
    fn push(&mut self, who: Who) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.entries.push(Entry { id, who });
        id
    }

    /// The last entry of a spawner that is not a local one.
    fn last(&self) -> Option<&Who> {
        let mut last = self.entries.iter().rev().map(|entry| &entry.who);
        last.find(|who| who.spawner().is_some())
    }
}

struct Entry {
    id: u64,
    who: Who,
}

enum Who {
    /// The code under this entry may run anywhere.
    Entered(SpawnerHandle),
    /// The code under this entry runs in a job of the spawner, or where its jobs run.
    Running(SpawnerHandle),
    /// The code under this entry is polled for a group of a local spawner.
    Local(Rc<dyn LocalSpawner>),
    /// The thread is blocked by the code under this entry, and all local spawners with it.
    Blocked,
}

impl Who {
    #[inline]
    fn new(spawner: SpawnerHandle, running: bool) -> Self {
        if running {
            Self::Running(spawner)
        } else {
            Self::Entered(spawner)
        }
    }

    #[inline]
    fn spawner(&self) -> Option<&SpawnerHandle> {
        match self {
            Self::Entered(spawner) | Self::Running(spawner) => Some(spawner),
            Self::Local(_) | Self::Blocked => None,
        }
    }

    #[inline]
    fn is(&self, spawner: &SpawnerHandle) -> bool {
        self.spawner().is_some_and(|own| own.same_as(spawner))
    }

    #[inline]
    fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }
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
    if look_at_top(|top| top.is_running() && top.is(spawner)) == Some(true) {
        return EnterGuard::without_entry();
    }
    push(spawner.clone(), true)
}

/// Makes a spawner the current one of this thread, and says whether the thread runs its jobs, as far as anybody knows: the
/// spawner says so, or a job of ours does. The owners of scopes do it around each poll.
pub(crate) fn arrive(spawner: &SpawnerHandle) -> (bool, EnterGuard) {
    let entered = look_at_top(|top| top.is(spawner).then_some(top.is_running()));
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
        let is_current = |top: &Entry| spawner.as_ref().is_some_and(|lent| top.who.is(lent));
        if stack.entries.last().is_some_and(is_current) {
            return 0;
        }
        spawner
            .take()
            .map_or(0, |spawner| stack.push(Who::Entered(spawner)))
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
    look_at_last(|last| last.spawner().is_some_and(|last| spawner.is(last))) == Some(true)
}

/// Whether this thread runs the jobs of a spawner right now, judged by the current entry alone.
pub(super) fn is_running_on(spawner: &SpawnerHandle) -> bool {
    look_at_last(|last| last.is_running() && last.is(spawner)) == Some(true)
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
#[inline(never)]
fn entered() -> Option<SpawnerHandle> {
    look_at_last(|last| last.spawner().cloned()).flatten()
}

/// The spawner whose jobs this thread runs right now, judged by the last entry.
pub(super) fn running() -> Option<SpawnerHandle> {
    look_at_last(|last| last.spawner().filter(|_| last.is_running()).cloned()).flatten()
}

/// What is current if it is not the default: the spawner that was entered here, the runtime that this thread is in, or the
/// spawner that was set for the whole program.
pub(crate) fn named() -> Option<SpawnerHandle> {
    entered()
        .or_else(runtime::here)
        .or_else(global::global_spawner)
}

/// Makes the clock of a local spawner the current one, if it names one: drivers and owners of its groups do it around each poll.
pub(crate) fn enter_local(spawner: &Rc<dyn LocalSpawner>) -> EnterGuard {
    put(Who::Local(Rc::clone(spawner)))
}

/// Has the clocks of local spawners count for nothing as long as the guard lives: they stand still while this thread is blocked.
#[inline]
pub(crate) fn hide_local() -> Option<EnterGuard> {
    (look_at_top(|top| matches!(top, Who::Local(_))) == Some(true)).then(|| put(Who::Blocked))
}

/// The clock of the spawner that was entered here or set for the whole program, if it has one of its own, and before that of the
/// local spawners that are in front of it here.
pub(crate) fn clock_of_current() -> Option<ClockHandle> {
    clock_of_local().or_else(|| entered().or_else(global::global_spawner)?.clock())
}

#[cold]
#[inline(never)]
fn clock_of_local() -> Option<ClockHandle> {
    let mut above = 0;
    loop {
        let clock = local_below(above)?.clock();
        if clock.is_some() {
            return clock;
        }
        above += 1;
    }
}

/// The local spawner with so many entries above it, all of local spawners. It is asked out of the borrow.
fn local_below(above: usize) -> Option<Rc<dyn LocalSpawner>> {
    let local = STACK.try_with(|stack| {
        let stack = stack.borrow();
        match &stack.entries.iter().nth_back(above)?.who {
            Who::Local(spawner) => Some(Rc::clone(spawner)),
            _ => None,
        }
    });
    local.ok().flatten()
}

/// The clock of the runtime that this thread is in.
pub(crate) fn clock_of_runtime() -> Option<ClockHandle> {
    runtime::here()?.clock()
}

/// Looks at the last entry, one of a local spawner too.
fn look_at_top<R>(look: impl FnOnce(&Who) -> R) -> Option<R> {
    STACK
        .try_with(|stack| Some(look(&stack.borrow().entries.last()?.who)))
        .ok()
        .flatten()
}

/// Looks at the last entry but for those of local spawners.
fn look_at_last<R>(look: impl FnOnce(&Who) -> R) -> Option<R> {
    STACK
        .try_with(|stack| stack.borrow().last().map(look))
        .ok()
        .flatten()
}

/// Does the spawner of the last entry say that the turn is over?
fn is_turn_over() -> bool {
    entered().is_some_and(|spawner| spawner.should_yield())
}

fn push(spawner: SpawnerHandle, running: bool) -> EnterGuard {
    turn::provide(is_turn_over);
    put(Who::new(spawner, running))
}

fn put(who: Who) -> EnterGuard {
    let pushed = STACK.try_with(|stack| stack.borrow_mut().push(who));
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
    fn leave(&mut self) -> Option<Who> {
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
        entry.ok().flatten().map(|entry| entry.who)
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
        if let Some(Who::Entered(spawner)) = self.guard.leave() {
            *self.home = Some(spawner);
        }
    }
}

shows!([] EnterGuard, ..);

#[cfg(test)]
mod tests;
