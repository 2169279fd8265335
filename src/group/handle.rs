//! `Scope`: the handle through which children are started and their results read.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use super::cell::{Fresh, Members, Settle};
use super::child::{Call, Fallible, Observed, Plain};
use super::core::Core;
use super::ground::{Accepts, Blocking, Inline, InlineLocal, Kind, Local, Shared};
use super::key::{Key, TakeError};
use super::named::Named;
use super::spawn_when_free::SpawnWhenFree;
use super::tally::Tally;
use crate::cancel::{CancelKind, CancelReason};
use crate::error::GatherIncomplete;

/// A handle on a group: it starts children, reads results, cancels.
///
/// The body of a [`scope`](crate::scope) gets one by value, and a [`GatherGroup`](crate::GatherGroup) dereferences to
/// one. Clones are handles on the same group, so children can hold one and start siblings. A handle does not keep its
/// group open: once that is closed, spawning gives keys that read
/// [`Cancelled`](GatherIncomplete::Cancelled)`(Closed)`.
///
/// `E` is what children that can fail fail with, see [`try_spawn`](Self::try_spawn). `K` says whether children have to
/// be [`Send`]: they do for [`Shared`], the usual kind; they need not for [`Local`].
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
    pub(super) members: Members<E>,
    pub(super) home: K::Home,
    env: PhantomData<fn(&'env ()) -> &'env ()>,
}

/// The handle on a group whose children need not be [`Send`].
pub type LocalScope<'env, E = Infallible> = Scope<'env, E, Local>;

/// The handle on a group whose children run on a spawner while a thread waits for them, and may borrow for `'env`.
pub type BlockingScope<'env, E = Infallible> = Scope<'env, E, Blocking>;

/// The handle on a group whose children run inside the task that awaits the scope, and may borrow for `'env`.
pub type InlineScope<'env, E = Infallible> = Scope<'env, E, Inline>;

/// The handle on a group whose children run inside the task that awaits the scope, may borrow for `'env`, and need not be
/// [`Send`].
pub type InlineScopeLocal<'env, E = Infallible> = Scope<'env, E, InlineLocal>;

impl<E, K: Kind> Clone for Scope<'_, E, K> {
    fn clone(&self) -> Self {
        Self::new(self.members.clone(), self.home.clone())
    }
}

/// A child that was not taken, and why.
type Refused<F, S> = (Fresh<F, S>, u64, CancelReason);

impl<'env, E, K: Kind> Scope<'env, E, K> {
    pub(super) fn new(members: Members<E>, home: K::Home) -> Self {
        Self {
            members,
            home,
            env: PhantomData,
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        self.members.core()
    }

    pub(crate) fn ground(&self) -> &K::Ground {
        K::ground(self.core(), &self.home)
    }

    /// Starts a child that gives a value.
    ///
    /// It never blocks and never fails. In a group that is closed or cancelled the future is dropped unpolled, and the
    /// key reads [`Cancelled`](GatherIncomplete::Cancelled); [`spawn_or_return`](Self::spawn_or_return) gives the future
    /// back instead. Above the group's limit the child waits in line.
    ///
    /// Where the future gives a `Result`, its error is a value like any other and fails nothing; see
    /// [`try_spawn`](Self::try_spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, scope};
    /// let page = block_on(scope(|tg| async move {
    ///     let page = tg.spawn(async { "<html>" });
    ///     page.await
    /// }));
    /// assert_eq!(page, Ok("<html>"));
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add::<F, Plain<E>>(None, Location::caller(), future)
    }

    /// Starts a child from a callable, which the child calls when it is first polled.
    ///
    /// So that the callable runs where children run, and its panic is the child's. Otherwise like [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, scope};
    /// async fn count() -> usize { 3 }
    /// let count = block_on(scope(|tg| async move { tg.start_soon(count).await }));
    /// assert_eq!(count, Ok(3));
    /// ```
    #[track_caller]
    pub fn start_soon<C, F>(&self, call: C) -> Key<F::Output>
    where
        C: FnOnce() -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output>,
    {
        self.add::<_, Plain<E>>(None, Location::caller(), Call::new(call))
    }

