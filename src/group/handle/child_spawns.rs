//! What [`ChildOptions`] start, in each mode.

use std::convert::Infallible;
use std::future::Future;
use std::mem::take;
use std::panic::Location;

use futures::FutureExt;

use super::Refused;
use super::child_options::{ChildOptions, Observed, Supervised};
use super::key::Key;
use super::output_policy::{self as policy, Call, Contained};
use super::spawn_when_free::SpawnWhenFree;
use super::start::{Caller, Ready, Start, Starting, handshake};
use crate::error::Outcome;
use crate::error::unhandled::drop_quietly;
use crate::group::cell::{CellOptions, OutputPolicy};
use crate::group::engine::kind::{Accepts, Kind};
use crate::group::queues::wait_list::Ticket;

impl<'env, E, K: Kind, M> ChildOptions<'env, E, K, M> {
    /// What the cell is made with, where it was started, and the slot that it has.
    #[track_caller]
    fn parts(&mut self) -> (CellOptions, &'static Location<'static>, Option<Ticket>) {
        let location = self.manner.location();
        let options = take(&mut self.manner).into_options();
        (options, location, self.place.ticket.take())
    }

    #[track_caller]
    fn add<F, S>(mut self, future: F) -> Key<S::Value>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let (options, location, ticket) = self.parts();
        let scope = &self.place.scope;
        scope.add::<F, S>(options, location, future, ticket)
    }

    #[track_caller]
    pub(in crate::group) fn try_add<F, S>(
        mut self,
        future: F,
    ) -> Result<Key<S::Value>, Refused<F, S>>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let (options, location, ticket) = self.parts();
        let scope = &self.place.scope;
        scope.try_add::<F, S>(options, location, future, ticket)
    }

    /// Starts a child that may not have started when its caller goes away.
    #[track_caller]
    fn begin<S, W, C, F, V, X>(
        self,
        (child, caller): (Starting<C, F, V, X>, Caller<V, X>),
        wrap: impl FnOnce(Starting<C, F, V, X>) -> W,
    ) -> Start<S::Value, V, X>
    where
        C: FnOnce(Ready<V>) -> F,
        F: Future,
        W: Future + 'env,
        S: OutputPolicy<W::Output, Error = E>,
    {
        match self.try_add::<W, S>(wrap(child)) {
            Ok(key) => Start::pending(caller, key),
            Err((fresh, _, reason)) => {
                drop_quietly("a child that was not taken", fresh);
                Start::refused(reason)
            }
        }
    }
}

impl<'env, E, K: Kind> ChildOptions<'env, E, K> {
    /// Starts the child, as [`Scope::spawn`](crate::Scope::spawn) does.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add::<F, policy::AsValue<E>>(future)
    }

    /// Starts a child that can fail, as [`Scope::try_spawn`](crate::Scope::try_spawn) does.
    #[track_caller]
    pub fn try_spawn<F, T>(self, future: F) -> Key<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add::<F, policy::Fallible>(future)
    }

    /// Starts the child from a callable, as [`Scope::start_soon`](crate::Scope::start_soon) does.
    #[track_caller]
    pub fn start_soon<C, F>(self, call: C) -> Key<F::Output>
    where
        C: FnOnce() -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output>,
    {
        self.add::<_, policy::AsValue<E>>(Call::new(call))
    }

    /// Starts the child, or gives the future back.
    ///
    /// # Errors
    ///
    /// The future, unpolled, if the group is closed or cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{GatherGroup, block_on};
    /// block_on(async {
    ///     let group = GatherGroup::new();
    ///     group.close();
    ///     let future = group.child().spawn_or_return(async { 1 }).unwrap_err();
    ///     assert_eq!(future.await, 1);
    ///     group.join().await;
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_or_return<F>(self, future: F) -> Result<Key<F::Output>, F>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.try_add::<F, policy::AsValue<E>>(future)
            .map_err(|(fresh, ..)| fresh.into_future())
    }

    /// Waits for one of the group's slots and then starts the child.
    ///
    /// For a producer that should not run ahead of its group's [limit](crate::GroupOptions::limit). Callers are served
    /// first come first served, after the children that wait in line. Without a limit it does not wait. In a group that
    /// is closed or cancelled meanwhile it gives a key that reads [`Cancelled`](crate::GatherIncomplete::Cancelled).
    ///
    /// A child that waits here for a slot of its own group holds one itself: with all slots held that way nobody
    /// goes on. Use [`spawn`](crate::Scope::spawn) from inside.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, the future has not been spawned and is dropped with it; a slot that was promised passes
    /// to the next in line.
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> SpawnWhenFree<'env, F, F::Output, E, K>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        SpawnWhenFree::new::<policy::AsValue<E>>(self, future)
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
    ///         tg.child().try_spawn_when_free(async { line.parse::<u32>() }).await;
    ///     }
    ///     Ok(())
    /// }));
    /// assert_eq!(error.unwrap_err().len(), 1);
    /// ```
    #[track_caller]
    pub fn try_spawn_when_free<F, T>(self, future: F) -> SpawnWhenFree<'env, F, T, E, K>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        SpawnWhenFree::new::<policy::Fallible>(self, future)
    }

    /// Starts the child and waits until it says that it has started, as [`Scope::start`](crate::Scope::start) does.
    #[track_caller]
    pub fn start<C, F, V>(self, call: C) -> Start<F::Output, V, E>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        V: 'env,
        E: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output> + Accepts<V>,
    {
        self.begin::<policy::AsValue<E>, _, _, _, _, _>(handshake(call, |_| None), |child| child)
    }

    /// Starts a child that can fail and waits until it says that it has started, as [`Scope::try_start`](crate::Scope::try_start) does.
    #[track_caller]
    pub fn try_start<C, F, T, V>(self, call: C) -> Start<T, V, E>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        V: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<Result<T, E>> + Accepts<V>,
    {
        self.begin::<policy::Fallible, _, _, _, _, _>(handshake(call, Result::err), |child| child)
    }
}

