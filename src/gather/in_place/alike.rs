//! A gather of calls that all give the same, which gives a `Vec`.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::task::Context;

use super::lies::{Hand, Lies, ended, no_site};
use super::slots::{Children, Lay, Slots};
use crate::gather::each::{Each, Takes};
use crate::gather::in_order::InOrder;
use crate::gather::mode::{Ends, ModeOf, Of};
use crate::gather::site::Site;
use crate::group::{Block, Key, Kind, Polled, PolledChild, Scope};

/// Starts calls as children in the mode `M`, and keeps their keys.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Starts<'a, 'env, M, E, K: Kind, V> {
    tg: &'a Scope<'env, E, K>,
    location: &'static Location<'static>,
    hand: Hand,
    keys: Vec<Key<V>>,
    mode: PhantomData<fn() -> M>,
}

impl<'a, 'env, M, E, K: Kind, V> Starts<'a, 'env, M, E, K, V> {
    fn new(
        tg: &'a Scope<'env, E, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
        count: usize,
    ) -> Self {
        Self {
            tg,
            location,
            hand: Hand::of(polled),
            keys: Vec::with_capacity(count),
            mode: PhantomData,
        }
    }

    /// Starts calls that were not polled in place.
    pub(in crate::gather) fn all<R: Lay + Each<Self>>(
        calls: R,
        tg: &'a Scope<'env, E, K>,
        location: &'static Location<'static>,
    ) -> InOrder<M, V>
    where
        M: Ends<V>,
    {
        let mut starts = Self::new(tg, location, None, calls.count());
        calls.each(&mut starts);
        InOrder::new(starts.keys, Site::of(tg, location))
    }
}

impl<'env, F, M, E, K, V> Takes<F> for Starts<'_, 'env, M, E, K, V>
where
    F: Future,
    K: Kind,
    M: ModeOf<'env, F, F::Output, K, Error = E, Value = V>,
{
    fn take(&mut self, call: F) {
        let index = self.keys.len();
        let key = self
            .hand
            .start::<M, _, _>(index, call, self.tg, self.location);
        self.keys.push(key);
    }
}

/// Calls that all give an `O`, laid down: the callables `R` in the slots `S`.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Alike<O, R, S: ?Sized> {
    slots: Block<S>,
    output: PhantomData<fn(R) -> O>,
}

impl<'env, M, O, K, R, S> Lies<'env, M, K> for Alike<O, R, S>
where
    K: Kind,
    M: Of<O> + Ends<M::Value>,
    R: Lay<Laid = S>,
    S: Slots<O> + for<'a> Children<Starts<'a, 'env, M, M::Error, K, M::Value>> + ?Sized,
{
    type Error = M::Error;
    type Wait = InOrder<M, M::Value>;
    type Given = Self::Wait;
    type Calls = R;

    fn lay(calls: R) -> Self {
        Self {
            slots: calls.lay(),
            output: PhantomData,
        }
    }

    fn count_of(calls: &R) -> usize {
        calls.count()
    }

    #[inline]
    fn count(&self) -> usize {
        self.slots.count()
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        self.slots.poll(index, cx, M::is_value)
    }

    fn start(
        &self,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
    ) -> (Self::Wait, Option<PolledChild>) {
        let ended = ended(self.slots.count(), |index| self.slots.slot(index).has_end());
        let mut starts = Starts::new(tg, location, polled, self.slots.count());
        self.slots.children(&self.slots, &mut starts);
        for index in ended {
            starts.keys[index].run_now(tg.on_thread());
        }
        let wait = InOrder::new(starts.keys, Site::of(tg, location));
        (wait, starts.hand.into_child())
    }

    fn give(&self, location: &'static Location<'static>) -> Self::Wait {
        let give = |index| {
            let output = self.slots.take(index).map(M::value_of);
            output.and_then(M::settle).expect("it is over with a value")
        };
        let outputs = (0..self.slots.count()).map(give).collect();
        InOrder::of(outputs, no_site(location))
    }
}
