//! Scopes from [`GroupOptions`].

use std::future::Future;
use std::panic::Location;

use super::form::{Fallible, Form, Value};
use super::future::ScopeFuture;
use crate::group::{
    GroupOptions, Inline, InlineLocal, InlineScope, InlineScopeLocal, Kind, Local, LocalScope,
    Origin, Scope,
};
use crate::spawner::LocalSpawner;

impl GroupOptions {
    /// Opens a [`scope`](crate::scope) with these options.
    #[track_caller]
    pub fn scope<B, F>(self, body: B) -> ScopeFuture<'static, B, F, Value>
    where
        B: FnOnce(Scope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::shared(self, Location::caller()), body)
    }

    /// Opens a [`try_scope`](crate::try_scope) with these options.
    #[track_caller]
    pub fn try_scope<B, F, T, E>(self, body: B) -> ScopeFuture<'static, B, F, Fallible>
    where
        B: FnOnce(Scope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        ScopeFuture::new(Origin::shared(self, Location::caller()), body)
    }

    /// Opens a [`local_scope_on`](crate::local_scope_on) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn local_scope_on<S, B, F>(
        self,
        spawner: &S,
        body: B,
    ) -> ScopeFuture<'static, B, F, Value<Local>>
    where
        S: LocalSpawner + Clone + 'static,
        B: FnOnce(LocalScope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::local(self, Location::caller(), spawner), body)
    }

    /// Opens a [`try_local_scope_on`](crate::try_local_scope_on) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn try_local_scope_on<S, B, F, T, E>(
        self,
        spawner: &S,
        body: B,
    ) -> ScopeFuture<'static, B, F, Fallible<Local>>
    where
        S: LocalSpawner + Clone + 'static,
        B: FnOnce(LocalScope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        ScopeFuture::new(Origin::local(self, Location::caller(), spawner), body)
    }

    /// Opens an [`inline_scope`](crate::inline_scope) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn inline_scope<'env, B, F>(self, body: B) -> ScopeFuture<'env, B, F, Value<Inline>>
    where
        B: FnOnce(InlineScope<'env>) -> F,
        F: Future,
    {
        self.inline_at(Location::caller(), body)
    }

    /// Opens a [`try_inline_scope`](crate::try_inline_scope) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn try_inline_scope<'env, B, F, T, E>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, Fallible<Inline>>
    where
        B: FnOnce(InlineScope<'env, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.inline_at(Location::caller(), body)
    }

    /// Opens an [`inline_scope_local`](crate::inline_scope_local) with these options; [`on`](Self::on) has no meaning for
    /// it.
    #[track_caller]
    pub fn inline_scope_local<'env, B, F>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, Value<InlineLocal>>
    where
        B: FnOnce(InlineScopeLocal<'env>) -> F,
        F: Future,
    {
        self.inline_at(Location::caller(), body)
    }

    /// Opens a [`try_inline_scope_local`](crate::try_inline_scope_local) with these options; [`on`](Self::on) has no
    /// meaning for it.
    #[track_caller]
    pub fn try_inline_scope_local<'env, B, F, T, E>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, Fallible<InlineLocal>>
    where
        B: FnOnce(InlineScopeLocal<'env, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.inline_at(Location::caller(), body)
    }

    fn inline_at<'env, B, F, M>(
        self,
        location: &'static Location<'static>,
        body: B,
    ) -> ScopeFuture<'env, B, F, M>
    where
        F: Future,
        M: Form<F::Output>,
        M::Kind: Kind<Origin = ()>,
    {
        ScopeFuture::new(Origin::inline(self, location), body)
    }
}
