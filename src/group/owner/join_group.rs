//! `JoinGroup`: a group that gives what its children end with as they end, under names of the user's.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::hash::Hash;
use std::panic::Location;

use futures::FutureExt;

use super::cut::State;
use super::gather_group::GatherGroup;
use super::guard::Origin;
use super::join::{Completions, Over};
use super::options::GroupOptions;
use super::outcomes::{Children, Names, NextOutcome};
use crate::error::unhandled::drop_quietly;
use crate::error::{KeyId, Outcome};
use crate::group::engine::kind::{Accepts, Borrows, Kind, Shared};
use crate::group::handle::ChildOptions;
use crate::group::handle::output_policy::{Contained, Supervised};
use crate::group::sched::Sched;
use crate::shows::shows;
use crate::spawner::Spawner;
use crate::token::{CancelKind, CancelReason};

/// A group that gives the [`Outcome`] of each child as it ends, with the name under which it was started.
///
/// For work that comes and goes while somebody looks after it: downloads, connections, one watcher for each host. No child touches
/// another: an error, a panic, a cancel are outcomes like a value. It is what tokio's `JoinSet` is, and with
/// [`keyed`](Self::keyed) what tokio-util's `JoinMap` is, on any spawner; and dropping it drops the children, in place of asking
/// for that.
///
/// Where the children belong together, so that one error should end all, a [`try_scope`](crate::try_scope) is better.
///
/// # Dropping
///
/// The children are cancelled: when `drop` returns, each that was not being polled at that instant has been dropped, on this thread;
/// one that was is dropped at the end of that poll. Errors and panics that nobody received go to the unhandled hook.
///
/// # Examples
///
/// ```
/// use ingather::{JoinGroup, Outcome, block_on};
///
/// block_on(async {
///     let mut group = JoinGroup::new();
///     for text in ["1", "two", "3"] {
///         group.try_spawn(async move { text.parse::<u32>() });
///     }
///     let (mut sum, mut failed) = (0, 0);
///     while let Some((_id, outcome)) = group.next().await {
///         match outcome {
///             Outcome::Ok(number) => sum += number,
///             _ => failed += 1,
///         }
///     }
///     assert_eq!((sum, failed), (4, 1));
/// });
/// ```
#[must_use = "dropping a group cancels its children: call `next`"]
pub struct JoinGroup<T, E = Infallible, Id = KeyId, K: Kind = Shared> {
    group: GatherGroup<Infallible, K>,
    children: Children<T, E, Id>,
}

impl<T, E> JoinGroup<T, E> {
    /// A group on the [current spawner](crate::spawner::current_spawner), whose children have numbers.
    ///
    /// # Panics
    ///
    /// If there is no current spawner.
    #[track_caller]
    pub fn new() -> Self {
        Self::with_options(GroupOptions::new())
    }

    /// A group on a spawner.
    #[track_caller]
    pub fn on<S: Spawner + Clone + 'static>(spawner: &S) -> Self {
        Self::with_options(GroupOptions::new().on(spawner))
    }
}

impl<T, E> Default for JoinGroup<T, E> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E, Id: Eq + Hash + Clone> JoinGroup<T, E, Id> {
    /// A group on the [current spawner](crate::spawner::current_spawner), whose children have names of any type.
    ///
    /// # Panics
    ///
    /// If there is no current spawner.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{JoinGroup, Outcome, block_on};
    ///
    /// block_on(async {
    ///     let mut hosts = JoinGroup::keyed();
    ///     hosts.insert("a.example", async { 1 });
    ///     hosts.insert("b.example", std::future::pending());
    ///     // One child for each name: this cancels the one before.
    ///     hosts.insert("b.example", async { 2 });
    ///     let mut answers = Vec::new();
    ///     while let Some((host, Outcome::Ok(answer))) = hosts.next().await {
    ///         answers.push((host, answer));
    ///     }
    ///     answers.sort();
    ///     assert_eq!(answers, [("a.example", 1), ("b.example", 2)]);
    /// });
    /// ```
    #[track_caller]
    pub fn keyed() -> Self {
        Self::keyed_with_options(GroupOptions::new())
    }
}

impl<T, E, K: Kind + Borrows<'static>> JoinGroup<T, E, KeyId, K> {
    /// A group with these options. What they say about errors and panics has no effect: they are outcomes.
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupOptions, JoinGroup, block_on};
    ///
    /// block_on(async {
    ///     let mut group = JoinGroup::<_>::with_options(GroupOptions::new().limit(8));
    ///     (0..100).for_each(|n| drop(group.spawn(async move { n })));
    ///     group.set_limit(16);
    ///     let mut sum = 0;
    ///     while let Some((_, outcome)) = group.next().await {
    ///         sum += outcome.ok().unwrap();
    ///     }
    ///     assert_eq!(sum, 4950);
    /// });
    /// ```
    #[track_caller]
    pub fn with_options<C: State>(options: GroupOptions<K, C>) -> Self {
        Self::open(options, Names::Numbers(|id| *id))
    }
}

