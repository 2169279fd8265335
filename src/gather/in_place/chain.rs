//! The calls that `calls!` lists: each in a block of its own, one after the other.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::task::Context;

use super::lies::{Hand, Lies, ended, give_one, in_order, no_site, poll_one};
use crate::gather::call_list::{And, First, Of};
use crate::gather::in_order::InOrder;
use crate::gather::mode::{Ends, ModeOf};
use crate::group::{Block, Call, Key, Kind, Polled, PolledChild, Scope};

/// Callables that can be laid down.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Lay {
    /// The calls where they lie: a block, or what lies before it and a block.
    type Laid;
    /// How many these are.
    #[doc(hidden)]
    fn count(&self) -> usize;
    #[doc(hidden)]
    fn lay(self) -> Self::Laid;
}

impl<C: FnOnce() -> F, F: Future> Lay for First<C> {
    type Laid = Block<C, F>;

    fn count(&self) -> usize {
        1
    }

    fn lay(self) -> Self::Laid {
        Block::one(self.0.give())
    }
}

impl<L: Lay, C: FnOnce() -> F, F: Future> Lay for And<L, C> {
    type Laid = (L::Laid, Block<C, F>);

    fn count(&self) -> usize {
        self.0.count() + 1
    }

    fn lay(self) -> Self::Laid {
        (self.0.lay(), Block::one(self.1.give()))
    }
}

/// What is done with laid calls, all of which give an `O`, in the mode `M`.
pub(crate) trait Laid<'env, M: Of<O>, O, K: Kind> {
    /// How many there are.
    const COUNT: usize;
    /// [`Lies::poll`].
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled;
    /// [`Block::has_end`].
    fn has_end(&self, index: usize) -> bool;
    /// Makes a child of each, whose keys go behind those that are there.
    fn start(
        &self,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
        hand: &mut Hand,
        keys: &mut Vec<Key<M::Value>>,
    );
    /// What they gave goes behind what is there.
    fn give(&self, outputs: &mut Vec<M::Output>)
    where
        M: Ends<M::Value>;
}

impl<'env, M, O, K, C, F> Laid<'env, M, O, K> for Block<C, F>
where
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: Of<O>
        + ModeOf<'env, Call<C, F>, K, Error = <M as Of<O>>::Error, Value = <M as Of<O>>::Value>,
{
    const COUNT: usize = 1;

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        poll_one::<M, C, F, K>(self, index, cx)
    }

    fn has_end(&self, index: usize) -> bool {
        Self::has_end(self, index)
    }

    fn start(
        &self,
        tg: &Scope<'env, <M as Of<O>>::Error, K>,
        location: &'static Location<'static>,
        hand: &mut Hand,
        keys: &mut Vec<Key<<M as Of<O>>::Value>>,
    ) {
        let call = Call::moved(self.child(0));
        keys.push(hand.start::<M, _, _>(keys.len(), call, tg, location));
    }

    fn give(&self, outputs: &mut Vec<M::Output>)
    where
        M: Ends<<M as Of<O>>::Value>,
    {
        outputs.push(give_one::<M, C, F, K>(self, 0));
    }
}

impl<'env, M, O, K, L, B> Laid<'env, M, O, K> for (L, B)
where
    L: Laid<'env, M, O, K>,
    B: Laid<'env, M, O, K>,
    K: Kind,
    M: Of<O>,
{
    const COUNT: usize = L::COUNT + B::COUNT;

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        match index.checked_sub(L::COUNT) {
            Some(behind) => self.1.poll(behind, cx),
            None => self.0.poll(index, cx),
        }
    }

    fn has_end(&self, index: usize) -> bool {
        match index.checked_sub(L::COUNT) {
            Some(behind) => self.1.has_end(behind),
            None => self.0.has_end(index),
        }
    }

    fn start(
        &self,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
        hand: &mut Hand,
        keys: &mut Vec<Key<M::Value>>,
    ) {
        self.0.start(tg, location, hand, keys);
        self.1.start(tg, location, hand, keys);
    }

    fn give(&self, outputs: &mut Vec<M::Output>)
    where
        M: Ends<M::Value>,
    {
        self.0.give(outputs);
        self.1.give(outputs);
    }
}

/// The calls of a list, laid down.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Chain<O, L: Lay> {
    laid: L::Laid,
    output: PhantomData<fn() -> O>,
}

impl<'env, M, O, K, L> Lies<'env, M, K> for Chain<O, L>
where
    K: Kind,
    L: Lay<Laid: Laid<'env, M, O, K>>,
    M: Of<O> + Ends<M::Value>,
{
    type Error = M::Error;
    type Wait = InOrder<M, M::Value>;
    type Given = Self::Wait;
    type Calls = L;

    fn lay(calls: L) -> Self {
        Self {
            laid: calls.lay(),
            output: PhantomData,
        }
    }

    fn count_of(calls: &L) -> usize {
        calls.count()
    }

    #[inline]
    fn count(&self) -> usize {
        L::Laid::COUNT
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        self.laid.poll(index, cx)
    }

    fn start(
        &self,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
    ) -> (Self::Wait, Option<PolledChild>) {
        let ended = ended(self.count(), |index| self.laid.has_end(index));
        let mut keys = Vec::with_capacity(self.count());
        let mut hand = Hand::of(polled);
        self.laid.start(tg, location, &mut hand, &mut keys);
        let wait = in_order(keys, ended, tg, location);
        (wait, hand.into_child())
    }

    fn give(&self, location: &'static Location<'static>) -> Self::Wait {
        let mut outputs = Vec::with_capacity(self.count());
        self.laid.give(&mut outputs);
        InOrder::of(outputs, no_site(location))
    }
}
