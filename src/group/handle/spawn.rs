//! Starting children.

use std::future::Future;
use std::panic::Location;

use super::Scope;
use super::in_hand::TakesIn;
use super::key::Key;
use super::output_policy::{AsValue, Call, Contained, Fallible, Supervised};
use super::start::{Ready, Start};
use crate::error::Outcome;
use crate::group::cell::CellOptions;
use crate::group::engine::kind::{Accepts, Kind};

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Starts a child that gives a value.
    ///
    /// It never blocks and never fails. In a group that is closed or cancelled the future is dropped unpolled, and the
    /// key reads [`Cancelled`](crate::GatherIncomplete::Cancelled). Above the group's limit the child waits in line.
    /// [`child`](Self::child) starts children that differ: with a name, in the background, supervised, in a slot of their own.
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
        self.add::<F, AsValue<E>>(CellOptions::here(), Location::caller(), future, None)
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
        self.add::<_, AsValue<E>>(
            CellOptions::here(),
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
        self.add::<F, Fallible>(CellOptions::here(), Location::caller(), future, None)
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
    pub fn start<C, F, V>(&self, call: C) -> Start<F::Output, V, E>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        V: 'env,
        E: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output> + Accepts<V>,
    {
        self.child().start(call)
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
        self.child().try_start(call)
    }

    pub(crate) fn spawn_at<A: TakesIn, F>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<F::Output>
    where
        F: Future + 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        A::take_in::<F, AsValue<E>, E, K>(self, location, future)
    }

    pub(crate) fn try_spawn_at<A: TakesIn, F, T>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        A::take_in::<F, Fallible, E, K>(self, location, future)
    }

    pub(crate) fn supervise_at<A: TakesIn, F, T, X>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<Outcome<T, X>>
    where
        F: Future<Output = Result<T, X>> + 'env,
        K: Accepts<F> + Accepts<Result<T, X>>,
    {
        let child = Contained::new(future);
        A::take_in::<_, Supervised<E>, E, K>(self, location, child)
    }

    /// Starts a child without a key.
    pub(crate) fn send_at<F>(&self, location: &'static Location<'static>, future: F)
    where
        F: Future + 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.add_keyless::<F, AsValue<E>>(location, future);
    }

    pub(crate) fn try_send_at<F, T>(&self, location: &'static Location<'static>, future: F)
    where
        F: Future<Output = Result<T, E>> + 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.add_keyless::<F, Fallible>(location, future);
    }
}