impl<T, E, Id: Eq + Hash + Clone, K: Kind + Borrows<'static>> JoinGroup<T, E, Id, K> {
    /// A group with these options, whose children have names of any type. What the options say about errors and panics has no effect:
    /// they are outcomes.
    ///
    /// # Panics
    ///
    /// If no spawner was named and there is no current one.
    #[track_caller]
    pub fn keyed_with_options<C: State>(options: GroupOptions<K, C>) -> Self {
        Self::open(options, Names::Given(HashMap::new()))
    }
}

impl<T, E, Id, K: Kind + Borrows<'static>> JoinGroup<T, E, Id, K> {
    #[track_caller]
    fn open<C: State>(options: GroupOptions<K, C>, names: Names<Id>) -> Self {
        Self {
            group: GatherGroup::open(Origin::new(options, Location::caller())),
            children: Children {
                keys: HashMap::new(),
                names,
                refused: VecDeque::new(),
            },
        }
    }
}

impl<T: 'static, K: Kind> JoinGroup<T, Infallible, KeyId, K> {
    /// Starts a child that gives a value, and says which it is.
    ///
    /// In a group that is closed or cancelled the future is dropped unpolled, and the outcome is
    /// [`Cancelled`](Outcome::Cancelled).
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> KeyId
    where
        F: Future<Output = T> + 'static,
        K: Accepts<F> + Accepts<T>,
    {
        let child = Contained::new(future.map(Ok));
        self.start(child, Location::caller(), None, |id| id)
    }

    /// Waits for a slot of the group's limit, and starts a child in it: for a producer that should not run ahead.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, the future has not been spawned and is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupOptions, JoinGroup, block_on};
    ///
    /// block_on(async {
    ///     let mut group = JoinGroup::with_options(GroupOptions::new().limit(2));
    ///     for n in 0..10 {
    ///         group.spawn_when_free(async move { n }).await; // no more than two are started and not over
    ///     }
    ///     let mut sum = 0;
    ///     while let Some((_, outcome)) = group.next().await {
    ///         sum += outcome.ok().unwrap();
    ///     }
    ///     assert_eq!(sum, 45);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_when_free<F>(
        &mut self,
        future: F,
    ) -> impl Future<Output = KeyId> + use<'_, F, T, K>
    where
        F: Future<Output = T> + 'static,
        K: Accepts<F> + Accepts<T>,
    {
        let location = Location::caller();
        async move {
            let slot = self.group.slot().await;
            let child = Contained::new(future.map(Ok));
            self.start(child, location, slot, |id| id)
        }
    }
}

impl<T: 'static, E: 'static, K: Kind> JoinGroup<T, E, KeyId, K> {
    /// Starts a child that can fail, and says which it is: [`spawn`](Self::spawn) for futures that give a `Result`.
    #[track_caller]
    pub fn try_spawn<F>(&mut self, future: F) -> KeyId
    where
        F: Future<Output = Result<T, E>> + 'static,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.start(Contained::new(future), Location::caller(), None, |id| id)
    }
}

impl<T: 'static, Id: Eq + Hash + Clone, K: Kind> JoinGroup<T, Infallible, Id, K> {
    /// Starts a child that gives a value, under this name. A child that has it is cancelled, and its outcome is not given any more.
    ///
    /// In a group that is closed or cancelled the future is dropped unpolled, and the outcome is
    /// [`Cancelled`](Outcome::Cancelled).
    #[track_caller]
    pub fn insert<F>(&mut self, name: Id, future: F)
    where
        F: Future<Output = T> + 'static,
        K: Accepts<F> + Accepts<T>,
    {
        self.replace(name, Contained::new(future.map(Ok)), Location::caller());
    }
}

impl<T: 'static, E: 'static, Id: Eq + Hash + Clone, K: Kind> JoinGroup<T, E, Id, K> {
    /// Starts a child that can fail, under this name: [`insert`](Self::insert) for futures that give a `Result`.
    #[track_caller]
    pub fn try_insert<F>(&mut self, name: Id, future: F)
    where
        F: Future<Output = Result<T, E>> + 'static,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        self.replace(name, Contained::new(future), Location::caller());
    }

    fn replace<F>(&mut self, name: Id, child: F, location: &'static Location<'static>)
    where
        F: Future<Output = Outcome<T, E>> + 'static,
    {
        if let Some(before) = self.children.given().remove(&name) {
            if let Some((_, key)) = self.children.keys.remove(&before) {
                key.cancel_with(CancelReason::from_here(CancelKind::NotNeeded, location));
                drop_quietly("the outcome of a child that was replaced", key);
            }
        }
        self.children.refused.retain(|(other, _)| *other != name);
        self.start(child, location, None, |_| name);
    }
}

