//! `Synced`: an async function with two faces.

use std::future::Future;

use super::run_sync;
use crate::shows::shows;

/// Gives an async function of up to four arguments a second face for sync code.
///
/// # Examples
///
/// ```
/// use ingather::bridge::synced;
/// use ingather::block_on;
///
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// let add = synced(add);
/// assert_eq!(add.call((1, 2)), 3);
/// assert_eq!(block_on(add.call_async((1, 2))), 3);
/// ```
pub fn synced<F>(function: F) -> Synced<F> {
    Synced { function }
}

/// An async function that sync code can call, too; made by [`synced`]. Arguments are given as a tuple.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::bridge::synced;
///
/// /// A library offers its async function to both worlds.
/// async fn length(text: &'static str) -> usize {
///     text.len()
/// }
///
/// let both = synced(length);
/// assert_eq!(both.call(("sync",)), 4);
/// assert_eq!(block_on(both.call_async(("async",))), 5);
/// assert_eq!(block_on(both.into_inner()("plain")), 5);
/// ```
#[derive(Clone, Copy)]
pub struct Synced<F> {
    function: F,
}

impl<F> Synced<F> {
    /// Calls the function and blocks this thread until it is over, wherever that is: see [`run_sync`](crate::run_sync()).
    ///
    /// # Panics
    ///
    /// If the function does.
    #[track_caller]
    pub fn call<Args>(&self, args: Args) -> F::Output
    where
        F: AsyncFunction<Args>,
    {
        run_sync(self.call_async(args))
    }

    /// Calls the function, and gives its future.
    pub fn call_async<Args>(&self, args: Args) -> F::Future
    where
        F: AsyncFunction<Args>,
    {
        self.function.call(args)
    }

    /// The function.
    pub fn into_inner(self) -> F {
        self.function
    }
}

shows!([F] Synced<F>, ..);

/// A function of up to four arguments that gives a future. `Args` is a tuple of them.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::bridge::AsyncFunction;
///
/// /// Calls any async function of two numbers.
/// async fn twice<F: AsyncFunction<(u32, u32), Output = u32>>(function: F) -> u32 {
///     function.call((1, 2)).await + function.call((3, 4)).await
/// }
///
/// assert_eq!(block_on(twice(|a, b| async move { a * b })), 14);
/// ```
pub trait AsyncFunction<Args> {
    /// What the future gives.
    type Output;

    /// The future.
    type Future: Future<Output = Self::Output>;

    /// Calls the function.
    fn call(&self, args: Args) -> Self::Future;
}

macro_rules! async_function {
    ($($arg:ident)*) => {
        impl<F, R, $($arg),*> AsyncFunction<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> R,
            R: Future,
        {
            type Output = R::Output;
            type Future = R;

            #[expect(non_snake_case, reason = "the names of types serve for the values")]
            fn call(&self, ($($arg,)*): ($($arg,)*)) -> R {
                self($($arg),*)
            }
        }
    };
}

impl<F, R> AsyncFunction<()> for F
where
    F: Fn() -> R,
    R: Future,
{
    type Output = R::Output;
    type Future = R;

    fn call(&self, (): ()) -> R {
        self()
    }
}
async_function!(A);
async_function!(A B);
async_function!(A B C);
async_function!(A B C D);
