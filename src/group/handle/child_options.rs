//! `ChildOptions`: how a child differs from most, in what it is called, how it counts and where its failures go.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::Scope;
use super::slot::NextSlot;
use crate::group::cell::CellOptions;
use crate::group::engine::kind::{Kind, Shared};
use crate::group::queues::wait_list::Ticket;

/// The mode of most [children](crate::Scope::spawn): an error or a panic fails the group.
#[derive(Debug)]
pub enum Plain {}

/// The mode of [`ChildOptions::observed`]: an error goes to the key.
#[derive(Debug)]
pub enum Observed {}

/// The mode of [`ChildOptions::supervised`]: errors and panics go to the key.
#[derive(Debug)]
pub enum Supervised {}

/// How one child differs from most; made by [`Scope::child`], and by [`Scope::slot`] with a slot for the child.
///
/// Each method but the last is an option, and they combine: a name, [`background`](Self::background), a [`grace`](Self::grace), a place, a
/// slot, and the mode `M`, which says where failures go.
///
/// | mode | `spawn` | `try_spawn` |
/// |---|---|---|
/// | [`Plain`] | `Key<T>` | `Key<T>`; an error fails the group |
/// | [`observed`](Self::observed) | | `Key<Result<T, E>>`; a panic fails the group |
/// | [`supervised`](Self::supervised) | `Key<Outcome<T, Infallible>>` | `Key<Outcome<T, X>>`, an error of any type; nothing fails the group |
///
/// # Examples
///
/// ```
/// use ingather::{GroupOptions, Outcome, block_on};
///
/// let lines = ["1", "two", "3"];
/// let numbers = block_on(GroupOptions::new().limit(2).scope(|tg| async move {
///     let mut keys = Vec::new();
///     for line in lines {
///         // No line is parsed before there is room for it, and one that is wrong ends no other.
///         let Some(slot) = tg.child().name(line).supervised().slot().await else { break };
///         keys.push(slot.try_spawn(async move { line.parse::<u32>() }));
///     }
///     let mut numbers = Vec::new();
///     for key in keys {
///         if let Ok(Outcome::Ok(number)) = key.await {
///             numbers.push(number);
///         }
///     }
///     numbers
/// }));
/// assert_eq!(numbers, [1, 3]);
/// ```
#[must_use = "options start nothing by themselves: call `spawn` or one of its relatives"]
pub struct ChildOptions<'env, E = Infallible, K: Kind = Shared, M = Plain> {
    pub(super) place: Place<'env, E, K>,
    pub(super) manner: Manner,
    pub(super) mode: PhantomData<fn() -> M>,
}

/// Where the child goes: into this group, and into this slot if one was taken for it. The slot is given back with it.
pub(super) struct Place<'env, E, K: Kind> {
    pub(super) scope: Scope<'env, E, K>,
    pub(super) ticket: Option<Ticket>,
}

impl<E, K: Kind> Drop for Place<'_, E, K> {
    fn drop(&mut self) {
        self.scope.leave_slots(self.ticket);
    }
}

/// What is told about a child before there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    name: Option<Arc<str>>,
    background: bool,
    grace: Option<Duration>,
    at: Option<&'static Location<'static>>,
}

impl Manner {
    /// What the cell is made with, in the context that is set here.
    pub(super) fn into_options(self) -> CellOptions {
        let options = CellOptions::here().name_if(self.name).grace_if(self.grace);
        if self.background {
            options.background()
        } else {
            options
        }
    }

    /// The place that it is given, or the caller of whoever starts the child.
    #[track_caller]
    pub(super) fn location(&self) -> &'static Location<'static> {
        match self.at {
            Some(at) => at,
            None => Location::caller(),
        }
    }
}

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Options for one child, which then starts it: a name, background, a grace, supervision, a slot that is taken first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, scope};
    /// block_on(scope(|tg| async move {
    ///     let cache = tg.child().name("cache").background().spawn(std::future::pending::<()>());
    ///     assert_eq!(cache.child().name(), Some("cache"));
    /// }));
    /// ```
    pub fn child(&self) -> ChildOptions<'env, E, K> {
        ChildOptions {
            place: Place {
                scope: self.clone(),
                ticket: None,
            },
            manner: Manner::default(),
            mode: PhantomData,
        }
    }

    /// Gives the next child a name, for errors, warnings and `Debug`: [`child`](Self::child) and [`name`](ChildOptions::name) in one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, scope};
    /// let name = block_on(scope(|tg| async move {
    ///     let key = tg.named("fetch").spawn(async {});
    ///     key.child().name().map(str::to_owned)
    /// }));
    /// assert_eq!(name.as_deref(), Some("fetch"));
    /// ```
    pub fn named(&self, name: impl Into<Arc<str>>) -> ChildOptions<'env, E, K> {
        self.child().name(name)
    }
}

