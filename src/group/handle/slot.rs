//! `NextSlot`: waits for one of a group's slots, in which a child is started later.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Scope;
use super::child_options::{ChildOptions, Plain};
use crate::group::engine::kind::{Kind, Shared};
use crate::shows::shows;
use crate::turn;

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Waits for one of the group's slots, to start a child in it later: [`child`](Self::child) and [`slot`](ChildOptions::slot) in
    /// one. `None`: the group takes no children any more.
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
    ///         let (Some(slot), Some(number)) = (slot, connections.next().await) else { break };
    ///         slot.spawn(async move { number });
    ///     }
    ///     tg
    /// }));
    /// assert_eq!(served.tally().ok, 10);
    /// ```
    pub fn slot(&self) -> NextSlot<'env, E, K> {
        self.child().slot()
    }
}

/// The future of [`Scope::slot`] and [`ChildOptions::slot`].
#[must_use = "a slot is waited for only if this is awaited"]
pub struct NextSlot<'env, E = Infallible, K: Kind = Shared, M = Plain> {
    /// Its ticket is that of the wait, and then that of the slot. Gone once it was given.
    child: Option<ChildOptions<'env, E, K, M>>,
}

impl<'env, E, K: Kind, M> NextSlot<'env, E, K, M> {
    pub(super) fn new(child: ChildOptions<'env, E, K, M>) -> Self {
        Self { child: Some(child) }
    }
}

impl<E, K: Kind, M> Unpin for NextSlot<'_, E, K, M> {}

impl<'env, E, K: Kind, M> Future for NextSlot<'env, E, K, M> {
    type Output = Option<ChildOptions<'env, E, K, M>>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let child = self.child.as_mut();
        let place = &mut child.expect("`NextSlot` polled after it was ready").place;
        let unit = ready!(turn::take(cx));
        let went = place
            .scope
            .when_free(&mut place.ticket, cx.waker(), |sched, ticket, _| {
                let is_open = sched.is_open();
                is_open.then(|| sched.limit.keep(ticket))
            });
        let Some(kept) = went else {
            return Poll::Pending;
        };
        unit.used();
        let taken = self.child.take();
        Poll::Ready(kept.zip(taken).map(|(ticket, mut child)| {
            child.place.ticket = ticket;
            child
        }))
    }
}

shows!([E, K: Kind, M] NextSlot<'_, E, K, M>, this => child);
