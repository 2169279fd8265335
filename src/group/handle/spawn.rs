//! Starting children.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;

use super::key::Key;
use super::output_policy::{Call, Contained, Fallible, Observed, Plain, Supervised};
use super::start::{Ready, Start, handshake};
use super::{Scope, SpawnWhenFree};
use crate::error::Outcome;
use crate::error::unhandled::drop_quietly;
use crate::group::cell::{ChildOptions, OutputPolicy};
use crate::group::engine::kind::{Accepts, Kind};

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Starts a child that gives a value.
    ///
    /// It never blocks and never fails. In a group that is closed or cancelled the future is dropped unpolled, and the
    /// key reads [`Cancelled`](crate::GatherIncomplete::Cancelled); [`spawn_or_return`](Self::spawn_or_return) gives the future
    /// back instead. Above the group's limit the child waits in line.
    ///
    /// Where the future gives a `Result`, its error is a value like any other and fails nothing; see
    /// [`try_spawn`](Self::try_spawn).
    ///
    /// On targets of 32 bits the process is aborted when 262,144 clones of one child's waker are alive at once, as it is on
    /// those of 64 bits at 2^50.
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
        self.add::<F, Plain<E>>(ChildOptions::here(), Location::caller(), future, None)
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
        self.add::<_, Plain<E>>(
            ChildOptions::here(),
            Location::caller(),
            Call::new(call),
            None,
        )
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
        self.add::<F, Fallible>(ChildOptions::here(), Location::caller(), future, None)
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
        self.add::<_, Fallible>(
            ChildOptions::here(),
            Location::caller(),
            Call::new(call),
            None,
        )
    }

    /// Starts a child whose error goes to its key, and to the group only if nobody holds the key any more.
    ///
    /// For errors that the holder of the key deals with: the group does not fail. An error that is still in the key when
    /// that is dropped goes to the unhandled hook, see [`set_unhandled_hook`](crate::error::set_unhandled_hook).
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
        self.add::<F, Observed>(ChildOptions::here(), Location::caller(), future, None)
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
        self.try_add::<F, Plain<E>>(ChildOptions::here(), Location::caller(), future, None)
            .map_err(|(fresh, ..)| fresh.into_future())
    }

    /// Waits for one of the group's slots and then starts a child that gives a value.
    ///
    /// For a producer that should not run ahead of its group's [limit](crate::GroupOptions::limit). Callers are served
    /// first come first served, after the children that wait in line. Without a limit it does not wait. In a group that
    /// is closed or cancelled meanwhile it gives a key that reads [`Cancelled`](crate::GatherIncomplete::Cancelled).
    ///
    /// A child that waits here for a slot of its own group holds one itself: with all slots held that way nobody
    /// goes on. Spawn with [`spawn`](Self::spawn) from inside.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, the future has not been spawned and is dropped with it; a slot that was promised passes
    /// to the next in line.
    #[track_caller]
    pub fn spawn_when_free<F>(&self, future: F) -> SpawnWhenFree<'env, F, F::Output, E, K>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        SpawnWhenFree::new::<Plain<E>>(self, None, Location::caller(), future)
    }

    /// Waits for one of the group's slots and then starts a child that can fail: [`spawn_when_free`](Self::spawn_when_free) in the
    /// way of [`try_spawn`](Self::try_spawn).
    ///
    /// # Cancel safety
    ///
    /// As for [`spawn_when_free`](Self::spawn_when_free).
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let lines = ["1", "2", "x", "4"].into_iter();
    /// let error = block_on(GroupOptions::new().limit(2).try_scope(|tg| async move {
    ///     for line in lines {
    ///         // No more than two lines are under way, or read ahead.
    ///         tg.try_spawn_when_free(async { line.parse::<u32>() }).await;
    ///     }
    ///     Ok(())
    /// }));
    /// assert_eq!(error.unwrap_err().len(), 1);
    /// ```
    #[track_caller]
    pub fn try_spawn_when_free<F, T>(&self, future: F) -> SpawnWhenFree<'env, F, T, E, K>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        SpawnWhenFree::new::<Fallible>(self, None, Location::caller(), future)
    }

    /// Starts a child that is cancelled when all main children are over, and the body.
    ///
    /// For what serves the others and would go on for ever: a heartbeat, a cache that is kept warm. It is cancelled like
    /// any child, with the group's [grace](crate::GroupOptions::grace), when the scope is being left (or the group joined or
    /// closed) and nobody but background children remains. Its panic is like any child's. Kotlin calls it a daemon, trio's
    /// users a background task. Otherwise like [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::cancel::CancelKind;
    /// use ingather::{block_on, scope};
    ///
    /// let heart = block_on(scope(|tg| async move {
    ///     let heart = tg.spawn_background(std::future::pending::<()>());
    ///     tg.spawn(async { /* the work */ });
    ///     heart
    /// }));
    /// assert!(heart.is_finished());
    /// ```
    #[track_caller]
    pub fn spawn_background<F>(&self, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add::<F, Plain<E>>(
            ChildOptions::here().background(),
            Location::caller(),
            future,
            None,
        )
    }

    /// Starts a child whose error or panic touches nobody else: it goes to its key.
    ///
    /// If the key is dropped before, or with the outcome in it, the error or panic goes to the unhandled hook, see
    /// [`set_unhandled_hook`](crate::error::set_unhandled_hook). Neither the siblings nor the group hear of it. Kotlin's
    /// `supervisorScope` is the idea. The error can be of any type, also in a group that cannot fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{Outcome, block_on, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let worker = tg.spawn_supervised(async { "twelve".parse::<u32>() });
    ///     let sibling = tg.spawn(async { 1 });
    ///     assert!(matches!(worker.await, Ok(Outcome::Err(_))));
    ///     assert_eq!(sibling.await, Ok(1));
    /// }));
    /// ```
    #[track_caller]
    pub fn spawn_supervised<F, T, X>(&self, future: F) -> Key<Outcome<T, X>>
    where
        F: Future<Output = Result<T, X>> + 'env,
        T: 'env,
        X: 'env,
        K: Accepts<F> + Accepts<Result<T, X>>,
    {
        let child = Contained::new(future);
        self.add::<_, Supervised<E>>(ChildOptions::here(), Location::caller(), child, None)
    }

    /// Starts a child and waits until it says that it has started, with a value.
    ///
    /// The callable gets a [`Ready`], on which the child calls `started(value)` when it has done what others depend on:
    /// when it listens, say. Awaiting what this gives then gives the child's key and the value. Until then the child
    /// belongs to the caller:
    ///
    /// - it is cancelled if the caller is, or drops what this gives, and its token turns with the caller's, too;
    /// - its error or panic comes out here and does not fail the group.
    ///
    /// The group stays open for it, and a cancel of the group ends it as any other child: where it has not started by then, the
    /// group has refused it. From `started` on it is a child like any other.
    /// The idea and most of the rules are those of trio's `nursery.start`.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::StartError::Refused) if the group takes no children, in which case the callable is dropped uncalled,
    /// or is cancelled before the child has started. [`Cancelled`](crate::StartError::Cancelled) if the child was cancelled
    /// otherwise, or its caller, and was dropped or gave way. [`NotStarted`](crate::StartError::NotStarted) if it is over
    /// without having said so, and without a cancel.
    ///
    /// # Panics
    ///
    /// With the panic of a child that had not started.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the child has started, it cancels the child.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, scope};
    ///
    /// let port = block_on(scope(|tg| async move {
    ///     let server = tg.start(|ready| async move {
    ///         let port = 8080; // bind the socket here
    ///         ready.started(port).unwrap();
    ///         // and serve here
    ///     });
    ///     let (_server, port) = server.await.unwrap();
    ///     port
    /// }));
    /// assert_eq!(port, 8080);
    /// ```
    #[track_caller]
    pub fn start<C, F, V>(&self, call: C) -> Start<F::Output, V>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        V: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output> + Accepts<V>,
    {
        self.begin::<_, _, _, Infallible, Plain<E>>(
            ChildOptions::here(),
            Location::caller(),
            call,
            |_| None,
        )
    }

    /// Starts a child that can fail, and waits until it says that it has started: [`start`](Self::start) in the way of
    /// [`try_spawn`](Self::try_spawn).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), and [`Failed`](crate::StartError::Failed) if the child failed before it had started.
    ///
    /// # Panics
    ///
    /// With the panic of a child that had not started.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the child has started, it cancels the child.
    #[track_caller]
    pub fn try_start<C, F, T, V>(&self, call: C) -> Start<T, V, E>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        V: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<Result<T, E>> + Accepts<V>,
    {
        self.begin::<_, _, _, E, Fallible>(
            ChildOptions::here(),
            Location::caller(),
            call,
            Result::err,
        )
    }

    pub(super) fn begin<C, F, V: 'env, X: 'env, S>(
        &self,
        options: ChildOptions,
        location: &'static Location<'static>,
        call: C,
        judge: fn(F::Output) -> Option<X>,
    ) -> Start<S::Value, V, X>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let (child, caller) = handshake(call, judge);
        match self.try_add::<_, S>(options, location, child, None) {
            Ok(key) => Start::pending(caller, key),
            Err((fresh, _, reason)) => {
                drop_quietly("a child that was not taken", fresh);
                Start::refused(reason)
            }
        }
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
        self.add::<F, Plain<E>>(ChildOptions::here(), location, future, None)
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
        self.add::<F, Fallible>(ChildOptions::here(), location, future, None)
    }

    /// Starts a child without a key.
    pub(crate) fn supervise_at<F, T, X>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<Outcome<T, X>>
    where
        F: Future<Output = Result<T, X>> + 'env,
        K: Accepts<F> + Accepts<Result<T, X>>,
    {
        let child = Contained::new(future);
        self.add::<_, Supervised<E>>(ChildOptions::here(), location, child, None)
    }

    pub(crate) fn send_at<F>(&self, location: &'static Location<'static>, future: F)
    where
        F: Future + 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add_keyless::<F, Plain<E>>(location, future);
    }

    pub(crate) fn try_send_at<F, T>(&self, location: &'static Location<'static>, future: F)
    where
        F: Future<Output = Result<T, E>> + 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add_keyless::<F, Fallible>(location, future);
    }
}
