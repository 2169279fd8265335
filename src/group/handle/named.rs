//! `Named`: starting a child that has a name.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::key::Key;
use super::output_policy::{Call, Contained, Fallible, Observed, Plain, Supervised};
use super::start::{Ready, Start};
use super::{Scope, SpawnWhenFree};
use crate::error::Outcome;
use crate::group::cell::ChildOptions;
use crate::group::engine::kind::{Accepts, Kind, Shared};

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

    fn options(&self) -> ChildOptions {
        ChildOptions::here().name(Arc::clone(&self.name))
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
            .add::<F, Plain<E>>(self.options(), Location::caller(), future, None)
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
        self.scope
            .add::<_, Plain<E>>(self.options(), Location::caller(), Call::new(call), None)
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
            .add::<F, Fallible>(self.options(), Location::caller(), future, None)
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
        self.scope
            .add::<_, Fallible>(self.options(), Location::caller(), Call::new(call), None)
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
            .add::<F, Observed>(self.options(), Location::caller(), future, None)
    }

    /// Like [`Scope::spawn_when_free`].
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> SpawnWhenFree<'env, F, F::Output, E, K>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        SpawnWhenFree::new::<Plain<E>>(self.scope, Some(self.name), Location::caller(), future)
    }

    /// Like [`Scope::try_spawn_when_free`].
    #[track_caller]
    pub fn try_spawn_when_free<F, T>(self, future: F) -> SpawnWhenFree<'env, F, T, E, K>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        SpawnWhenFree::new::<Fallible>(self.scope, Some(self.name), Location::caller(), future)
    }

    /// Like [`Scope::spawn_background`].
    #[track_caller]
    pub fn spawn_background<F>(self, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        let options = self.options().background();
        self.scope
            .add::<F, Plain<E>>(options, Location::caller(), future, None)
    }

    /// Like [`Scope::spawn_supervised`].
    #[track_caller]
    pub fn spawn_supervised<F, T, X>(self, future: F) -> Key<Outcome<T, X>>
    where
        F: Future<Output = Result<T, X>> + 'env,
        T: 'env,
        X: 'env,
        K: Accepts<F> + Accepts<Result<T, X>>,
    {
        let child = Contained::new(future);
        self.scope
            .add::<_, Supervised<E>>(self.options(), Location::caller(), child, None)
    }

    /// Like [`Scope::start`].
    #[track_caller]
    pub fn start<C, F, V>(self, call: C) -> Start<F::Output, V>
    where
        C: FnOnce(Ready<V>) -> F + 'env,
        F: Future + 'env,
        F::Output: 'env,
        V: 'env,
        K: Accepts<C> + Accepts<F> + Accepts<F::Output> + Accepts<V>,
    {
        self.scope.begin::<_, _, _, Infallible, Plain<E>>(
            self.options(),
            Location::caller(),
            call,
            |_| None,
        )
    }

    /// Like [`Scope::try_start`].
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
        self.scope.begin::<_, _, _, E, Fallible>(
            self.options(),
            Location::caller(),
            call,
            Result::err,
        )
    }
}

impl<E, K: Kind> fmt::Debug for Named<'_, '_, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish()
    }
}
