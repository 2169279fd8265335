//! `Slot`: one of a group's slots, taken first and filled later.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Scope;
use super::key::Key;
use super::output_policy::{Fallible, Plain};
use crate::group::cell::ChildOptions;
use crate::group::engine::kind::{Accepts, Kind, Shared};
use crate::group::queues::wait_list::Ticket;
use crate::turn;

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Waits for one of the group's slots, to start a child in it later.
    ///
    /// For what is only to be taken when there is room for it: a server that accepts a connection, a worker that takes an item.
    /// Where [`spawn_when_free`](Self::spawn_when_free) has its child from the beginning, and loses it with the arm of a `select!`,
    /// this holds nothing but a place in line. Callers of both are served first come first served, after the children that
    /// wait in line.
    ///
    /// Without a [limit](crate::GroupOptions::limit) it does not wait, and neither does it in a group that is closed or cancelled,
    /// whose slots start nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is over, the future leaves the line; a slot that was promised passes to the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{FutureExt, StreamExt, channel::mpsc, select};
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let (connects, mut connections) = mpsc::unbounded();
    /// let (_stop, mut stopped) = mpsc::unbounded::<()>();
    /// (0..10).for_each(|number| connects.unbounded_send(number).unwrap());
    /// drop(connects);
    ///
    /// let served = block_on(GroupOptions::new().limit(2).scope(|tg| async move {
    ///     loop {
    ///         // Where the other arm wins, no connection was accepted that would be lost now.
    ///         let slot = select! {
    ///             slot = tg.slot().fuse() => slot,
    ///             _ = stopped.next() => break,
    ///         };
    ///         let Some(number) = connections.next().await else { break };
    ///         slot.spawn(async move { number });
    ///     }
    ///     tg
    /// }));
    /// assert_eq!(served.tally().ok, 10);
    /// ```
    pub fn slot(&self) -> NextSlot<'env, E, K> {
        NextSlot {
            scope: self.clone(),
            ticket: None,
            is_over: false,
        }
    }
}

/// The future of [`Scope::slot`].
#[must_use = "a slot is waited for only if this is awaited"]
pub struct NextSlot<'env, E = Infallible, K: Kind = Shared> {
    scope: Scope<'env, E, K>,
    ticket: Option<Ticket>,
    is_over: bool,
}

impl<E, K: Kind> Unpin for NextSlot<'_, E, K> {}

impl<'env, E, K: Kind> Future for NextSlot<'env, E, K> {
    type Output = Slot<'env, E, K>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(!this.is_over, "`NextSlot` polled after it was ready");
        let unit = ready!(turn::take(cx));
        let keep = this
            .scope
            .when_free(&mut this.ticket, cx.waker(), |sched, ticket, _| {
                sched.limit.keep(ticket)
            });
        let Some(ticket) = keep else {
            return Poll::Pending;
        };
        unit.used();
        this.is_over = true;
        let scope = this.scope.clone();
        Poll::Ready(Slot { scope, ticket })
    }
}

impl<E, K: Kind> Drop for NextSlot<'_, E, K> {
    fn drop(&mut self) {
        self.scope.leave_slots(self.ticket);
    }
}

/// One of a group's slots, to start a child in; from [`Scope::slot`].
///
/// It is taken as long as this lives, and then as long as the child is under way. Dropped, it is given back to the first in line. A
/// group that is closed or cancelled takes it back: what is spawned then is dropped unpolled, and its key says so.
///
/// # Examples
///
/// ```
/// use ingather::{GroupOptions, block_on};
///
/// block_on(GroupOptions::new().limit(1).scope(|tg| async move {
///     let slot = tg.slot().await;
///     let other = tg.spawn(async { 2 });
///     assert_eq!(tg.waiting(), 1);
///     assert_eq!(slot.spawn(async { 1 }).await, Ok(1));
///     assert_eq!(other.await, Ok(2));
/// }));
/// ```
#[must_use = "a slot that is dropped is given back: call `spawn`"]
pub struct Slot<'env, E = Infallible, K: Kind = Shared> {
    scope: Scope<'env, E, K>,
    /// `None`: the child starts like others.
    ticket: Option<Ticket>,
}

impl<'env, E, K: Kind> Slot<'env, E, K> {
    /// Starts a child in it, as [`Scope::spawn`] does.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.spawn_as(ChildOptions::here(), Location::caller(), future)
    }

    /// Starts a child in it that has a name.
    #[track_caller]
    pub fn spawn_named<F>(self, name: impl Into<Arc<str>>, future: F) -> Key<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        self.spawn_as(
            ChildOptions::here().name(name.into()),
            Location::caller(),
            future,
        )
    }

    /// Starts a child in it that can fail, as [`Scope::try_spawn`] does.
    #[track_caller]
    pub fn try_spawn<F, T>(mut self, future: F) -> Key<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
        K: Accepts<F> + Accepts<Result<T, E>>,
    {
        let ticket = self.ticket.take();
        self.scope
            .add::<F, Fallible>(ChildOptions::here(), Location::caller(), future, ticket)
    }

    fn spawn_as<F>(
        mut self,
        manner: ChildOptions,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<F::Output>
    where
        F: Future + 'env,
        K: Accepts<F> + Accepts<F::Output>,
    {
        let ticket = self.ticket.take();
        self.scope
            .add::<F, Plain<E>>(manner, location, future, ticket)
    }
}

impl<E, K: Kind> Drop for Slot<'_, E, K> {
    fn drop(&mut self) {
        self.scope.leave_slots(self.ticket);
    }
}

impl<E, K: Kind> fmt::Debug for NextSlot<'_, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextSlot")
            .field("scope", &self.scope)
            .field("waits", &self.ticket.is_some())
            .finish()
    }
}

impl<E, K: Kind> fmt::Debug for Slot<'_, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
