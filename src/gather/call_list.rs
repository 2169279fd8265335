//! Calls of different types that give the same, without a box: what `calls!` makes.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;

use super::calls::sealed::Calls;
use super::in_order::InOrder;
use super::in_place::{self, Chain, InPlaceOf, Laid, Lay, Row};
use super::mode::{Ends, ModeOf, Settling, Trying, Values};
use super::site::Site;
use crate::error::Quiet;
use crate::group::{Borrows, Call, Key, Kind, Queued, Scope};
use crate::shows::shows;

/// Calls that all give an `O`; made by [`calls!`](crate::calls).
#[must_use = "the calls are made by what takes them, such as `gather`"]
pub struct CallList<O, L> {
    calls: L,
    output: PhantomData<fn() -> O>,
}

/// The first call of a list.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct First<C>(pub(super) Quiet<C>);

/// Some calls, and one more.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct And<L, C>(pub(super) L, pub(super) Quiet<C>);

/// Calls that come in a list.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is always inferred")]
pub struct Listed(std::convert::Infallible);

impl<O, C, F> CallList<O, First<C>>
where
    C: FnOnce() -> F,
    F: Future<Output = O>,
{
    #[doc(hidden)]
    pub fn of(call: C) -> Self {
        Self {
            calls: First(Quiet::new(call)),
            output: PhantomData,
        }
    }
}

impl<O, L> CallList<O, L> {
    pub(super) fn into_calls(self) -> L {
        self.calls
    }

    #[doc(hidden)]
    pub fn and<C, F>(self, call: C) -> CallList<O, And<L, C>>
    where
        C: FnOnce() -> F,
        F: Future<Output = O>,
    {
        CallList {
            calls: And(self.calls, Quiet::new(call)),
            output: PhantomData,
        }
    }
}

/// What is done with each call of a list, in its order.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Each<V> {
    /// How many calls there are.
    const COUNT: usize;
    /// Hands each to `visitor`.
    fn visit(self, visitor: &mut V);
}

/// What takes a call of the type `C`.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Takes<C> {
    /// Takes it.
    fn take(&mut self, call: C);
}

impl<C, V: Takes<C>> Each<V> for First<C> {
    const COUNT: usize = 1;

    fn visit(self, visitor: &mut V) {
        visitor.take(self.0.give());
    }
}

impl<L: Each<V>, C, V: Takes<C>> Each<V> for And<L, C> {
    const COUNT: usize = L::COUNT + 1;

    fn visit(self, visitor: &mut V) {
        self.0.visit(visitor);
        visitor.take(self.1.give());
    }
}

/// Starts calls as children, and keeps their keys.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Starts<'a, 'env, M, E, K: Kind, V> {
    tg: &'a Scope<'env, E, K>,
    location: &'static Location<'static>,
    keys: Vec<Key<V>>,
    mode: PhantomData<fn() -> M>,
}

impl<'env, C, F, M, E, K, V> Takes<C> for Starts<'_, 'env, M, E, K, V>
where
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: ModeOf<'env, Call<C, F>, K, Error = E, Value = V>,
{
    fn take(&mut self, call: C) {
        let key = M::start::<Queued>(self.tg, self.location, Call::new(call));
        self.keys.push(key);
    }
}

/// What a list of calls that give an `O` makes in a mode: what they fail with, and what their keys give.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Of<O> {
    /// What they fail with.
    type Error;
    /// What their keys give.
    type Value;
}

impl<O> Of<O> for Values {
    type Error = std::convert::Infallible;
    type Value = O;
}

impl<T, E> Of<Result<T, E>> for Trying {
    type Error = E;
    type Value = T;
}

impl<T, E> Of<Result<T, E>> for Settling {
    type Error = std::convert::Infallible;
    type Value = crate::error::Outcome<T, E>;
}

impl<'env, O, L, M, K> Calls<'env, Listed, M, K> for CallList<O, L>
where
    K: Kind,
    M: Of<O> + Ends<M::Value>,
    L: for<'a> Each<Starts<'a, 'env, M, M::Error, K, M::Value>>,
    L: Lay<Laid: Laid<'env, M, O, K>>,
{
    type Error = <M as Of<O>>::Error;
    type Output = Vec<M::Output>;
    type Ready = Row<L, Chain<O, L>, K>;
    type Wait = InOrder<M, M::Value>;

    fn ready(self) -> Self::Ready {
        Row::new(self.into_calls())
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn in_place() -> InPlaceOf<'env, Self::Ready, M::Error, Self::Wait, K>
    where
        K: Borrows<'env>,
    {
        K::IN_PLACE.then_some(in_place::poll::<M, Chain<O, L>, K>)
    }

    fn start(
        ready: Self::Ready,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
    ) -> Self::Wait {
        let mut starts = Starts {
            tg,
            location,
            keys: Vec::new(),
            mode: PhantomData,
        };
        ready.into_calls().visit(&mut starts);
        InOrder::new(starts.keys, Site::of(tg, location))
    }
}

shows!([O, L] CallList<O, L>, ..);
