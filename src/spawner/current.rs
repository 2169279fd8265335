//! The spawner of this thread: a stack of entries, each taken off by the guard that put it there.
//!
//! Invariants:
//!
//! 1. The last entry of the stack is the current one.
//! 2. An entry is on the stack exactly as long as its guard lives, in whatever order guards are dropped, except that
//!    a forgotten guard leaves its entry for the life of the thread.
//! 3. No user code runs while the stack is borrowed: handles are dropped afterwards.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;

use super::{Spawner, SpawnerHandle, default_spawner, global};
use crate::std_or_loom::per_thread;
use crate::time::{self, ClockHandle};
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
/// use ingather::{current_spawner, enter, SpawnerHandle, from_fn};
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
pub(crate) fn is_entered(spawner: &SpawnerHandle) -> bool {
    is_last(|last| last.spawner.same_as(spawner))
}

/// Whether this thread runs the jobs of a spawner right now, judged by the current entry alone.
pub(super) fn is_running_on(spawner: &SpawnerHandle) -> bool {
    is_last(|last| last.running && last.spawner.same_as(spawner))
}

/// The spawner on which a scope is opened when none is named.
///
/// It is the one on which this code runs or that was made current with [`enter`], else the one set with
/// [`set_global_spawner`](super::set_global_spawner), else the embedded default. This crate cannot see which executor
/// polls a future that it did not spawn: in a tokio or smol task, name the spawner or `enter` it.
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
/// use ingather::{Spawner, current_spawner};
///
/// let (sender, receiver) = mpsc::channel();
/// current_spawner().spawn(Box::pin(async move { sender.send("hello").unwrap() }))?;
/// assert_eq!(receiver.recv(), Ok("hello"));
/// # Ok::<(), ingather::SpawnError>(())
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
/// use ingather::{enter, from_fn, try_current_spawner};
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
    if let Some(spawner) = entered() {
        return Some(spawner);
    }
    if let Some(spawner) = global::global_spawner() {
        return Some(spawner);
    }
    default_spawner::default_handle()
}

/// The spawner of the last entry.
fn entered() -> Option<SpawnerHandle> {
    look_at_last(|last| last.spawner.clone())
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

/// The clock of the current spawner, if it has one of its own.
fn clock_of_current() -> Option<ClockHandle> {
    entered().or_else(global::global_spawner)?.clock()
}

/// Says to those who wait where to find the clock. Once there is a spawner that might have one.
pub(super) fn tell_clock() {
    time::provide(clock_of_current);
}

/// Does the spawner of the last entry say that the turn is over?
fn is_turn_over() -> bool {
    entered().is_some_and(|spawner| spawner.should_yield())
}

fn push(spawner: SpawnerHandle, running: bool) -> EnterGuard {
    tell_clock();
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

impl fmt::Debug for EnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawner::{Job, SpawnError, from_fn};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn refusing() -> SpawnerHandle {
        SpawnerHandle::new(from_fn(|_| Err(SpawnError::shut_down())))
    }

    fn is_current(spawner: &SpawnerHandle) -> bool {
        entered().is_some_and(|current| current.same_as(spawner))
    }

    #[test]
    fn entries_nest() {
        let (outer, inner) = (refusing(), refusing());
        assert!(entered().is_none());
        {
            let _outer = enter(&outer);
            assert!(is_current(&outer));
            {
                let _inner = enter(&inner);
                assert!(is_current(&inner));
                assert!(current_spawner().same_as(&inner));
            }
            assert!(is_current(&outer));
        }
        assert!(entered().is_none());
    }

    #[test]
    fn the_last_guard_alive_decides_in_any_order_of_drops() {
        let spawners = [refusing(), refusing(), refusing()];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut guards = spawners.each_ref().map(|spawner| Some(enter(spawner)));
            for index in order {
                guards[index] = None;
                match guards.iter().rposition(Option::is_some) {
                    Some(last) => assert!(is_current(&spawners[last]), "{order:?}"),
                    None => assert!(entered().is_none(), "{order:?}"),
                }
            }
        }
    }

    #[test]
    fn a_thread_has_entries_of_its_own() {
        let spawner = refusing();
        let _guard = enter(&spawner);
        std::thread::spawn(|| assert!(entered().is_none()))
            .join()
            .unwrap();
    }

    #[test]
    fn what_is_lent_comes_back() {
        let (outer, lent) = (refusing(), refusing());
        let mut home = Some(lent.clone());
        let _outer = enter(&outer);
        {
            let _lent = lend(&mut home);
            assert!(is_current(&lent));
            let _inner = enter(&outer);
            assert!(is_current(&outer));
        }
        assert!(is_current(&outer) && home.as_ref().is_some_and(|home| home.same_as(&lent)));
        // One that is current already stays at home, and so it does beside a guard that goes first.
        let guard = enter(&lent);
        let still = lend(&mut home);
        drop(guard);
        assert!(is_current(&outer));
        drop(still);
        assert!(home.is_some());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _lent = lend(&mut home);
            assert!(is_current(&lent));
            panic!("on purpose");
        }));
        assert!(caught.is_err() && is_current(&outer));
        assert!(home.is_some_and(|home| home.same_as(&lent)));
    }

    #[test]
    fn a_panic_takes_the_entry_off() {
        let spawner = refusing();
        let caught = std::panic::catch_unwind(|| {
            let _guard = enter(&spawner);
            panic!("on purpose");
        });
        assert!(caught.is_err());
        assert!(entered().is_none());
    }

    #[test]
    fn a_spawner_is_here_where_its_jobs_run() {
        let (spawner, other) = (refusing(), refusing());
        assert!(!spawner.is_here());
        let (is_here, _owner) = arrive(&spawner);
        assert!(is_current(&spawner) && !is_here && !spawner.is_here());
        {
            let _job = enter_running(&spawner);
            assert!(spawner.is_here() && !other.is_here());
            {
                let _again = enter_running(&spawner);
                assert!(spawner.is_here() && arrive(&spawner).0);
            }
            assert!(spawner.is_here());
            {
                let _entered = enter(&other);
                assert!(!spawner.is_here() && !other.is_here());
            }
            assert!(spawner.is_here());
        }
        assert!(is_current(&spawner) && !spawner.is_here());
    }

    #[test]
    fn a_spawner_that_says_so_is_here() {
        struct Here;
        impl Spawner for Here {
            fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
                Ok(())
            }
            fn is_current(&self) -> bool {
                true
            }
        }
        let here = SpawnerHandle::new(Here);
        assert!(here.is_here() && arrive(&here).0);
    }

    /// Looks for the current spawner in its destructor, and counts itself.
    #[derive(Clone)]
    struct Curious(Arc<AtomicUsize>);

    impl Spawner for Curious {
        fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
            Ok(())
        }
    }

    impl Drop for Curious {
        fn drop(&mut self) {
            let _ = try_current_spawner();
            let _guard = enter(&refusing());
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_spawner_may_use_the_stack_while_it_is_dropped() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let guard = enter(&Curious(Arc::clone(&dropped)));
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        drop(guard);
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn the_stack_may_be_gone_before_a_guard() {
        thread_local! {
            static LAST: RefCell<Vec<EnterGuard>> = const { RefCell::new(Vec::new()) };
            static LATE: RefCell<Option<Curious>> = const { RefCell::new(None) };
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let late = Curious(Arc::clone(&dropped));
        std::thread::spawn(move || {
            // Whatever order the platform destroys these in, none of them may panic.
            LATE.set(Some(late));
            LAST.with_borrow_mut(|guards| guards.push(enter(&refusing())));
        })
        .join()
        .unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }
}
