//! Children that were made of calls which had been polled before: in the middle of a poll, or when they were over.

use std::future::Future;
use std::panic::Location;

use super::Scope;
use super::key::Key;
use crate::group::cell::{CellOptions, InHand, NewCell, OnThread, OutputPolicy, Ran};
use crate::group::engine::kind::Kind;
use crate::group::engine::position::Position;

/// How a child is taken in.
pub(crate) trait TakesIn {
    /// What is given of a child whose value is a `T`.
    type Taken<T>;
    fn take_in<'env, F, S, E, K>(
        tg: &Scope<'env, E, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> Self::Taken<S::Value>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
        K: Kind;
}

/// Into the queue, from which somebody polls it.
pub(crate) enum Queued {}

/// In the middle of its poll, in the hands of the caller. Nobody else may ever have the chance to begin another one: whoever does
/// that, on another thread say, would poll a future that is being polled.
pub(crate) enum UnderWay {}

impl TakesIn for Queued {
    type Taken<T> = Key<T>;

    #[inline]
    fn take_in<'env, F, S, E, K>(
        tg: &Scope<'env, E, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> Key<S::Value>
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
        K: Kind,
    {
        tg.add::<F, S>(CellOptions::here(), location, future, None)
    }
}

impl TakesIn for UnderWay {
    /// Nobody has it in hand if the group is cancelled by then.
    type Taken<T> = (Key<T>, Option<PolledChild>);

    fn take_in<'env, F, S, E, K>(
        tg: &Scope<'env, E, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> (Key<S::Value>, Option<PolledChild>)
    where
        F: Future + 'env,
        S: OutputPolicy<F::Output, Error = E>,
        K: Kind,
    {
        let fresh = NewCell::<F, S>::new(CellOptions::here(), location, future);
        let taken = tg.take_in(fresh, |fresh, sched, number, _| {
            let (listed, queue, value) = fresh.publish(&tg.members, &mut sched.blocks, number);
            let in_hand = queue.take_in_hand();
            sched.enlist_in_hand(listed);
            (Key::new(value), Some(PolledChild(in_hand)))
        });
        taken.unwrap_or_else(|refused| (tg.refused(refused), None))
    }
}

/// A child whose poll is under way.
#[must_use = "the child can neither run nor end while it is in hand: call `goes_on`"]
pub(crate) struct PolledChild(InHand);

impl PolledChild {
    /// Where the code runs that is being polled.
    pub(crate) fn position(&self) -> Position {
        Position::Child(self.0.child().clone())
    }

    /// The poll is over.
    pub(crate) fn goes_on(self, at: OnThread<'_>) {
        at.core().with(|sched, _| sched.is_out_of_hand());
        settle(self.0.goes_on(at), at);
    }
}

impl<T> Key<T> {
    /// Polls the child, which is in the queue. For one that is over as soon as it is polled.
    pub(crate) fn run_now(&self, at: OnThread<'_>) {
        settle(self.cell().clone().run(at), at);
    }
}

/// Tells the group how a child was left.
fn settle(ran: Ran, at: OnThread<'_>) {
    let core = at.core();
    match ran {
        Ran::Over(finished) => core.is_over(finished),
        Ran::Woken(child) => core.push(child),
        Ran::Cancel(claimed) => core.is_over(claimed.cancel(&core.reason(), at)),
        Ran::Parked => {}
    }
}
