//! `spawn_blocking`: a blocking closure as a child, in every kind of group.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::to_thread::ToThread;
use crate::group::{
    Accepts, Blocking, ChildOptions, Inline, InlineLocal, Key, Kind, Local, Queued, Scope, Shared,
};

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Starts a child that calls a blocking closure.
    ///
    /// Where children do not borrow it is `spawn(to_thread(closure))`: the closure is called on a thread of the
    /// [default pool](crate::threads::default_pool), with all that [`to_thread`](crate::to_thread) says. A child with a
    /// limiter, or a pool of its own, is `spawn(to_thread(closure).on(&pool))` and so on.
    ///
    /// Where children may borrow no other thread can have what they borrow, since a future can be forgotten. So in an inline scope
    /// the closure is called on the thread that polls the scope, which does nothing else meanwhile; for a closure that owns what it
    /// needs, `spawn(to_thread(closure))` is better there. In a blocking scope it is called where the child is polled: the thread
    /// that waits, or a thread of the spawner. Give such a scope a [`BlockingPool`](crate::threads::BlockingPool) as its spawner, and they
    /// are threads made for that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::BlockingPool;
    /// use ingather::{block_on, parallel, scope};
    ///
    /// let sum = block_on(scope(|tg| async move {
    ///     let sum = tg.spawn_blocking(|| (1..=10).sum::<u32>());
    ///     sum.await
    /// }));
    /// assert_eq!(sum, Ok(55));
    ///
    /// let numbers = [3, 1, 2];
    /// let (least, most) = parallel::on(&BlockingPool::new(2)).scope(|tg| {
    ///     let least = tg.spawn_blocking(|| numbers.iter().min());
    ///     let most = tg.spawn_blocking(|| numbers.iter().max());
    ///     (tg.wait(least).unwrap(), tg.wait(most).unwrap())
    /// });
    /// assert_eq!((least, most), (Some(&1), Some(&3)));
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, closure: F) -> Key<T>
    where
        K: CallsBlocking<'env, F, T> + Accepts<K::Calling> + Accepts<T>,
    {
        let location = Location::caller();
        self.spawn_at::<Queued, _>(location, K::calling(closure, location))
    }

    /// Starts a child that calls a blocking closure which can fail: [`spawn_blocking`](Self::spawn_blocking) in the way of
    /// [`try_spawn`](Self::try_spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fs;
    /// use ingather::{block_on, try_scope};
    ///
    /// let failed = block_on(try_scope(|tg| async move {
    ///     tg.try_spawn_blocking(|| fs::read("Cargo.toml"));
    ///     tg.try_spawn_blocking(|| fs::read("no/such/file"));
    ///     Ok(())
    /// }));
    /// assert_eq!(failed.unwrap_err().len(), 1);
    /// ```
    #[track_caller]
    pub fn try_spawn_blocking<F, T>(&self, closure: F) -> Key<T>
    where
        K: CallsBlocking<'env, F, Result<T, E>> + Accepts<K::Calling> + Accepts<Result<T, E>>,
    {
        let location = Location::caller();
        self.try_spawn_at::<Queued, _, _>(location, K::calling(closure, location))
    }
}

impl<'env, E, K: Kind> ChildOptions<'env, E, K> {
    /// Starts a child that calls a blocking closure, as [`Scope::spawn_blocking`] does.
    #[track_caller]
    pub fn spawn_blocking<F, T>(self, closure: F) -> Key<T>
    where
        F: 'env,
        T: 'env,
        K: CallsBlocking<'env, F, T> + Accepts<K::Calling> + Accepts<T>,
    {
        let location = Location::caller();
        self.spawn(K::calling(closure, location))
    }

    /// Starts a child that calls a blocking closure which can fail, as [`Scope::try_spawn_blocking`] does.
    #[track_caller]
    pub fn try_spawn_blocking<F, T>(self, closure: F) -> Key<T>
    where
        F: 'env,
        T: 'env,
        E: 'env,
        K: CallsBlocking<'env, F, Result<T, E>> + Accepts<K::Calling> + Accepts<Result<T, E>>,
    {
        let location = Location::caller();
        self.try_spawn(K::calling(closure, location))
    }
}

/// How a kind of group calls the closure of [`spawn_blocking`](Scope::spawn_blocking): on a thread of a pool, or in place where children may borrow.
pub trait CallsBlocking<'env, F, T>: Kind {
    /// The child that does it.
    type Calling: Future<Output = T> + 'env;

    #[doc(hidden)]
    fn calling(closure: F, location: &'static Location<'static>) -> Self::Calling;
}

macro_rules! on_a_thread {
    ($($kind:ty),*) => {$(
        impl<F, T> CallsBlocking<'static, F, T> for $kind
        where
            F: FnOnce() -> T + Send + 'static,
            T: Send + 'static,
        {
            type Calling = ToThread<F, T>;

            fn calling(closure: F, location: &'static Location<'static>) -> ToThread<F, T> {
                ToThread::new(closure, location)
            }
        }
    )*};
}
on_a_thread!(Shared, Local);

macro_rules! in_place {
    ($($kind:ty),*) => {$(
        impl<'env, F, T> CallsBlocking<'env, F, T> for $kind
        where
            F: FnOnce() -> T + 'env,
        {
            type Calling = InPlace<F>;

            fn calling(closure: F, _location: &'static Location<'static>) -> InPlace<F> {
                InPlace(Some(closure))
            }
        }
    )*};
}
in_place!(Blocking, Inline, InlineLocal);

/// The child of [`Scope::spawn_blocking`] where children may borrow.
#[derive(Debug)]
pub struct InPlace<F>(Option<F>);

impl<F> Unpin for InPlace<F> {}

impl<F: FnOnce() -> T, T> Future for InPlace<F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        let closure = self.0.take();
        let closure = closure.expect("a closure is called once");
        Poll::Ready(closure())
    }
}
