//! `Named`: starting a child that has a name.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::Scope;
use crate::group::cell::Manner;
use crate::group::child::{Call, Fallible, Observed, Plain};
use crate::group::ground::{Accepts, Kind, Shared};
use crate::group::key::Key;

/// Starts one child with a name; made by [`Scope::named`].
#[must_use = "a name starts nothing by itself: call `spawn` or one of its relatives"]
pub struct Named<'a, 'env, E, K: Kind = Shared> {
    scope: &'a Scope<'env, E, K>,
    name: Arc<str>,
}

impl<'a, 'env, E, K: Kind> Named<'a, 'env, E, K> {
    pub(super) fn new(scope: &'a Scope<'env, E, K>, name: Arc<str>) -> Self {
        Self { scope, name }
    }

    /// Like [`Scope::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.scope
            .add::<F, Plain<E>>(Manner::here().name(self.name), Location::caller(), future)
    }

    /// Like [`Scope::start_soon`].
    #[track_caller]
    pub fn start_soon<C, F>(self, call: C) -> Key<F::Output>
    where
        C: FnOnce() -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output>,
    {
        self.scope.add::<_, Plain<E>>(
            Manner::here().name(self.name),
            Location::caller(),
            Call::new(call),
        )
    }

    /// Like [`Scope::try_spawn`].
    #[track_caller]
    pub fn try_spawn<F, T>(self, future: F) -> Key<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.scope
            .add::<F, Fallible>(Manner::here().name(self.name), Location::caller(), future)
    }

    /// Like [`Scope::try_start_soon`].
    #[track_caller]
    pub fn try_start_soon<C, F, T>(self, call: C) -> Key<T>
    where
        C: FnOnce() -> F + 'env,
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<Result<T, E>>,
    {
        self.scope.add::<_, Fallible>(
            Manner::here().name(self.name),
            Location::caller(),
            Call::new(call),
        )
    }

    /// Like [`Scope::try_spawn_observed`].
    #[track_caller]
    pub fn try_spawn_observed<F, T>(self, future: F) -> Key<Result<T, E>>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.scope
            .add::<F, Observed>(Manner::here().name(self.name), Location::caller(), future)
    }
}

impl<E, K: Kind> fmt::Debug for Named<'_, '_, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish()
    }
}
