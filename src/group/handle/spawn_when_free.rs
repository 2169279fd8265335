//! `SpawnWhenFree`: waits for a slot, then spawns.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::Scope;
use super::child_options::{ChildOptions, Manner, Place};
use super::key::Key;
use crate::error::unhandled::drop_quietly;
use crate::group::cell::{NewCell, OutputPolicy};
use crate::group::engine::kind::{Kind, Shared};
use crate::group::engine::position::child_around;
use crate::group::queues::concurrency_limit::Answer;
use crate::group::queues::wait_list::Ticket;
use crate::group::sched::Sched;
use crate::group::sched::effects::Effects;
use crate::shows::shows;
use crate::turn;

/// The future of [`ChildOptions::spawn_when_free`] and [`ChildOptions::try_spawn_when_free`].
#[must_use = "nothing is spawned unless this is awaited"]
pub struct SpawnWhenFree<'env, F, T, E, K: Kind = Shared> {
    place: Place<'env, E, K>,
    waiting: Waiting<F>,
    /// Starts the child, if there is a slot.
    start: Start<'env, F, T, E, K>,
}

type Start<'env, F, T, E, K> =
    fn(&Scope<'env, E, K>, &mut Option<Ticket>, &mut Waiting<F>, &Waker) -> Option<Key<T>>;

/// A child that waits for a slot before it is one.
struct Waiting<F> {
    manner: Manner,
    location: &'static Location<'static>,
    /// Gone once it is spawned. Moved into the child then, and not polled before, so it need not stay in its place.
    future: Option<F>,
}

impl<'env, F, T, E, K: Kind> SpawnWhenFree<'env, F, T, E, K> {
    #[track_caller]
    pub(super) fn new<S>(child: ChildOptions<'env, E, K>, future: F) -> Self
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Value = T, Error = E>,
    {
        Self {
            place: child.place,
            waiting: Waiting {
                location: child.manner.location(),
                manner: child.manner,
                future: Some(future),
            },
            start: Scope::add_when_free::<F, S>,
        }
    }
}

/// What came of one critical section.
enum Tried<R> {
    Went(R),
    Waits,
    NeedsWaker,
}

impl<'env, E, K: Kind> Scope<'env, E, K> {
    /// Does something if there is a slot for it, in the critical section that asks; otherwise the caller waits. `go` is given the
    /// ticket that it has waited with.
    #[inline]
    pub(super) fn when_free<R>(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        mut go: impl FnMut(&mut Sched, Option<Ticket>, &mut Effects) -> R,
    ) -> Option<R> {
        let (mut own, mut child) = (None, None);
        let went = loop {
            let tried = self.core().with(|sched, effects| {
                sched.settle_for_slots(effects);
                let comes = effects.permit_waker();
                let wake = |waker| effects.wake(waker);
                let limit = &mut sched.limit;
                match limit.ask(ticket, waker, &mut own, child, comes, wake) {
                    Answer::Go => Tried::Went(go(sched, ticket.take(), effects)),
                    Answer::Wait(stale) => {
                        effects.drop_waker(stale);
                        Tried::Waits
                    }
                    Answer::NeedsWaker => Tried::NeedsWaker,
                }
            });
            match tried {
                Tried::Went(went) => break Some(went),
                Tried::Waits => break None,
                Tried::NeedsWaker => {
                    own = Some(waker.clone());
                    child = child_around(self.core()).map(|child| child.id().child);
                }
            }
        };
        if own.is_some() {
            drop_quietly("a waker", own);
        }
        went
    }

    /// A caller that has waited with a ticket, or holds its slot, goes away.
    pub(super) fn leave_slots(&self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.core()
                .with(|sched, effects| sched.leave_slots(ticket, effects));
        }
    }

    /// Adds a child if there is a slot for it.
    #[inline]
    fn add_when_free<F, S>(
        &self,
        ticket: &mut Option<Ticket>,
        waiting: &mut Waiting<F>,
        waker: &Waker,
    ) -> Option<Key<S::Value>>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
    {
        let added = self.when_free(ticket, waker, |sched, ticket, effects| {
            let admitted = sched.admit();
            let added = admitted
                .map(|number| self.enlist(waiting.fresh::<S>(), sched, number, ticket, effects));
            sched.give_back_permits(effects);
            added
        });
        match added? {
            Ok(key) => {
                K::ensure_driver(&self.members, &self.home);
                Some(key)
            }
            Err((number, reason)) => Some(self.refused((waiting.fresh::<S>(), number, reason))),
        }
    }
}

impl<F: Future> Waiting<F> {
    /// What the cell is made of.
    #[inline]
    fn fresh<S: OutputPolicy<F::Output>>(&mut self) -> NewCell<F, S> {
        let future = self.future.take();
        let future = future.expect("`SpawnWhenFree` polled after it was over");
        NewCell::new(
            mem::take(&mut self.manner).into_options(),
            self.location,
            future,
        )
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
            this.waiting.future.is_some(),
            "`SpawnWhenFree` polled after it was over"
        );
        let unit = ready!(turn::take(cx));
        let place = &mut this.place;
        match (this.start)(
            &place.scope,
            &mut place.ticket,
            &mut this.waiting,
            cx.waker(),
        ) {
            Some(key) => {
                unit.used();
                Poll::Ready(key)
            }
            None => Poll::Pending,
        }
    }
}

shows!([F, T, E, K: Kind] SpawnWhenFree<'_, F, T, E, K>, this =>
    scope: this.place.scope,
    waits: this.place.ticket.is_some(),
);
