//! `Scope`: the handle through which children are started and their results read.
//!
//! - `spawn`: starting children
//! - `child_options`, `child_spawns`: how one differs from most, and starting it
//! - `spawn_when_free`: starting one when there is a slot
//! - `slot`: taking a slot first
//! - `control`: cancelling, closing, deadlines, and what the group tells of itself
//! - `output_policy`: what a child is made of
//! - `in_hand`: children that were made of calls which had been polled before
//! - `key`: [`Key`]
//! - `start`: children that say when they are ready
//! - `require`: a value, or the end of what awaits it
//! - `early`: how such a child ends that had not started
//! - `pending_start`: where the code of a child runs that may not have started

mod child_options;
mod child_spawns;
mod control;
mod early;
mod require;
mod slot;
mod spawn;
mod spawn_when_free;

pub(in crate::group) mod in_hand;
pub(in crate::group) mod key;
pub(in crate::group) mod output_policy;
pub(in crate::group) mod pending_start;
pub(in crate::group) mod start;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

pub use self::child_options::{ChildOptions, Observed, Plain, Supervised};
use self::key::{Key, TakeError};
pub use self::require::{Cause, KeyValue, Require};
pub use self::slot::NextSlot;
pub use self::spawn_when_free::SpawnWhenFree;
use crate::error::GatherIncomplete;
use crate::group::cell::{CellOptions, Claiming, MembersOf, NewCell, OnThread, OutputPolicy};
use crate::group::engine::core::Core;
use crate::group::engine::kind::{Kind, Shared};
use crate::group::queues::wait_list::Ticket;
use crate::group::sched::Sched;
use crate::group::sched::effects::Effects;
use crate::token::CancelReason;

/// A handle on a group: it starts children, reads results, cancels.
///
/// The body of a [`scope`](crate::scope) gets one by value, and a [`GatherGroup`](crate::GatherGroup) dereferences to
/// one. Clones are handles on the same group, so children can hold one and start siblings. A handle does not keep its
/// group open: once that is closed, spawning gives keys that read
/// [`Cancelled`](GatherIncomplete::Cancelled)`(Closed)`.
///
/// `E` is what children that can fail fail with, see [`try_spawn`](Self::try_spawn). `K` says whether children have to
/// be [`Send`]: they do for [`Shared`], the usual kind; they need not for [`Local`](crate::kind::Local).
///
/// # Examples
///
/// ```
/// use ingather::{block_on, scope};
///
/// let total = block_on(scope(|tg| async move {
///     let inner = tg.clone();
///     let key = tg.spawn(async move {
///         // A child starts a sibling.
///         let sibling = inner.start_soon(|| async { 20 });
///         sibling.await.unwrap() + 1
///     });
///     key.await.unwrap()
/// }));
/// assert_eq!(total, 21);
/// ```
pub struct Scope<'env, E = Infallible, K: Kind = Shared> {
    pub(super) members: MembersOf<E, K::Home>,
    pub(super) home: K::Home,
    env: PhantomData<fn(&'env ()) -> &'env ()>,
}

impl<E, K: Kind> Clone for Scope<'_, E, K> {
    fn clone(&self) -> Self {
        Self::new(self.members.clone(), self.home.clone())
    }
}

/// A child that was not taken, and why.
type Refused<F, S> = (NewCell<F, S>, u64, CancelReason);

impl<'env, E, K: Kind> Scope<'env, E, K> {
    pub(super) fn new(members: MembersOf<E, K::Home>, home: K::Home) -> Self {
        Self {
            members,
            home,
            env: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.members.core()
    }

    /// This is a thread on which the children are at home.
    #[inline]
    pub(crate) fn on_thread(&self) -> OnThread<'_> {
        self.members.on_thread()
    }

    pub(crate) fn executor(&self) -> &K::Executor {
        K::executor(self.core(), &self.home)
    }

    /// Sees to it that the group has a clock, that of its home if there is one.
    #[track_caller]
    fn needs_clock(&self) {
        self.core().needs_clock(K::clock(&self.home));
    }

