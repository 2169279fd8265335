//! `FairLock`: one owner at a time, first come first served, for threads and tasks, and again for the owner.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::owner::{Claim, Owner};
use crate::blocked::{note, park_until_ready, park_until_ready_or};
use crate::error::KeyId;
use crate::error::unhandled::wake_quietly;
use crate::limiter::{Line, Lined, Standing, Ticket, locked};
use crate::shows::shows;

/// A lock that threads and tasks take in the order in which they came, and that its owner can take again.
///
/// The owner is the child of a group, or the body of a scope, that took it, or a thread outside of all groups. It may take
/// the lock any number of times, and others have it when the last guard is gone. Outside of all groups async code cannot be
/// told from other async code: it is no owner, and a second [`lock`](Self::lock) waits for the first. The futures that one
/// child joins by itself are one owner.
///
/// A guard can be held across an `.await`, sent to another thread, into [`to_thread`](crate::to_thread) say, and dropped there.
/// Since there may be several, none gives `&mut T` for as long as it lives: [`FairGuard::with`] does for one call.
///
/// A panic of somebody who holds it does not poison it, unless it was made by [`poisoning`](Self::poisoning).
///
/// It differs from `std::sync::Mutex` and `async_lock::Mutex` in its order, which no newcomer jumps, in its two faces, and in that
/// it can be taken again. Where none of this is needed those are faster. Dropping it drops the value.
///
/// # Examples
///
/// ```
/// use ingather::threads::FairLock;
/// use ingather::{block_on, scope};
///
/// static TOTAL: FairLock<u32> = FairLock::new(0);
///
/// block_on(scope(|tg| async move {
///     tg.spawn(async {
///         let total = TOTAL.lock().await;
///         let again = TOTAL.lock().await;
///         again.with(|n| *n += 1);
///         total.with(|n| *n += 1);
///     });
/// }));
/// assert_eq!(TOTAL.lock_blocking().get(), 2);
/// ```
pub struct FairLock<T> {
    state: Mutex<State>,
    /// For the calls of `with`, which the owner makes one after the other.
    value: Mutex<T>,
    poisons: bool,
}

/// Somebody waits only if somebody holds it.
struct State {
    /// How many guards there are.
    guards: usize,
    /// Of the owner, from the first guard on.
    held: Option<Claim>,
    poisoned: bool,
    line: Line<Claim>,
    /// Those in line who are of a task. A thread stands there once.
    tasks: BTreeSet<(KeyId, Ticket)>,
}

impl<T> FairLock<T> {
    /// A lock that a panic does not poison.
    pub const fn new(value: T) -> Self {
        Self::with_poison(value, false)
    }

    /// A lock that is poisoned if a guard is dropped by a panic: taking it panics then, until
    /// [`clear_poison`](Self::clear_poison) is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// use ingather::threads::FairLock;
    ///
    /// static HALF_DONE: FairLock<u32> = FairLock::poisoning(0);
    ///
    /// let _ = catch_unwind(|| {
    ///     let guard = HALF_DONE.lock_blocking();
    ///     guard.with(|n| *n = 1);
    ///     panic!("half-way");
    /// });
    /// assert!(HALF_DONE.is_poisoned());
    /// HALF_DONE.clear_poison();
    /// assert_eq!(HALF_DONE.lock_blocking().get(), 1);
    /// ```
    pub const fn poisoning(value: T) -> Self {
        Self::with_poison(value, true)
    }

    const fn with_poison(value: T, poisons: bool) -> Self {
        Self {
            state: Mutex::new(State {
                guards: 0,
                held: None,
                poisoned: false,
                line: Line::new(),
                tasks: BTreeSet::new(),
            }),
            value: Mutex::new(value),
            poisons,
        }
    }

