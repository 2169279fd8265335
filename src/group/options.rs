//! `GroupOptions`: what a group may be told before it is opened.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::clockwork::{Terms, Until};
use super::core::Settings;
use super::gather_group::{GatherGroup, LocalGatherGroup};
use super::owner::Origin;
use super::policy::{OnError, OnPanic, Policy};
use crate::cancel::CancelToken;
use crate::spawner::{LocalSpawner, Spawner, SpawnerHandle};
use crate::time::Deadline;

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
    terms: Option<Box<Terms>>,
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

    /// Leaves the children so much time between a cancel, when their [token](crate::current_token) turns, and the end,
    /// when those that are not over are dropped. None unless it is given.
    ///
    /// The grace holds for the groups that children open inside, too. What it is measured by is the clock of the group's
    /// spawner, or else the [current](crate::time::current_clock) one. A group that is dropped leaves no grace.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::{GroupOptions, block_on, current_token};
    ///
    /// let options = GroupOptions::new().grace(Duration::from_secs(5));
    /// let saved = block_on(options.scope(|tg| async move {
    ///     let worker = tg.spawn(async {
    ///         current_token().cancelled().await;
    ///         "saved"
    ///     });
    ///     tg.cancel();
    ///     worker.await
    /// }));
    /// assert_eq!(saved, Ok("saved"));
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.terms().grace = grace;
        self
    }

    /// Cancels the group at this instant, unless it is over by then. A `try_scope` that was cut short fails then.
    #[track_caller]
    pub fn deadline(self, deadline: impl Into<Deadline>) -> Self {
        self.until(Until::At(deadline.into()), false)
    }

    /// Cancels the group so long after it was opened, unless it is over by then. A `try_scope` or `try_join` that was cut
    /// short fails then; see [`GroupError::is_timeout`](crate::GroupError::is_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let options = GroupOptions::new().timeout(Duration::from_millis(1));
    /// let late = block_on(options.try_scope(|tg| async move {
    ///     tg.spawn(std::future::pending::<()>());
    ///     Ok::<_, std::convert::Infallible>(())
    /// }));
    /// assert!(late.unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.until(Until::After(timeout), false)
    }

    /// Like [`timeout`](Self::timeout), but that children were cut short is no error: a `try_scope` whose body gave a value
    /// gives that value. The name is trio's. Only a body that was dropped itself has nothing to give, and fails.
    #[track_caller]
    pub fn move_on_after(self, timeout: Duration) -> Self {
        self.until(Until::After(timeout), true)
    }

    /// Cancels the group when a token is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{CancelToken, GroupOptions, block_on};
    ///
    /// let token = CancelToken::new();
    /// let outside = token.clone();
    /// let result = block_on(GroupOptions::new().token(&token).scope(|tg| async move {
    ///     let key = tg.spawn(std::future::pending::<()>());
    ///     outside.cancel();
    ///     key.await
    /// }));
    /// assert!(result.unwrap_err().is_cancelled());
    /// ```
    pub fn token(mut self, token: &CancelToken) -> Self {
        self.terms().follows = Some(token.clone());
        self
    }

    #[track_caller]
    fn until(mut self, until: Until, silent: bool) -> Self {
        let terms = self.terms();
        (terms.until, terms.silent) = (until, silent);
        terms.location = Some(Location::caller());
        self
    }

    fn terms(&mut self) -> &mut Terms {
        self.terms.get_or_insert_default()
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

    /// Are panics told of as failures, rather than resumed?
    pub(crate) fn collects_panics(&self) -> bool {
        self.policy.on_panic == OnPanic::Collect
    }

    #[inline]
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
            attended: false,
            terms: self.terms,
        };
        (settings, self.spawner)
    }
}

impl fmt::Debug for GroupOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("GroupOptions");
        out.field("name", &self.name)
            .field("spawner", &self.spawner)
            .field("limit", &self.limit)
            .field("on_error", &self.policy.on_error)
            .field("on_panic", &self.policy.on_panic);
        if let Some(terms) = &self.terms {
            out.field("grace", &terms.grace)
                .field("until", &terms.until)
                .field("silent", &terms.silent)
                .field("token", &terms.follows);
        }
        out.finish()
    }
}
