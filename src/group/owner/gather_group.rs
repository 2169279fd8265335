//! `GatherGroup`: a group that is owned as a value rather than by a scope.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::guard::{Origin, Owner};
use super::join::{self, Join, Next, TryJoin};
use super::options::GroupOptions;
use crate::group::engine::kind::{Borrows, Kind, Shared};
use crate::group::handle::{Scope, debug_group};
use crate::group::queues::completions::Completion;
use crate::group::sched::Sched;
use crate::log;
use crate::spawner::Spawner;

/// A group of children that is owned as a value: it hands out keys and gives results.
///
/// It dereferences to [`Scope`], which starts children and reads results. Leave it with [`join`](Self::join) or
/// [`try_join`](Self::try_join); keys can be read before and after. Prefer a [`scope`](crate::scope) where the children's
/// lives fit into a block: it cannot be forgotten.
///
/// Children run on the group's spawner from the moment they are spawned, whether or not the group is awaited.
///
/// The idea and the name are Prefect's `GatherTaskGroup`; against it keys have types, results can be read before the
/// end, and all errors come out.
///
/// # Dropping
///
/// Dropped before it was joined, it cancels its children: when `drop` returns, each that was not being polled at that
/// instant has been dropped, on this thread; one that was is dropped at the end of that poll. Failures that nobody
/// received go to the unhandled hook, and a `tracing` warning names the group.
///
/// # Examples
///
/// ```
/// use ingather::{GatherGroup, block_on};
///
/// async fn f() -> u32 { 7 }
///
/// block_on(async {
///     let group = GatherGroup::new(); // on the current spawner; GatherGroup::on(&spawner)
///     let key = group.start_soon(|| f());
///     let other = group.spawn(async { "text" });
///
///     let tally = group.join().await;
///     assert_eq!(tally.ok, 2);
///     assert_eq!(group.get_result(&key), Ok(&7)); // Result<&T, GatherIncomplete>
///     assert_eq!(group.take_result(other).unwrap(), "text");
/// });
/// ```
#[must_use = "dropping a group cancels its children: join it"]
pub struct GatherGroup<E = Infallible, K: Kind = Shared> {
    owner: Owner<'static, E, K>,
    joined: AtomicBool,
}

impl GatherGroup {
    /// A group on the [current spawner](crate::spawner::current_spawner).
    ///
    /// # Panics
    ///
    /// If there is no current spawner.
    #[track_caller]
    pub fn new() -> Self {
        Self::fallible()
    }

    /// A group on a spawner.
    #[track_caller]
    pub fn on<S: Spawner + Clone + 'static>(spawner: &S) -> Self {
        Self::fallible_on(spawner)
    }
}

impl Default for GatherGroup {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<E> GatherGroup<E> {
    /// A group on the [current spawner](crate::spawner::current_spawner) whose children may fail with an `E`.
    ///
    /// # Panics
    ///
    /// If there is no current spawner.
    #[track_caller]
    pub fn fallible() -> Self {
        GroupOptions::new().fallible_group()
    }

    /// A group on a spawner whose children may fail with an `E`.
    #[track_caller]
    pub fn fallible_on<S: Spawner + Clone + 'static>(spawner: &S) -> Self {
        GroupOptions::new().on(spawner).fallible_group()
    }
}

impl<E, K: Kind> GatherGroup<E, K> {
    pub(in crate::group) fn open(origin: Origin<K>) -> Self
    where
        K: Borrows<'static>,
    {
        let owner = Owner::open(origin);
        owner
            .scope()
            .core()
            .with(|sched, _| sched.completions = Some(Box::default()));
        Self {
            owner,
            joined: AtomicBool::new(false),
        }
    }