impl<'env, E, K: Kind, M> ChildOptions<'env, E, K, M> {
    /// The child's name, for errors, warnings and `Debug`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.manner.name = Some(name.into());
        self
    }

    /// Has the child cancelled when all main children are over, and the body.
    ///
    /// For what serves the others and would go on for ever: a heartbeat, a cache that is kept warm. It is cancelled like
    /// any child, with the group's [grace](crate::GroupOptions::grace), when the scope is being left (or the group joined or
    /// closed) and nobody but background children remains. Its failures count like any child's. Kotlin calls it a daemon, trio's
    /// users a background task.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, scope};
    ///
    /// let heart = block_on(scope(|tg| async move {
    ///     let heart = tg.child().background().spawn(std::future::pending::<()>());
    ///     tg.spawn(async { /* the work */ });
    ///     heart
    /// }));
    /// assert!(heart.is_finished());
    /// ```
    pub fn background(mut self) -> Self {
        self.manner.background = true;
        self
    }

    /// How long this child may go on once it is cancelled, whatever the [grace](crate::GroupOptions::grace) of its group is.
    ///
    /// For the one child that takes longer than the others to come to an end, a writer that flushes, say; or that needs no
    /// time, though the others have it: with [`Duration::ZERO`] it is dropped at its next suspension. The time begins when the child
    /// reads that it is cancelled, for whatever reason: with its group, by its key, or with a group further out. It begins once. Those who
    /// leave the group wait for the child that long, as for any other.
    ///
    /// The time is over before that with `cancel_now` of the [group](crate::Scope::cancel_now) or the [key](crate::Key::cancel_now), and
    /// when the group is dropped. A cancel further out drops what the group is in when the grace *there* is over, and all
    /// children with it: what no cancel is to cut short stands in a [`shield`](crate::shield()). Groups that the child opens have their
    /// own grace. A child that waits in line for a slot has not begun, and is dropped at once.
    ///
    /// # Panics
    ///
    /// If there is no clock: without the default feature `time`, where the group's spawner has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    ///
    /// use ingather::{block_on, current_token, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let journal = tg.child().grace(Duration::from_secs(5)).spawn(async {
    ///         current_token().cancelled().await;
    ///         "flushed" // it has time for that
    ///     });
    ///     let worker = tg.spawn(pending::<()>());
    ///     tg.cancel(); // without grace for the others
    ///     assert!(worker.await.unwrap_err().is_cancelled());
    ///     assert_eq!(journal.await, Ok("flushed"));
    /// }));
    /// ```
    #[track_caller]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.place.scope.needs_clock();
        self.manner.grace = Some(grace);
        self
    }

    /// The place that errors and reports name, in place of the call that starts the child: for functions that start children for
    /// their callers.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// use ingather::{Key, Scope, block_on, scope};
    ///
    /// #[track_caller]
    /// fn fetch(tg: &Scope<'static>) -> Key<u32> {
    ///     tg.child().at(Location::caller()).spawn(async { 1 })
    /// }
    ///
    /// block_on(scope(|tg| async move {
    ///     let line = line!() + 1;
    ///     let key = fetch(&tg);
    ///     assert_eq!(key.location().line(), line);
    /// }));
    /// ```
    pub fn at(mut self, location: &'static Location<'static>) -> Self {
        self.manner.at = Some(location);
        self
    }

    /// Waits for one of the group's slots, to start the child in it later.
    ///
    /// For what is only to be taken when there is room for it: a server that accepts a connection, a worker that takes an item.
    /// Where [`spawn_when_free`](ChildOptions::spawn_when_free) has its child from the beginning, and loses it with the arm of a
    /// `select!`, this holds nothing but a place in line. Callers of both are served first come first served, after the children
    /// that wait in line.
    ///
    /// The slot is taken as long as the options live that this gives, and then as long as the child is under way. Dropped, they give
    /// it back to the first in line.
    ///
    /// It gives `None` where the group takes no children: it is closed or cancelled. One that is closed or cancelled later takes the
    /// slot back: what is spawned then is dropped unpolled, and its key says so. Without a [limit](crate::GroupOptions::limit) this
    /// does not wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, the future leaves the line; a slot that was promised passes to the next.
    pub fn slot(self) -> NextSlot<'env, E, K, M> {
        NextSlot::new(self)
    }

    fn in_mode<N>(self) -> ChildOptions<'env, E, K, N> {
        ChildOptions {
            place: self.place,
            manner: self.manner,
            mode: PhantomData,
        }
    }
}

impl<'env, E, K: Kind> ChildOptions<'env, E, K> {
    /// Has the child's error go to its key, and to the group only if nobody holds the key any more.
    ///
    /// For errors that the holder of the key deals with: the group does not fail. An error that is still in the key when
    /// that is dropped goes to the unhandled hook, see [`set_unhandled_hook`](crate::error::set_unhandled_hook).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ingather::{block_on, try_scope};
    /// let parsed = block_on(try_scope(|tg| async move {
    ///     let key = tg.child().observed().try_spawn(async { "twelve".parse::<u32>() });
    ///     Ok(key.await.unwrap().unwrap_or(12))
    /// }));
    /// assert_eq!(parsed.unwrap(), 12);
    /// ```
    pub fn observed(self) -> ChildOptions<'env, E, K, Observed> {
        self.in_mode()
    }

    /// Has the child's error or panic go to its key: it touches nobody else.
    ///
    /// If the key is dropped before, or with the outcome in it, the error or panic goes to the unhandled hook, see
    /// [`set_unhandled_hook`](crate::error::set_unhandled_hook). Neither the siblings nor the group learn of it. Kotlin's
    /// `supervisorScope` is the idea. The error can be of any type, also in a group that cannot fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{Outcome, block_on, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let worker = tg.child().supervised().try_spawn(async { "twelve".parse::<u32>() });
    ///     let sibling = tg.spawn(async { 1 });
    ///     assert!(matches!(worker.await, Ok(Outcome::Err(_))));
    ///     assert_eq!(sibling.await, Ok(1));
    /// }));
    /// ```
    pub fn supervised(self) -> ChildOptions<'env, E, K, Supervised> {
        self.in_mode()
    }
}

impl<E, K: Kind, M> fmt::Debug for ChildOptions<'_, E, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildOptions")
            .field("scope", &self.place.scope)
            .field("has_slot", &self.place.ticket.is_some())
            .field("name", &self.manner.name)
            .field("background", &self.manner.background)
            .field("grace", &self.manner.grace)
            .finish_non_exhaustive()
    }
}
