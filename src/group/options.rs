//! `GroupOptions`: what a group may be told before it is opened.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::Location;
use std::sync::Arc;

use super::core::Settings;
use super::gather_group::{GatherGroup, LocalGatherGroup};
use super::owner::Origin;
use super::policy::{OnError, OnPanic, Policy};
use crate::spawner::{LocalSpawner, Spawner, SpawnerHandle};

/// What a group may be told, and the start of each of its forms.
///
/// # Examples
///
/// ```
/// use ingather::{GroupOptions, OnError, block_on};
///
/// let result = block_on(
///     GroupOptions::new()
///         .name("crawl")
///         .limit(2)
///         .on_error(OnError::KeepGoing)
///         .try_scope(|tg| async move {
///             for n in 0..4 {
///                 tg.try_spawn(async move { if n % 2 == 0 { Ok(n) } else { Err(n) } });
///             }
///             Ok(())
///         }),
/// );
/// let error = result.unwrap_err();
/// assert_eq!((error.name(), error.len()), (Some("crawl"), 2));
/// ```
#[derive(Clone, Default)]
#[must_use = "options open nothing by themselves: call `scope`, `try_scope`, `group` or a relative"]
pub struct GroupOptions {
    name: Option<Arc<str>>,
    spawner: Option<SpawnerHandle>,
    limit: Option<NonZeroUsize>,
    policy: Policy,
}

impl GroupOptions {
    /// A group without a name or a limit, on the current spawner, that cancels on error and resumes panics.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the group, for errors, warnings and `Debug`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Opens the group on this spawner instead of the [current](crate::current_spawner) one.
    pub fn on<S: Spawner + Clone + 'static>(mut self, spawner: &S) -> Self {
        self.spawner = Some(SpawnerHandle::of(spawner));
        self
    }

    /// Lets at most `limit` children be under way at a time. Those above it wait in line, first come first served.
    ///
    /// # Panics
    ///
    /// If `limit` is 0: no child could ever start.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        let limit = NonZeroUsize::new(limit);
        assert!(limit.is_some(), "the limit of a group is at least 1");
        self.limit = limit;
        self
    }

    /// What the error of a child does to the others.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.policy.on_error = on_error;
        self
    }

    /// What the panic of a child does to the group.
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.policy.on_panic = on_panic;
        self
    }

    /// Opens a [`GatherGroup`].
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    #[track_caller]
    pub fn group(self) -> GatherGroup {
        self.fallible_group()
    }

    /// Opens a [`GatherGroup`] whose children may fail with an `E`.
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    #[track_caller]
    pub fn fallible_group<E>(self) -> GatherGroup<E> {
        GatherGroup::open(Origin::shared(self, Location::caller()))
    }

    /// Opens a [`LocalGatherGroup`] on a local spawner, whose children may fail with an `E`.
    ///
    /// [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn local_group_on<E, S>(self, spawner: &S) -> LocalGatherGroup<E>
    where
        S: LocalSpawner + Clone + 'static,
    {
        GatherGroup::open(Origin::local(self, Location::caller(), spawner))
    }

    pub(super) fn split(
        self,
        location: &'static Location<'static>,
    ) -> (Settings, Option<SpawnerHandle>) {
        let settings = Settings {
            name: self.name,
            location,
            policy: self.policy,
            limit: self.limit,
            drops_body: false,
        };
        (settings, self.spawner)
    }
}

impl fmt::Debug for GroupOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupOptions")
            .field("name", &self.name)
            .field("spawner", &self.spawner)
            .field("limit", &self.limit)
            .field("on_error", &self.policy.on_error)
            .field("on_panic", &self.policy.on_panic)
            .finish()
    }
}