    /// Starts a child that can fail.
    ///
    /// Its key gives the value. Its error fails the group: by default the siblings and the body are cancelled, and the
    /// error comes out of the scope in a [`GroupError`](crate::GroupError), whether or not somebody looked at the key.
    /// Otherwise like [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, try_scope};
    /// let error = block_on(try_scope(|tg| async move {
    ///     let key = tg.try_spawn(async { "12".parse::<u32>() });
    ///     tg.try_spawn(async { "twelve".parse::<u32>() });
    ///     let _twelve = key.await;
    ///     Ok(())
    /// }))
    /// .unwrap_err();
    /// assert_eq!(error.first().to_string(), "invalid digit found in string");
    /// ```
    #[track_caller]
    pub fn try_spawn<F, T>(&self, future: F) -> Key<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add::<F, Fallible>(None, Location::caller(), future)
    }

    /// Starts a child that can fail from a callable: [`try_spawn`](Self::try_spawn) in the way of
    /// [`start_soon`](Self::start_soon).
    #[track_caller]
    pub fn try_start_soon<C, F, T>(&self, call: C) -> Key<T>
    where
        C: FnOnce() -> F + 'env,
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add::<_, Fallible>(None, Location::caller(), Call::new(call))
    }

    /// Starts a child whose error goes to its key, and to the group only if nobody holds the key any more.
    ///
    /// For errors that the holder of the key deals with: the group does not fail. An error that is still in the key when
    /// that is dropped goes to the unhandled hook, see [`set_unhandled_hook`](crate::set_unhandled_hook).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, try_scope};
    /// let parsed = block_on(try_scope(|tg| async move {
    ///     let key = tg.try_spawn_observed(async { "twelve".parse::<u32>() });
    ///     Ok(key.await.unwrap().unwrap_or(12))
    /// }));
    /// assert_eq!(parsed.unwrap(), 12);
    /// ```
    #[track_caller]
    pub fn try_spawn_observed<F, T>(&self, future: F) -> Key<Result<T, E>>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add::<F, Observed>(None, Location::caller(), future)
    }

    /// Starts a child that gives a value, or gives the future back.
    ///
    /// # Errors
    ///
    /// The future, unpolled, if the group is closed or cancelled.
    #[track_caller]
    pub fn spawn_or_return<F>(&self, future: F) -> Result<Key<F::Output>, F>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.try_add::<F, Plain<E>>(None, Location::caller(), future, None)
            .map_err(|(fresh, ..)| fresh.into_future())
    }

    /// Waits for one of the group's slots and then starts a child that gives a value.
    ///
    /// For a producer that should not run ahead of its group's [limit](crate::GroupOptions::limit). Callers are served
    /// first come first served, after the children that wait in line. Without a limit it does not wait. In a group that
    /// is closed or cancelled meanwhile it gives a key that reads [`Cancelled`](GatherIncomplete::Cancelled).
    ///
    /// A child that waits here for a slot of its own group holds one itself: with all slots held that way nobody
    /// goes on. Spawn with [`spawn`](Self::spawn) from inside.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, the future has not been spawned and is dropped with it; a slot that was promised passes
    /// to the next in line.
    #[track_caller]
    pub fn spawn_when_free<F>(&self, future: F) -> SpawnWhenFree<'env, F, E, K>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        SpawnWhenFree::new(self.clone(), Location::caller(), future)
    }

    /// Gives the next child a name, for errors, warnings and `Debug`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, scope};
    /// let name = block_on(scope(|tg| async move {
    ///     let key = tg.named("fetch").spawn(async {});
    ///     key.child().name().map(str::to_owned)
    /// }));
    /// assert_eq!(name.as_deref(), Some("fetch"));
    /// ```
    pub fn named(&self, name: impl Into<Arc<str>>) -> Named<'_, 'env, E, K> {
        Named::new(self, name.into())
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

    /// Cancels all children: each is dropped at its next suspension, and none is polled again that is not being polled
    /// now. The body of a [`try_scope`](crate::try_scope) is dropped likewise; that of a [`scope`](crate::scope), which
    /// has to give its value, goes on and finds its keys cancelled. Later spawns are cancelled at once.
    ///
    /// A second call changes nothing: the first cause wins.
    pub fn cancel(&self) {
        self.core().cancel(CancelReason::new(CancelKind::Explicit));
    }

    /// Why the group was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.core().read(|sched| sched.cancelled.clone())
    }

    /// Was the group cancelled, for whatever reason?
    pub fn is_cancelled(&self) -> bool {
        self.core().read(|sched| sched.cancelled.is_some())
    }

    /// Takes no more children; those that are there go on.
    pub fn close(&self) {
        self.core().close();
    }

    /// Does the group take no more children?
    pub fn is_closed(&self) -> bool {
        self.core().read(|sched| sched.closed)
    }

    /// The number of children that are not over, those in line among them.
    pub fn len(&self) -> usize {
        self.core().read(|sched| sched.live)
    }

    /// Is no child left that is not over?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of children in line for one of the group's slots.
    pub fn waiting(&self) -> usize {
        self.core().read(|sched| sched.slots.waiting())
    }

    /// How the children that are over ended.
    pub fn tally(&self) -> Tally {
        self.core().tally()
    }

    /// The name of the group, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.core().name().map(|name| &**name)
    }

    pub(crate) fn spawn_at<F>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<F::Output>
    where
        F: Future + 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add::<F, Plain<E>>(None, location, future)
    }

    pub(crate) fn try_spawn_at<F, T>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add::<F, Fallible>(None, location, future)
    }

    /// Adds a child, or a key that says why it was not taken.
    pub(super) fn add<F, S>(
        &self,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<S::Value>
    where
        F: Future + 'env,
        S: Settle<F::Output, Error = E>,
    {
        self.try_add::<F, S>(name, location, future, None)
            .unwrap_or_else(Self::refused)
    }

    /// A child that is cancelled before it was anybody's.
    pub(super) fn refused<F, S>((fresh, number, reason): Refused<F, S>) -> Key<S::Value>
    where
        F: Future + 'env,
        S: Settle<F::Output, Error = E>,
    {
        let (registry, queue, claim) = fresh.publish(number);
        drop(registry);
        if let Ok(claimed) = queue.claim() {
            claimed.refuse(reason);
        }
        Key::new(claim)
    }

    pub(super) fn try_add<F, S>(
        &self,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        future: F,
        ticket: Option<u64>,
    ) -> Result<Key<S::Value>, Refused<F, S>>
    where
        F: Future + 'env,
        S: Settle<F::Output, Error = E>,
    {
        let fresh = Fresh::<F, S>::new(&self.members, name, location, future);
        let claim = self.core().with(|sched, after| match sched.admit() {
            Ok(number) => {
                let (registry, queue, claim) = fresh.publish(number);
                sched.enlist(registry, queue, ticket, after);
                Ok(claim)
            }
            Err((number, reason)) => Err((fresh, number, reason)),
        })?;
        K::ensure_driver(self.core(), &self.home);
        Ok(Key::new(claim))
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
        let waiting = sched.slots.waiting();
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