    /// Another handle on the group, for children that start siblings.
    pub fn handle(&self) -> Scope<'static, E, K> {
        self.owner.scope().clone()
    }

    /// Leaves the group: waits until every child is over, and gives everything that failed.
    ///
    /// The group is open until then, so children may start siblings; from then on it is closed. Where this code runs on
    /// the group's spawner it polls the children itself. It yields to the executor at least once.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future leaves everything as it is; it can be called again.
    ///
    /// # Panics
    ///
    /// Resumes the first panic of a child, once all are over, unless the group [collects](crate::OnPanic::Collect) them.
    ///
    /// # Errors
    ///
    /// Everything that failed. Also if the group was cancelled because its spawner ran none of its jobs, or if its deadline cut
    /// children short or kept them from starting. What failed is given once: after a failure each later call, and each that
    /// waited beside the first, gives an error that names the first child that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GatherGroup, block_on};
    ///
    /// let group = GatherGroup::fallible();
    /// group.try_spawn(async { "12".parse::<u8>() });
    /// assert!(block_on(group.try_join()).is_ok());
    ///
    /// let group = GatherGroup::fallible();
    /// group.try_spawn(async { "twelve".parse::<u8>() });
    /// assert!(block_on(group.try_join()).is_err_and(|error| error.len() == 1));
    /// ```
    pub fn try_join(&self) -> TryJoin<'_, E, K> {
        TryJoin::new(self)
    }

    /// The next child that is over, in the order in which they end. Waits while the group is open, also if it has no child
    /// right now; `None` once it takes no more children, since it is [closed](Scope::close), left or cancelled, and none is
    /// left.
    ///
    /// So it can stand in a `select!` beside what brings new children. To go on when no child is left there is
    /// [`next_if_any`](Self::next_if_any).
    ///
    /// Each child is reported once. Results are read with the keys, by [`Completion::id`]; a child whose key is gone is told
    /// of without its identity, so that a group that lives long keeps nothing for those nobody asks for.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future loses no completion.
    ///
    /// # Examples
    ///
    /// A server that takes connections until its listener is closed, and then waits for those that it has:
    ///
    /// ```
    /// use futures::StreamExt;
    /// use ingather::{GatherGroup, block_on};
    ///
    /// block_on(async {
    ///     let mut accepted = futures::stream::iter(1..=3).fuse();
    ///     let group = GatherGroup::new();
    ///     let mut served = 0;
    ///     loop {
    ///         futures::select_biased! {
    ///             connection = accepted.next() => match connection {
    ///                 Some(n) => drop(group.spawn(async move { n })),
    ///                 None => group.close(),
    ///             },
    ///             // Waits while there is no connection.
    ///             done = futures::FutureExt::fuse(group.next()) => match done {
    ///                 Some(_) => served += 1,
    ///                 None => break,
    ///             },
    ///         }
    ///     }
    ///     assert_eq!(served, 3);
    ///     group.join().await;
    /// });
    /// ```
    ///
    /// [`Completion::id`]: crate::types::Completion::id
    pub fn next(&self) -> Next<'_, E, K> {
        Next::new(self, Sched::is_exhausted)
    }

    /// Like [`next`](Self::next), but `None` at once if no child is left now, also while the group is open. Children in the
    /// [background](crate::types::ChildOptions::background) are given out as they end and not waited for.
    ///
    /// For a loop over the children that there are. On an open group it does not belong into a `select!`: without a child it
    /// is ready each time it is polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future loses no completion.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use ingather::{GatherGroup, block_on};
    ///
    /// block_on(async {
    ///     let group = GatherGroup::new();
    ///     let mut keys: HashMap<_, _> = (0..4_u32)
    ///         .map(|n| group.spawn(async move { n }))
    ///         .map(|key| (key.id(), key))
    ///         .collect();
    ///     let mut sum = 0;
    ///     while let Some(done) = group.next_if_any().await {
    ///         let key = keys.remove(&done.id().unwrap()).unwrap();
    ///         sum += group.take_result(key).unwrap();
    ///     }
    ///     assert_eq!(sum, 6);
    /// });
    /// ```
    pub fn next_if_any(&self) -> Next<'_, E, K> {
        Next::new(self, Sched::has_no_main)
    }

    /// A child that is over and was not reported, without waiting: `None` if there is none now.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GatherGroup, block_on};
    ///
    /// block_on(async {
    ///     let group = GatherGroup::new();
    ///     let key = group.spawn(std::future::pending::<()>());
    ///     assert!(group.try_next().is_none());
    ///     key.cancel();
    ///     assert_eq!(group.next().await.unwrap().id(), Some(key.id()));
    ///     group.join().await;
    /// });
    /// ```
    pub fn try_next(&self) -> Option<Completion> {
        join::untaken(self.core(), Sched::is_exhausted).0
    }

    /// [`next`](Self::next) as a [`Stream`](futures::Stream): it ends when the group takes no more children and none is left.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use ingather::types::Ending;
    /// use ingather::{GatherGroup, block_on};
    ///
    /// let group = GatherGroup::new();
    /// let keys = [1, 2].map(|n| group.spawn(async move { n }));
    /// let two: Vec<_> = block_on(group.completions().take(2).collect());
    /// assert!(two.iter().all(|over| over.ending() == Ending::Value));
    /// # drop(keys);
    /// ```
    pub fn completions(&self) -> join::Completions<'_, E, K> {
        join::Completions::new(self, Sched::is_exhausted)
    }

    pub(in crate::group) fn set_joined(&self) {
        self.joined.store(true, Relaxed);
    }
}

impl<K: Kind> GatherGroup<Infallible, K> {
    /// Leaves the group: waits until every child is over. [`try_join`](Self::try_join) for children that cannot fail.
    ///
    /// The [`Tally`](crate::types::Tally) says how many gave a value, and how many were cancelled or refused.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future leaves everything as it is; it can be called again.
    ///
    /// # Panics
    ///
    /// Resumes the first panic of a child, once all are over, and panics again if it is called again. (Where the group collects
    /// panics, they go to the unhandled hook.)
    pub fn join(&self) -> Join<'_, K> {
        Join::new(self)
    }
}

impl<E, K: Kind> Deref for GatherGroup<E, K> {
    type Target = Scope<'static, E, K>;

    fn deref(&self) -> &Self::Target {
        self.owner.scope()
    }
}

impl<E, K: Kind> Drop for GatherGroup<E, K> {
    fn drop(&mut self) {
        let started = self
            .core()
            .read(|sched| sched.live > 0 || sched.tally.total() > 0);
        if started && !*self.joined.get_mut() {
            log::warning(&format_args!("{self:?} was dropped without being joined"));
        }
        // The owner does the rest.
    }
}

impl<E, K: Kind> fmt::Debug for GatherGroup<E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_group("GatherGroup", self.core(), f)
    }
}