/// Children whose error goes to the key.
impl<'env, E, K: Kind> ChildOptions<'env, E, K, Observed> {
    /// Starts the child. Its key gives what the future gives.
    #[track_caller]
    pub fn try_spawn<F, T>(self, future: F) -> Key<Result<T, E>>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add::<F, policy::Observed>(future)
    }
}

/// Children whose errors and panics go to the key.
impl<'env, E, K: Kind> ChildOptions<'env, E, K, Supervised> {
    /// Starts the child. Its key gives its value or its panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{Outcome, block_on, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let worker = tg.child().supervised().spawn(async { panic!("no such luck") });
    ///     assert!(matches!(worker.await, Ok(Outcome::Panicked(_))));
    /// }));
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Key<Outcome<F::Output, Infallible>>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add::<_, policy::Supervised<E>>(Contained::new(future.map(Ok)))
    }

    /// Starts a child that can fail, with an error of any type. Its key gives its value, its error or its panic.
    #[track_caller]
    pub fn try_spawn<F, T, X>(self, future: F) -> Key<Outcome<T, X>>
    where
        F: Future<Output = Result<T, X>> + 'env,
        T: 'env,
        X: 'env,
        K: Accepts<F> + Accepts<Result<T, X>>,
    {
        self.add::<_, policy::Supervised<E>>(Contained::new(future))
    }

    /// Starts the child and waits until it says that it has started, as [`Scope::start`](crate::Scope::start) does.
    #[track_caller]
    pub fn start<C, F, V>(self, call: C) -> Start<Outcome<F::Output, Infallible>, V, E>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        V: 'env,
        E: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output> + Accepts<V>,
    {
        let child = handshake(call, |_| None);
        self.begin::<policy::Supervised<E>, _, _, _, _, _>(child, |child| {
            Contained::new(child.map(Ok))
        })
    }

    /// Starts a child that can fail and waits until it says that it has started, as [`Scope::try_start`](crate::Scope::try_start) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{Outcome, block_on, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let begun = tg.child().supervised().try_start(|ready| async move {
    ///         ready.started(8080).unwrap();
    ///         Err::<(), _>("the line is dead")
    ///     });
    ///     let (server, port) = begun.await.unwrap();
    ///     assert_eq!(port, 8080);
    ///     assert!(matches!(server.await, Ok(Outcome::Err("the line is dead"))));
    /// }));
    /// ```
    #[track_caller]
    pub fn try_start<C, F, T, V, X>(self, call: C) -> Start<Outcome<T, X>, V, X>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future<Output = Result<T, X>> + 'env,
        T: 'env,
        X: 'env,
        V: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<Result<T, X>> + Accepts<V>,
    {
        self.begin::<policy::Supervised<E>, _, _, _, _, _>(
            handshake(call, Result::err),
            Contained::new,
        )
    }
}
