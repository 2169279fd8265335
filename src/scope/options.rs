//! Scopes from [`GroupOptions`].

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;

use super::form::{OrCut, Value};
use super::future::ScopeFuture;
use super::try_body::{TryBegin, TryBody, TryScopeFuture};
use crate::group::{Awaited, Borrows, Cut, GroupOptions, Origin, Scope, State, Uncut};

impl<K: Awaited, C: State> GroupOptions<K, C> {
    /// Opens a [`scope`](crate::scope()) with these options.
    #[track_caller]
    pub fn scope<'env, B, F>(self, body: B) -> ScopeFuture<'env, B, F, Value<K, C>>
    where
        K: Borrows<'env>,
        C: Uncut,
        B: FnOnce(Scope<'env, Infallible, K>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::new(self, Location::caller()), body)
    }

    /// Opens a [`try_scope`](crate::try_scope) with these options.
    #[track_caller]
    pub fn try_scope<'env, B, F, T, E>(self, body: B) -> TryScopeFuture<'env, B, F, T, E, K, C>
    where
        K: Borrows<'env>,
        B: FnOnce(Scope<'env, E, K>) -> F,
        F: Future,
        F::Output: TryBody<E, Value = T>,
    {
        ScopeFuture::new(Origin::new(self, Location::caller()), TryBegin::new(body))
    }
}

/// Scopes that cannot fail, and can be cut short.
impl<K: Awaited> GroupOptions<K, Cut> {
    /// Opens a [`scope`](crate::scope()) whose body and children cannot fail, and which can be cut short.
    ///
    /// The body is dropped when the group is cancelled, as that of a [`try_scope`](crate::try_scope) is.
    ///
    /// # Errors
    ///
    /// If the group was cancelled before the body gave its value, by whatever it was; and if its deadline cut children
    /// short, as for a `try_scope`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let options = GroupOptions::new().timeout(Duration::from_millis(1));
    /// let late = block_on(options.scope_or_cut(|_tg| std::future::pending::<u32>()));
    /// assert!(late.unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn scope_or_cut<'env, B, F>(self, body: B) -> ScopeFuture<'env, B, F, OrCut<K>>
    where
        K: Borrows<'env>,
        B: FnOnce(Scope<'env, Infallible, K>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::new(self, Location::caller()), body)
    }
}
