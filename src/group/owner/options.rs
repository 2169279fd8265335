//! `GroupOptions`: what a group may be told before it is opened.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::cut::{Cut, MovesOn, State, Whole};
use super::gather_group::GatherGroup;
use super::guard::Origin;
use crate::clock::Deadline;
use crate::error::unhandled::Quiet;
use crate::group::engine::core::Settings;
use crate::group::engine::deadline::{TimeOptions, Until};
use crate::group::engine::kind::{Blocking, Driven, Inline, InlineLocal, Kind, Local, Shared};
use crate::group::queues::concurrency_limit::Limit;
use crate::group::sched::policy::{OnError, OnPanic, Policy};
use crate::limiter::CapacityLimiter;
use crate::spawner::{LocalSpawner, Spawner, SpawnerHandle};
use crate::token::CancelToken;

/// What a group may be told, and the start of each of its forms.
///
/// `C` says whether the group may be cut short from outside: [`Whole`], [`Cut`] after [`timeout`](Self::timeout),
/// [`deadline`](Self::deadline) or [`token`](Self::token), [`MovesOn`] after [`move_on_after`](Self::move_on_after). A form
/// that cannot fail takes no [`Cut`] options: its output has no place for "it was cut short". Options that are stored name
/// the state: `options: GroupOptions<Shared, Cut>`; `.timeout(None)` makes it [`Cut`] without a deadline.
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
#[must_use = "options open nothing by themselves: call `scope`, `try_scope`, `group` or a relative"]
pub struct GroupOptions<K: Kind = Shared, C = Whole> {
    name: Option<Arc<str>>,
    home: K::Origin,
    limit: Option<Limit>,
    policy: Policy,
    time_options: Option<Box<TimeOptions>>,
    state: PhantomData<fn() -> (K, C)>,
}

impl GroupOptions {
    /// A group without a name or a limit, on the current spawner, that cancels on error and resumes panics.
    pub fn new() -> Self {
        Self {
            name: None,
            home: None,
            limit: None,
            policy: Policy::default(),
            time_options: None,
            state: PhantomData,
        }
    }
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kind, C> Clone for GroupOptions<K, C> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            home: self.home.clone(),
            limit: self.limit.clone(),
            policy: self.policy,
            time_options: self.time_options.clone(),
            state: PhantomData,
        }
    }
}

/// The options of a group on a spawner.
///
/// # Examples
///
/// ```
/// use ingather::spawner::Embedded;
/// use ingather::{block_on, on};
///
/// let five = block_on(on(&Embedded).scope(|tg| async move { tg.spawn(async { 5 }).await }));
/// assert_eq!(five, Ok(5));
/// let pair = block_on(on(&Embedded).limit(1).gather([1, 2].map(|n| move || async move { n })));
/// assert_eq!(pair, [1, 2]);
/// ```
pub fn on<S: Spawner + Clone + 'static>(spawner: &S) -> GroupOptions {
    GroupOptions::new().on(spawner)
}

impl<K: Kind<Origin = Option<SpawnerHandle>>, C: State> GroupOptions<K, C> {
    /// Opens the group on this spawner instead of the [current](crate::spawner::current_spawner) one.
    pub fn on<S: Spawner + Clone + 'static>(mut self, spawner: &S) -> Self {
        self.home = Some(SpawnerHandle::of(spawner));
        self
    }
}

/// Where the children run. Without one of these they run on a spawner, and are [`Send`].
impl<C: State> GroupOptions<Shared, C> {
    /// Runs the children inside the task that awaits the form, where they may borrow: see [`inline`](crate::inline).
    pub fn inline(self) -> GroupOptions<Inline, C> {
        self.at_home(|_| ())
    }

    /// [`inline`](Self::inline) for children that need not be [`Send`]: see [`inline::local`](crate::inline::local).
    pub fn inline_local(self) -> GroupOptions<InlineLocal, C> {
        self.at_home(|_| ())
    }

