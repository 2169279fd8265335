//! Callables in whatever they came, handed on in their order.

use std::future::Future;

use super::tuples::each_tuple;
use crate::error::{OneByOne, Quiet};
use crate::group::Call;

/// Takes calls with the future `F`.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Takes<F> {
    /// Takes the next.
    fn take(&mut self, call: F);
}

/// Callables, each of which `V` takes.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Each<V> {
    /// Hands on one after the other.
    fn each(self, takes: &mut V);
}

impl<C, F, V> Each<V> for OneByOne<C>
where
    C: FnOnce() -> F,
    F: Future,
    V: Takes<Call<C, F>>,
{
    fn each(self, takes: &mut V) {
        for call in self {
            takes.take(Call::new(call));
        }
    }
}

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<V, $($call, $future),+> Each<V> for ($(Quiet<$call>,)+)
        where
            $($call: FnOnce() -> $future, $future: Future,)+
            V: $(Takes<Call<$call, $future>> +)+,
        {
            fn each(self, takes: &mut V) {
                $(takes.take(Call::new(self.$at.give()));)+
            }
        }
    };
}

each_tuple!(tuple);