    /// The result behind a key, if the child is over; also before the group's end.
    ///
    /// # Errors
    ///
    /// Why there is none: the child is not over, failed, panicked or was cancelled, the result was taken, or the key
    /// belongs to another group.
    pub fn get_result<'k, T>(&self, key: &'k Key<T>) -> Result<&'k T, GatherIncomplete> {
        self.check(key)?;
        key.get()
    }

    /// Takes the result behind a key, if the child is over; also before the group's end.
    ///
    /// # Errors
    ///
    /// Why there is none, as for [`get_result`](Self::get_result), and the key back.
    pub fn take_result<T>(&self, mut key: Key<T>) -> Result<T, TakeError<T>> {
        match self.check(&key).and_then(|()| key.take()) {
            Ok(value) => Ok(value),
            Err(reason) => Err(TakeError { key, reason }),
        }
    }

    pub(super) fn check<T>(&self, key: &Key<T>) -> Result<(), GatherIncomplete> {
        let ours = key.id().group == self.core().id();
        ours.then_some(()).ok_or(GatherIncomplete::UnknownKey)
    }

    /// Adds a child, or a key that says why it was not taken. With the ticket of a slot it does not wait in line.
    #[inline]
    pub(super) fn add<F, S>(
        &self,
        options: CellOptions,
        location: &'static Location<'static>,
        future: F,
        ticket: Option<Ticket>,
    ) -> Key<S::Value>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        self.try_add::<F, S>(options, location, future, ticket)
            .unwrap_or_else(|refused| self.refused(refused))
    }

    /// A child that is cancelled before it was anybody's.
    #[cold]
    pub(super) fn refused<F, S>(&self, (fresh, number, reason): Refused<F, S>) -> Key<S::Value>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let (listed, queue, value) = fresh.publish_alone(&self.members, number);
        drop(listed);
        if let Claiming::Claimed(claimed) = queue.claim(true) {
            claimed.refuse(reason, self.on_thread());
        }
        Key::new(value)
    }

    #[inline]
    pub(super) fn try_add<F, S>(
        &self,
        options: CellOptions,
        location: &'static Location<'static>,
        future: F,
        ticket: Option<Ticket>,
    ) -> Result<Key<S::Value>, Refused<F, S>>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let fresh = NewCell::<F, S>::new(options, location, future);
        self.take_in(fresh, |fresh, sched, number, effects| {
            self.enlist(fresh, sched, number, ticket, effects)
        })
    }

    /// Makes the cell of a child that is admitted, and has the group take it in.
    #[inline]
    fn enlist<F, S>(
        &self,
        fresh: NewCell<F, S>,
        sched: &mut Sched,
        number: u64,
        ticket: Option<Ticket>,
        effects: &mut Effects,
    ) -> Key<S::Value>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let (listed, queue, value) = fresh.publish(&self.members, &mut sched.blocks, number);
        sched.enlist(listed, queue, ticket, effects);
        Key::new(value)
    }

    /// Adds a child that has no key.
    #[inline]
    pub(super) fn add_keyless<F, S>(&self, location: &'static Location<'static>, future: F)
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let fresh = NewCell::<F, S>::new(CellOptions::here(), location, future);
        let added = self.take_in(fresh, |fresh, sched, number, effects| {
            let (listed, queue) = fresh.publish_keyless(&self.members, &mut sched.blocks, number);
            sched.enlist(listed, queue, None, effects);
        });
        if let Err(refused) = added {
            drop(self.refused(refused));
        }
    }

    /// Has a child taken in by `enlist`, in the critical section in which it is admitted.
    #[inline]
    fn take_in<F, S, R>(
        &self,
        fresh: NewCell<F, S>,
        enlist: impl FnOnce(NewCell<F, S>, &mut Sched, u64, &mut Effects) -> R,
    ) -> Result<R, Refused<F, S>>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let mut fresh = Some(fresh);
        let admitted = self.core().with(|sched, effects| {
            let number = sched.admit()?;
            let fresh = fresh.take().expect("it is taken here alone");
            Ok(enlist(fresh, sched, number, effects))
        });
        match (admitted, fresh) {
            (Ok(added), _) => {
                K::ensure_driver(&self.members, &self.home);
                Ok(added)
            }
            (Err((number, reason)), Some(fresh)) => Err((fresh, number, reason)),
            (Err(_), None) => unreachable!("what is not admitted is not taken"),
        }
    }
}

impl<E, K: Kind> fmt::Debug for Scope<'_, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_group("Scope", self.core(), f)
    }
}

/// Prints a group without waiting for its lock.
pub(super) fn debug_group(what: &str, core: &Core, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut out = f.debug_struct(what);
    out.field("id", &core.id());
    if let Some(name) = core.name() {
        out.field("name", name);
    }
    out.field("location", &format_args!("{}", core.location()));
    // Copied out first: the formatter is the caller's.
    let state = core.peek(|sched| {
        let waiting = sched.limit.waiting();
        (sched.live, waiting, sched.closed, sched.cancelled.clone())
    });
    if let Some((live, waiting, closed, cancelled)) = state {
        out.field("live", &live)
            .field("waiting", &waiting)
            .field("closed", &closed);
        if let Some(reason) = cancelled {
            out.field("cancelled", &reason);
        }
    }
    out.finish_non_exhaustive()
}