    /// Runs the children on a local spawner, on this thread; they need not be [`Send`]. See [`local`](crate::local).
    pub fn local<S: LocalSpawner + Clone + 'static>(self, spawner: &S) -> GroupOptions<Local, C> {
        self.at_home(|_| -> Rc<dyn LocalSpawner> {
            Rc::new(Quiet::new("a spawner", spawner.clone()))
        })
    }

    /// Runs the children on the spawner while this thread waits for them, so that they may borrow: see
    /// [`parallel`](crate::parallel).
    pub fn parallel(self) -> GroupOptions<Blocking, C> {
        self.at_home(|spawner| spawner)
    }
}

impl<K: Kind, C: State> GroupOptions<K, C> {
    /// Names the group, for errors, warnings and `Debug`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
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
        self.limit = limit.map(Limit::own);
        self
    }

    /// Has each child hold a permit of this limiter while it is under way, instead of a [`limit`](Self::limit) of the group's own: so
    /// that several groups share one limit, with each other and with whatever else takes permits.
    ///
    /// Children wait in line for it as for a slot. Groups that wait take turns, so that a group with few children does not wait
    /// for all of one with many. A permit is given back when its child is over. A limiter of 0 starts nothing until it is raised.
    /// A closure of [`to_thread`](crate::to_thread) that is left running, abandoned by a cancel or dropped with its child, holds a permit
    /// until it has really ended.
    ///
    /// A child that opens a group with the same limiter holds a permit meanwhile, and with all permits held that way nobody goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::CapacityLimiter;
    /// use ingather::{GroupOptions, block_on, gather};
    ///
    /// static CONNECTIONS: CapacityLimiter = CapacityLimiter::new(2);
    ///
    /// async fn crawl(site: &str) -> usize {
    ///     let options = GroupOptions::new().limiter(&CONNECTIONS);
    ///     let pages = options.scope(|tg| async move {
    ///         let pages: Vec<_> = (0..5)
    ///             .map(|_| tg.spawn(async { CONNECTIONS.statistics().borrowed }))
    ///             .collect();
    ///         let mut most = 0;
    ///         for page in pages {
    ///             most = most.max(page.await.unwrap());
    ///         }
    ///         most
    ///     });
    ///     pages.await
    /// }
    ///
    /// let (one, other) = block_on(gather((|| crawl("a.example"), || crawl("b.example"))));
    /// assert!(one <= 2 && other <= 2);
    /// ```
    pub fn limiter(mut self, limiter: &CapacityLimiter) -> Self {
        self.limit = Some(Limit::shared(limiter.clone()));
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
    /// It is the grace of cancels of this group, which those whom they reach further in have as well. A group that a child opens
    /// inside has its own, none unless it was given, when it cancels itself; where both are cancelled, the end that comes first
    /// counts. One child may have [another](crate::types::ChildOptions::grace). What it is measured by is the clock of the group's
    /// spawner, or else the [current](crate::clock::current_clock) one. A group that is dropped leaves no grace.
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
        self.time_options().grace = grace;
        self
    }

    /// Cancels the group at this instant, unless it is over by then. A `try_scope` that was cut short fails then.
    #[track_caller]
    pub fn deadline(self, deadline: impl Into<Deadline>) -> GroupOptions<K, Cut> {
        self.until(Until::At(deadline.into()), false)
    }

    /// Cancels the group so long after it was opened, unless it is over by then. `None` sets no deadline, and takes back the
    /// one that was set. A `try_scope`, `scope_or_cut` or `try_join` that was cut short fails then; see
    /// [`GroupError::is_timeout`](crate::GroupError::is_timeout).
    ///
    /// A `scope`, `gather` or `race` does not take these options, since its output cannot say that the time was up.
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
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> GroupOptions<K, Cut> {
        let until = timeout.into().map_or(Until::Never, Until::After);
        self.until(until, false)
    }

    /// Like [`timeout`](Self::timeout), but that the time is up is no error: the output becomes an `Option`, `None` where the
    /// group was cut short before it had its value. The name is trio's.
    ///
    /// A `scope`, `gather` or `race` gives `Option<T>`, a `try_scope` or `try_gather` `Result<Option<T>, GroupError<E>>`. Where
    /// the body gave its value in time and only children were cut short, it is `Some`; their keys say what became of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let options = GroupOptions::new().move_on_after(Duration::from_millis(1));
    /// let late = block_on(options.clone().scope(|_tg| std::future::pending::<u32>()));
    /// assert_eq!(late, None);
    /// assert_eq!(block_on(options.scope(|_tg| async { 7 })), Some(7));
    /// ```
    #[track_caller]
    pub fn move_on_after(self, timeout: Duration) -> GroupOptions<K, MovesOn> {
        self.until(Until::After(timeout), true)
    }

    /// Cancels the group when a token is cancelled.
    ///
    /// A `scope`, `gather` or `race` does not take these options, since its output cannot say that it was cut short; after
    /// [`move_on_after`](Self::move_on_after) it does, and gives `None` then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{CancelToken, GroupOptions, block_on};
    ///
    /// let token = CancelToken::new();
    /// let outside = token.clone();
    /// let result = block_on(GroupOptions::new().token(&token).scope_or_cut(|tg| async move {
    ///     tg.spawn(std::future::pending::<()>());
    ///     outside.cancel();
    ///     std::future::pending::<u32>().await
    /// }));
    /// assert_eq!(result.unwrap_err().reason().root().kind(), ingather::cancel::CancelKind::Explicit);
    /// ```
    pub fn token(mut self, token: &CancelToken) -> GroupOptions<K, C::Follows> {
        self.time_options().follows = Some(token.clone());
        self.into_state()
    }

    #[track_caller]
    fn until<D>(mut self, until: Until, silent: bool) -> GroupOptions<K, D> {
        let time_options = self.time_options();
        (time_options.until, time_options.silent) = (until, silent);
        time_options.location = Some(Location::caller());
        self.into_state()
    }

    /// The same options, where the type has done its work or is about to change.
    pub(crate) fn into_state<D>(self) -> GroupOptions<K, D> {
        self.at_home(|home| home)
    }

    /// The same options for a group whose home is made of what is known of this one's.
    fn at_home<J: Kind, D>(self, home: impl FnOnce(K::Origin) -> J::Origin) -> GroupOptions<J, D> {
        GroupOptions {
            name: self.name,
            home: home(self.home),
            limit: self.limit,
            policy: self.policy,
            time_options: self.time_options,
            state: PhantomData,
        }
    }

    fn time_options(&mut self) -> &mut TimeOptions {
        self.time_options.get_or_insert_default()
    }

    /// Are panics collected as failures, rather than resumed?
    pub(crate) fn collects_panics(&self) -> bool {
        self.policy.on_panic == OnPanic::Collect
    }

    #[inline]
    pub(in crate::group) fn split(
        self,
        location: &'static Location<'static>,
    ) -> (Settings, K::Origin) {
        let settings = Settings {
            name: self.name,
            location,
            policy: self.policy,
            limit: self.limit,
            drops_body: false,
            has_body: false,
            needs_all: false,
            body_waits: false,
            attended: false,
            time_options: self.time_options,
        };
        (settings, self.home)
    }
}

impl<K: Driven, C: State> GroupOptions<K, C> {
    /// Opens a [`GatherGroup`].
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    #[track_caller]
    pub fn group(self) -> GatherGroup<Infallible, K> {
        self.fallible_group()
    }

    /// Opens a [`GatherGroup`] whose children may fail with an `E`.
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    #[track_caller]
    pub fn fallible_group<E>(self) -> GatherGroup<E, K> {
        GatherGroup::open(Origin::new(self, Location::caller()))
    }
}

impl<K: Kind, C> fmt::Debug for GroupOptions<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("GroupOptions");
        out.field("name", &self.name)
            .field("spawner", &K::named(&self.home))
            .field("limit", &self.limit)
            .field("on_error", &self.policy.on_error)
            .field("on_panic", &self.policy.on_panic);
        if let Some(time_options) = &self.time_options {
            out.field("grace", &time_options.grace)
                .field("until", &time_options.until)
                .field("silent", &time_options.silent)
                .field("token", &time_options.follows);
        }
        out.finish()
    }
}
