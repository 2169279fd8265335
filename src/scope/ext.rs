//! Scopes as methods of spawners.

use std::future::Future;

use super::form::{Fallible, Value};
use super::future::ScopeFuture;
use crate::group::{GatherGroup, GroupOptions, Scope};
use crate::spawner::Spawner;

/// Opens scopes and groups on a spawner that is at hand.
///
/// # Examples
///
/// ```
/// use ingather::{SpawnerExt, block_on, spawner::Embedded};
///
/// let five = block_on(Embedded.scope(|tg| async move { tg.spawn(async { 5 }).await }));
/// assert_eq!(five, Ok(5));
/// ```
pub trait SpawnerExt: Spawner + Clone + 'static {
    /// [`scope`](crate::scope) on this spawner.
    #[track_caller]
    fn scope<B, F>(&self, body: B) -> ScopeFuture<'static, B, F, Value>
    where
        B: FnOnce(Scope<'static>) -> F,
        F: Future,
    {
        GroupOptions::new().on(self).scope(body)
    }

    /// [`try_scope`](crate::try_scope) on this spawner.
    #[track_caller]
    fn try_scope<B, F, T, E>(&self, body: B) -> ScopeFuture<'static, B, F, Fallible>
    where
        B: FnOnce(Scope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        GroupOptions::new().on(self).try_scope(body)
    }

    /// A [`GatherGroup`] on this spawner whose children may fail with an `E`.
    #[track_caller]
    fn group<E>(&self) -> GatherGroup<E> {
        GatherGroup::fallible_on(self)
    }
}

impl<S: Spawner + Clone + 'static> SpawnerExt for S {}