impl<T, E, Id: Eq + Hash + Clone, K: Kind> JoinGroup<T, E, Id, K> {
    fn start<F>(
        &mut self,
        child: F,
        location: &'static Location<'static>,
        slot: Option<ChildOptions<'static, Infallible, K>>,
        name: impl FnOnce(KeyId) -> Id,
    ) -> KeyId
    where
        F: Future<Output = Outcome<T, E>> + 'static,
    {
        let options = slot.unwrap_or_else(|| self.group.child()).at(location);
        match options.try_add::<F, Supervised<Infallible>>(child) {
            Ok(key) => {
                let id = key.id();
                self.children.enters(id, name(id), key);
                id
            }
            Err((fresh, child, reason)) => {
                drop_quietly("a child that was not taken", fresh);
                let group = self.group.core().id();
                let id = KeyId { group, child };
                self.children.refused.push_back((name(id), reason));
                id
            }
        }
    }
}

impl<T, E, Id: Eq + Hash + Clone, K: Kind> JoinGroup<T, E, Id, K> {
    /// The next child that is over, and what it ended with. `None` at once if no child is left.
    ///
    /// In a `select!` beside what brings new children use [`next_while_open`](Self::next_while_open), which waits for those.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future loses no outcome.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is the name that tokio's `JoinSet` and groups have for it, and gives a future"
    )]
    pub fn next(&mut self) -> NextOutcome<'_, T, E, Id, K> {
        self.next_until(Sched::has_no_main)
    }

    /// Like [`next`](Self::next), but waits while the group is open, also if it has no child right now. `None` once it is
    /// [closed](Self::close) or cancelled, and no child is left.
    ///
    /// # Cancel safety
    ///
    /// Dropping this future loses no outcome.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{FutureExt, StreamExt, select_biased};
    /// use ingather::{JoinGroup, block_on};
    ///
    /// block_on(async {
    ///     let mut accepted = futures::stream::iter(1..=3).fuse();
    ///     let mut group = JoinGroup::<u32>::new();
    ///     let mut served = 0;
    ///     loop {
    ///         select_biased! {
    ///             connection = accepted.next() => match connection {
    ///                 Some(n) => drop(group.spawn(async move { n })),
    ///                 None => group.close(),
    ///             },
    ///             over = group.next_while_open().fuse() => match over {
    ///                 Some((_, outcome)) => served += outcome.ok().unwrap(),
    ///                 None => break,
    ///             },
    ///         }
    ///     }
    ///     assert_eq!(served, 6);
    /// });
    /// ```
    pub fn next_while_open(&mut self) -> NextOutcome<'_, T, E, Id, K> {
        self.next_until(Sched::is_exhausted)
    }

    fn next_until(&mut self, over: Over) -> NextOutcome<'_, T, E, Id, K> {
        NextOutcome {
            completions: Completions::new(&self.group, over),
            children: &mut self.children,
        }
    }

    /// A child that is over, without waiting: `None` if no outcome is there now.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{JoinGroup, block_on};
    ///
    /// block_on(async {
    ///     let mut group = JoinGroup::<()>::new();
    ///     let id = group.spawn(std::future::pending());
    ///     assert!(group.try_next().is_none());
    ///     assert!(group.cancel(&id));
    ///     assert!(group.next().await.unwrap().1.is_cancelled());
    /// });
    /// ```
    pub fn try_next(&mut self) -> Option<(Id, Outcome<T, E>)> {
        if let Some(refused) = self.children.next_refused() {
            return Some(refused);
        }
        loop {
            let completion = self.group.try_next()?;
            if let Some(given) = completion.id().and_then(|id| self.children.take(id)) {
                return Some(given);
            }
        }
    }

    /// Cancels one child. `false`: it is not there, or its outcome was given out. Otherwise that is still to come.
    #[track_caller]
    pub fn cancel(&self, name: &Id) -> bool {
        let reason = CancelReason::explicit();
        let key = self.children.key(name);
        key.map(|key| key.cancel_with(reason)).is_some() || self.children.is_refused(name)
    }

    /// Is there a child of this name whose outcome was not given out?
    pub fn contains(&self, name: &Id) -> bool {
        self.children.key(name).is_some() || self.children.is_refused(name)
    }
}

impl<T, E, Id, K: Kind> JoinGroup<T, E, Id, K> {
    /// Cancels all children, with the group's [grace](GroupOptions::grace), and starts no other. The outcomes are still to come.
    #[track_caller]
    pub fn cancel_all(&self) {
        self.group.cancel();
    }

    /// Takes no more children. Those that are there go on.
    pub fn close(&self) {
        self.group.close();
    }

    /// How many outcomes are to come, or can be taken now.
    pub fn len(&self) -> usize {
        self.children.keys.len() + self.children.refused.len()
    }

    /// Is no outcome to come?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes the limit of the group: see [`Scope::set_limit`](crate::Scope::set_limit).
    ///
    /// # Panics
    ///
    /// If `limit` is 0, and if the group was opened without a limit of its own.
    #[track_caller]
    pub fn set_limit(&self, limit: usize) {
        self.group.set_limit(limit);
    }
}

impl<T, E, Id, K: Kind> Drop for JoinGroup<T, E, Id, K> {
    fn drop(&mut self) {
        // It says nothing of children that are left: that is what a drop is for.
        self.group.set_joined();
    }
}

shows!([T, E, Id, K: Kind] JoinGroup<T, E, Id, K>, this => group, len: this.len(), ..);