    /// Waits for the lock.
    ///
    /// Dropped, the future leaves the line.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped after its turn has come passes the lock on to the next.
    ///
    /// # Panics
    ///
    /// The future panics if the lock is poisoned.
    #[track_caller]
    pub fn lock(&self) -> Locking<'_, T> {
        Locking {
            lock: self,
            at: Location::caller(),
            blocks: false,
            standing: Standing::Outside,
        }
    }

    /// Blocks this thread until it has the lock.
    ///
    /// # Panics
    ///
    /// If the lock is poisoned.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::FairLock;
    ///
    /// let lock = FairLock::new(String::from("a"));
    /// lock.lock_blocking().with(|text| text.push('b'));
    /// assert_eq!(lock.into_inner(), "ab");
    /// ```
    #[track_caller]
    pub fn lock_blocking(&self) -> FairGuard<'_, T> {
        park_until_ready(self.lock_from_thread())
    }

    /// Blocks this thread until it has the lock, but no longer than so long. `None`: the time is up, and it has left the line.
    ///
    /// # Panics
    ///
    /// If the lock is poisoned.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use std::time::Duration;
    /// use ingather::threads::FairLock;
    ///
    /// let lock = FairLock::new(());
    /// let _guard = lock.lock_blocking();
    /// thread::scope(|s| {
    ///     s.spawn(|| assert!(lock.lock_timeout(Duration::from_millis(1)).is_none()));
    /// });
    /// ```
    #[track_caller]
    pub fn lock_timeout(&self, limit: Duration) -> Option<FairGuard<'_, T>> {
        park_until_ready_or(self.lock_from_thread(), Instant::now().checked_add(limit))
    }

    #[track_caller]
    fn lock_from_thread(&self) -> Locking<'_, T> {
        Locking {
            blocks: true,
            ..self.lock()
        }
    }

    /// The lock, if it is free or this task or thread has it. Never blocks.
    ///
    /// # Panics
    ///
    /// If the lock is poisoned.
    #[track_caller]
    pub fn try_lock(&self) -> Option<FairGuard<'_, T>> {
        let claim = Claim::new(Some(Owner::of_thread()), Location::caller());
        let taken = self.state().take(claim);
        taken.then(|| self.guard())
    }

    /// Was a guard dropped by a panic, of a lock that minds?
    pub fn is_poisoned(&self) -> bool {
        self.state().poisoned
    }

    /// Says that the value is in order again.
    pub fn clear_poison(&self) {
        self.state().poisoned = false;
    }

    /// How many wait for the lock.
    pub fn waiting(&self) -> usize {
        self.state().line.len()
    }

    /// The value, whether or not the lock is poisoned.
    pub fn into_inner(self) -> T {
        self.value
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, whether or not the lock is poisoned. There is nobody else who could have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Who has it, in words.
    fn held_by(&self) -> String {
        let held = self.state().held;
        held.map_or_else(|| "nobody holds".into(), |held| format!("is held {held}"))
    }

    /// The guard of somebody who has the lock. It passes the lock on if this panics.
    fn guard(&self) -> FairGuard<'_, T> {
        let mut guard = FairGuard {
            lock: self,
            was_panicking: thread::panicking(),
        };
        if self.poisons && self.is_poisoned() {
            // What it says of panics when it is dropped is not about this one.
            guard.was_panicking = true;
            panic!(
                "a panic of somebody who held this lock has poisoned it: repair the value and call `clear_poison`"
            );
        }
        guard
    }

    /// One guard is gone; after the last one the first in line has the lock.
    fn let_go(&self, by_panic: bool) {
        let (first, others) = {
            let mut state = self.state();
            state.poisoned |= by_panic && self.poisons;
            state.guards -= 1;
            if state.guards > 0 {
                return;
            }
            state.pass_on()
        };
        first.into_iter().chain(others).for_each(|waker| {
            wake_quietly(waker);
        });
    }
}

impl State {
    /// Is it held by the same owner?
    fn is_held_by(&self, claim: Claim) -> bool {
        self.held.is_some_and(|held| held.is_of_the_same(claim))
    }

    /// Gives the lock to the first in line, and to all futures of the same task, which may take it again: their wakers.
    fn pass_on(&mut self) -> (Option<Waker>, Vec<Waker>) {
        let Some((ticket, waker, claim)) = self.line.serve() else {
            debug_assert!(self.tasks.is_empty(), "nobody waits");
            self.held = None;
            return (None, Vec::new());
        };
        self.held = Some(claim);
        self.went(ticket, claim);
        let mut others = Vec::new();
        if let Some(task) = claim.task() {
            let theirs = (task, Ticket::MIN)..=(task, Ticket::MAX);
            while let Some(one) = self.tasks.range(theirs.clone()).next().copied() {
                self.tasks.remove(&one);
                others.extend(self.line.leave(one.1).map(|(waker, _)| waker));
            }
        }
        self.guards = 1 + others.len();
        (Some(waker), others)
    }
}

impl Lined for State {
    type Who = Claim;

