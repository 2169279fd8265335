//! Scopes from [`GroupOptions`].

use std::future::Future;
use std::panic::Location;

use super::form::{Fallible, Value};
use super::future::ScopeFuture;
use crate::group::{GroupOptions, Local, LocalScope, Origin, Scope};
use crate::spawner::LocalSpawner;

impl GroupOptions {
    /// Opens a [`scope`](crate::scope) with these options.
    #[track_caller]
    pub fn scope<B, F>(self, body: B) -> ScopeFuture<B, F, Value>
    where
        B: FnOnce(Scope<'static>) -> F,
        F: Future,
    {
        self.scope_at(Location::caller(), body)
    }

    pub(crate) fn scope_at<B, F>(
        self,
        location: &'static Location<'static>,
        body: B,
    ) -> ScopeFuture<B, F, Value>
    where
        B: FnOnce(Scope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::shared(self, location), body)
    }

    /// Opens a [`try_scope`](crate::try_scope) with these options.
    #[track_caller]
    pub fn try_scope<B, F, T, E>(self, body: B) -> ScopeFuture<B, F, Fallible<E>>
    where
        B: FnOnce(Scope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.try_scope_at(Location::caller(), body)
    }

    pub(crate) fn try_scope_at<B, F, T, E>(
        self,
        location: &'static Location<'static>,
        body: B,
    ) -> ScopeFuture<B, F, Fallible<E>>
    where
        B: FnOnce(Scope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        ScopeFuture::new(Origin::shared(self, location), body)
    }

    /// Opens a [`local_scope_on`](crate::local_scope_on) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn local_scope_on<S, B, F>(self, spawner: &S, body: B) -> ScopeFuture<B, F, Value<Local>>
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
    ) -> ScopeFuture<B, F, Fallible<E, Local>>
    where
        S: LocalSpawner + Clone + 'static,
        B: FnOnce(LocalScope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        ScopeFuture::new(Origin::local(self, Location::caller(), spawner), body)
    }
}
