//! `SpawnWhenFree`: waits for a slot, then spawns.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Scope;
use crate::group::cell::Manner;
use crate::group::child::Plain;
use crate::group::ground::{Accepts, Kind, Shared};
use crate::group::key::Key;

/// The future of [`Scope::spawn_when_free`].
#[must_use = "nothing is spawned unless this is awaited"]
pub struct SpawnWhenFree<'env, F, E, K: Kind = Shared> {
    scope: Scope<'env, E, K>,
    location: &'static Location<'static>,
    /// Gone once it is spawned. Moved into the child then, and not polled before, so it need not stay in its place.
    future: Option<F>,
    ticket: Option<u64>,
}

impl<'env, F, E, K: Kind> SpawnWhenFree<'env, F, E, K> {
    pub(super) fn new(
        scope: Scope<'env, E, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> Self {
        Self {
            scope,
            location,
            future: Some(future),
            ticket: None,
        }
    }
}

impl<F, E, K: Kind> Unpin for SpawnWhenFree<'_, F, E, K> {}

impl<'env, F, E, K> Future for SpawnWhenFree<'env, F, E, K>
where
    F: Future + 'env,
    F::Output: 'env,
    K: Kind + Accepts<F> + Accepts<F::Output>,
{
    type Output = Key<F::Output>;

    /// # Panics
    ///
    /// If it is polled again after it gave the key.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(
            this.future.is_some(),
            "`SpawnWhenFree` polled after it was over"
        );
        let waker = cx.waker().clone();
        let promised = this.scope.core().with(|sched, after| {
            let (promised, stale) = sched.slots.ask(&mut this.ticket, waker);
            after.drop_waker(stale);
            promised
        });
        match this.future.take_if(|_| promised) {
            None => Poll::Pending,
            Some(future) => {
                let ticket = this.ticket.take();
                let added = this.scope.try_add::<F, Plain<E>>(
                    Manner::here(),
                    this.location,
                    future,
                    ticket,
                );
                Poll::Ready(added.unwrap_or_else(|refused| this.scope.refused(refused)))
            }
        }
    }
}

impl<F, E, K: Kind> Drop for SpawnWhenFree<'_, F, E, K> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.scope
                .core()
                .with(|sched, after| sched.leave_slots(ticket, after));
        }
    }
}

impl<F, E, K: Kind> fmt::Debug for SpawnWhenFree<'_, F, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnWhenFree")
            .field("scope", &self.scope)
            .field("waits", &self.ticket.is_some())
            .finish()
    }
}