    fn was_ready() -> ! {
        panic!("the future of a lock was polled after it was ready")
    }

    fn line(&mut self) -> &mut Line<Claim> {
        &mut self.line
    }

    /// Takes the lock if it is free, or again.
    fn take(&mut self, claim: Claim) -> bool {
        if self.guards == 0 {
            self.held = Some(claim);
        } else if !self.is_held_by(claim) {
            return false;
        }
        self.guards += 1;
        true
    }

    /// Another future of the same task may have it by now.
    fn take_early(&mut self, claim: Claim) -> bool {
        let is_ours = self.is_held_by(claim);
        self.guards += usize::from(is_ours);
        is_ours
    }

    fn came(&mut self, ticket: Ticket, claim: Claim) {
        self.tasks.extend(claim.task().map(|task| (task, ticket)));
    }

    fn went(&mut self, ticket: Ticket, claim: Claim) {
        if let Some(task) = claim.task() {
            self.tasks.remove(&(task, ticket));
        }
    }
}

/// The future of [`FairLock::lock`].
#[must_use = "a lock is waited for only if this is awaited"]
pub struct Locking<'a, T> {
    lock: &'a FairLock<T>,
    /// The call that asks for it.
    at: &'static Location<'static>,
    /// Does a thread wait, and not a task?
    blocks: bool,
    standing: Standing,
}

impl<'a, T> Future for Locking<'a, T> {
    type Output = FairGuard<'a, T>;

    /// # Panics
    ///
    /// If it is polled again after it was ready, and if the lock is poisoned.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<FairGuard<'a, T>> {
        let this = &mut *self;
        let owner = if this.blocks {
            Some(Owner::of_thread())
        } else {
            Owner::of_task()
        };
        let claim = Claim::new(owner, this.at);
        let served = this.standing.poll(&this.lock.state, claim, cx);
        if served.is_pending() {
            note(|| format!("a lock, asked for {claim}, that {}", this.lock.held_by()));
        }
        served.map(|()| this.lock.guard())
    }
}

impl<T> Drop for Locking<'_, T> {
    fn drop(&mut self) {
        if self.standing.leave(&self.lock.state) {
            self.lock.let_go(false);
        }
    }
}

/// Has a [`FairLock`] until it is dropped; made by [`lock`](FairLock::lock) and its relatives.
///
/// # Examples
///
/// ```
/// use ingather::threads::FairLock;
///
/// let lock = FairLock::new(1);
/// let guard = lock.lock_blocking();
/// assert_eq!(guard.with(|n| *n + 1), 2);
/// assert_eq!(guard.set(5), 1);
/// assert_eq!(guard.get(), 5);
/// ```
#[must_use = "the lock is held only as long as its guard: bind it to a name such as `_guard`"]
pub struct FairGuard<'a, T> {
    lock: &'a FairLock<T>,
    /// Was it made while its thread was panicking already?
    was_panicking: bool,
}

impl<T> FairGuard<'_, T> {
    /// Calls a function with the value.
    ///
    /// # Panics
    ///
    /// If the value is in use by another guard of the same owner: further out on this stack, or on a thread that a guard was
    /// sent to.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut value = match self.lock.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(value)) => value.into_inner(),
            Err(TryLockError::WouldBlock) => panic!(
                "the value of a lock is in use by another guard of its owner: do not nest calls of `with`"
            ),
        };
        f(&mut value)
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(|value| value.clone())
    }

    /// Puts another value there, and gives the one that was there before.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn set(&self, value: T) -> T {
        self.with(|place| std::mem::replace(place, value))
    }
}

impl<T> Drop for FairGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.let_go(thread::panicking() && !self.was_panicking);
    }
}

impl<T: Default> Default for FairLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for FairLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("FairLock");
        let state = self.state.try_lock().ok();
        let seen = state.map(|state| {
            let held = state.held.filter(|_| state.guards > 0);
            let line: Vec<_> = state.line.remarks().map(Claim::to_string).collect();
            (state.guards, held, line, state.poisoned)
        });
        if let Some((guards, held, line, poisoned)) = seen {
            out.field("guards", &guards)
                .field("held", &held.map(|held| held.to_string()))
                .field("waiting", &line)
                .field("poisoned", &poisoned);
        }
        out.finish_non_exhaustive()
    }
}

shows!([T] Locking<'_, T>, this => (this.standing));

shows!([T] FairGuard<'_, T>, ..);
