//! `SpawnWhenFree`: waits for a slot, then spawns.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use std::sync::Arc;

use super::Scope;
use crate::group::cell::{Manner, Settle};
use crate::group::ground::{Kind, Shared};
use crate::group::key::Key;

/// The future of [`Scope::spawn_when_free`] and [`Scope::try_spawn_when_free`].
#[must_use = "nothing is spawned unless this is awaited"]
pub struct SpawnWhenFree<'env, F, T, E, K: Kind = Shared> {
    scope: Scope<'env, E, K>,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    /// Gone once it is spawned. Moved into the child then, and not polled before, so it need not stay in its place.
    future: Option<F>,
    ticket: Option<u64>,
    /// Starts the child in the slot of the ticket.
    start: Start<'env, F, T, E, K>,
}

type Start<'env, F, T, E, K> =
    fn(&Scope<'env, E, K>, Manner, &'static Location<'static>, F, Option<u64>) -> Key<T>;

impl<'env, F, T, E, K: Kind> SpawnWhenFree<'env, F, T, E, K> {
    pub(super) fn new<S>(
        scope: &Scope<'env, E, K>,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        future: F,
    ) -> Self
    where
        F: Future + 'env,
        S: Settle<F::Output, Value = T, Error = E>,
    {
        Self {
            scope: scope.clone(),
            name,
            location,
            future: Some(future),
            ticket: None,
            start: Scope::add::<F, S>,
        }
    }
}

impl<F, T, E, K: Kind> Unpin for SpawnWhenFree<'_, F, T, E, K> {}

impl<F, T, E, K: Kind> Future for SpawnWhenFree<'_, F, T, E, K> {
    type Output = Key<T>;

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
                let manner = Manner::here().name_if(this.name.take());
                let ticket = this.ticket.take();
                let key = (this.start)(&this.scope, manner, this.location, future, ticket);
                Poll::Ready(key)
            }
        }
    }
}

impl<F, T, E, K: Kind> Drop for SpawnWhenFree<'_, F, T, E, K> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.scope
                .core()
                .with(|sched, after| sched.leave_slots(ticket, after));
        }
    }
}

impl<F, T, E, K: Kind> fmt::Debug for SpawnWhenFree<'_, F, T, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnWhenFree")
            .field("scope", &self.scope)
            .field("waits", &self.ticket.is_some())
            .finish()
    }
}
