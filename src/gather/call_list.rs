//! Calls of different types that give the same, without a box: what `calls!` makes.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;

use super::calls::sealed::Calls;
use super::each::{Each, Takes};
use super::in_order::InOrder;
use super::in_place::{self, Alike, Children, InPlaceOf, Lay, Row, Slots, Starts};
use super::mode::{Ends, Of};
use crate::error::Quiet;
use crate::group::{Borrows, Call, Kind, Scope};
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

impl<C, F, V> Each<V> for First<C>
where
    C: FnOnce() -> F,
    F: Future,
    V: Takes<Call<C, F>>,
{
    fn each(self, takes: &mut V) {
        takes.take(Call::new(self.0.give()));
    }
}

impl<L, C, F, V> Each<V> for And<L, C>
where
    L: Each<V>,
    C: FnOnce() -> F,
    F: Future,
    V: Takes<Call<C, F>>,
{
    fn each(self, takes: &mut V) {
        self.0.each(takes);
        takes.take(Call::new(self.1.give()));
    }
}

impl<'env, O, L, M, K> Calls<'env, Listed, M, K> for CallList<O, L>
where
    K: Kind,
    M: Of<O> + Ends<M::Value>,
    L: for<'a> Each<Starts<'a, 'env, M, M::Error, K, M::Value>>,
    L: Lay<Laid: Slots<O> + for<'a> Children<Starts<'a, 'env, M, M::Error, K, M::Value>>>,
{
    type Error = M::Error;
    type Output = Vec<M::Output>;
    type Ready = Row<L, Alike<O, L, L::Laid>, K>;
    type Wait = InOrder<M, M::Value>;

    fn ready(self) -> Self::Ready {
        Row::new(self.into_calls())
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn in_place() -> InPlaceOf<'env, Self::Ready, M::Error, Self::Wait, K>
    where
        K: Borrows<'env>,
    {
        K::IN_PLACE.then_some(in_place::poll::<M, Alike<O, L, L::Laid>, K>)
    }

    fn start(
        ready: Self::Ready,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
    ) -> Self::Wait {
        Starts::all(ready.into_calls(), tg, location)
    }
}

shows!([O, L] CallList<O, L>, ..);
