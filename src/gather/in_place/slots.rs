//! Calls that all give the same, where they lie: those of one type, those of a tuple, and those that `calls!` lists.

use std::future::Future;
use std::task::Context;

use crate::error::{OneByOne, Quiet};
use crate::gather::call_list::{And, First};
use crate::gather::each::Takes;
use crate::gather::tuples::each_tuple;
use crate::group::{Block, Call, Keeps, Polled, Slot};

/// Callables that can be laid down.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait Lay {
    /// The calls where they lie.
    type Laid: ?Sized;
    /// How many these are.
    #[doc(hidden)]
    fn count(&self) -> usize;
    #[doc(hidden)]
    fn lay(self) -> Block<Self::Laid>;
}

/// A call that was laid down, and gives an `O`.
pub(in crate::gather) trait Laid<O> {
    /// [`Slot::poll`].
    fn poll(&self, cx: &mut Context<'_>, is_value: fn(&O) -> bool) -> Polled;
    /// [`Slot::has_end`].
    fn has_end(&self) -> bool;
    /// [`Slot::cut`].
    fn cut(&self) -> Polled;
    /// [`Slot::take`].
    fn take(&self) -> Option<O>;
}

impl<C, F> Laid<F::Output> for Slot<C, F>
where
    C: FnOnce() -> F,
    F: Future,
{
    #[inline]
    fn poll(&self, cx: &mut Context<'_>, is_value: fn(&F::Output) -> bool) -> Polled {
        Self::poll(self, cx, is_value)
    }

    fn has_end(&self) -> bool {
        Self::has_end(self)
    }

    fn cut(&self) -> Polled {
        Self::cut(self)
    }

    #[inline]
    fn take(&self) -> Option<F::Output> {
        Self::take(self)
    }
}

/// Calls that all give an `O`, laid down.
pub(in crate::gather) trait Slots<O>: Keeps {
    /// How many there are.
    fn count(&self) -> usize;
    /// One of them.
    fn slot(&self, index: usize) -> &dyn Laid<O>;
    /// [`Laid::poll`], where the type of a call is known.
    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>, is_value: fn(&O) -> bool) -> Polled {
        self.slot(index).poll(cx, is_value)
    }
    /// [`Laid::take`], where the type of a call is known.
    #[inline]
    fn take(&self, index: usize) -> Option<O> {
        self.slot(index).take()
    }
}

/// Calls that can become children, each of which `V` takes.
pub(in crate::gather) trait Children<V> {
    /// Makes a child of each, and hands on one after the other. They are in this block.
    fn children<S: Keeps + ?Sized>(&self, block: &Block<S>, takes: &mut V);
}

impl<C: FnOnce() -> F, F: Future> Lay for OneByOne<C> {
    type Laid = [Slot<C, F>];

    fn count(&self) -> usize {
        self.len()
    }

    fn lay(self) -> Block<[Slot<C, F>]> {
        self.give().into_iter().collect()
    }
}

impl<C: FnOnce() -> F, F: Future> Slots<F::Output> for [Slot<C, F>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn slot(&self, index: usize) -> &dyn Laid<F::Output> {
        &self[index]
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>, is_value: fn(&F::Output) -> bool) -> Polled {
        self[index].poll(cx, is_value)
    }

    #[inline]
    fn take(&self, index: usize) -> Option<F::Output> {
        self[index].take()
    }
}

impl<C, F, V> Children<V> for [Slot<C, F>]
where
    C: FnOnce() -> F,
    F: Future,
    V: Takes<Call<C, F>>,
{
    fn children<S: Keeps + ?Sized>(&self, block: &Block<S>, takes: &mut V) {
        for slot in self {
            takes.take(Call::moved(block.child(slot)));
        }
    }
}

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<$($call: FnOnce() -> $future, $future: Future),+> Lay for ($(Quiet<$call>,)+) {
            type Laid = ($(Slot<$call, $future>,)+);

            fn count(&self) -> usize {
                $n
            }

            fn lay(self) -> Block<Self::Laid> {
                Block::new(($(Slot::new(self.$at.give()),)+))
            }
        }

        impl<O, $($call, $future),+> Slots<O> for ($(Slot<$call, $future>,)+)
        where
            $($call: FnOnce() -> $future, $future: Future<Output = O>,)+
        {
            fn count(&self) -> usize {
                $n
            }

            #[inline]
            fn slot(&self, index: usize) -> &dyn Laid<O> {
                match index {
                    $($at => &self.$at,)+
                    _ => panic!("there are {} calls", $n),
                }
            }
        }

        impl<V, $($call, $future),+> Children<V> for ($(Slot<$call, $future>,)+)
        where
            $($call: FnOnce() -> $future, $future: Future,)+
            V: $(Takes<Call<$call, $future>> +)+,
        {
            fn children<S: Keeps + ?Sized>(&self, block: &Block<S>, takes: &mut V) {
                let calls = ($(Call::moved(block.child(&self.$at)),)+);
                $(takes.take(calls.$at);)+
            }
        }
    };
}

each_tuple!(tuple);

/// The slots of some calls of a list, and that of one more.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Behind<L, S>(L, S);

/// Callables of a list.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub trait List {
    /// The calls where they lie.
    type Slots;
    /// How many these are.
    #[doc(hidden)]
    fn count(&self) -> usize;
    #[doc(hidden)]
    fn slots(self) -> Self::Slots;
}

impl<C: FnOnce() -> F, F: Future> List for First<C> {
    type Slots = Slot<C, F>;

    fn count(&self) -> usize {
        1
    }

    fn slots(self) -> Slot<C, F> {
        Slot::new(self.0.give())
    }
}

impl<L: List, C: FnOnce() -> F, F: Future> List for And<L, C> {
    type Slots = Behind<L::Slots, Slot<C, F>>;

    fn count(&self) -> usize {
        self.0.count() + 1
    }

    fn slots(self) -> Self::Slots {
        Behind(self.0.slots(), Slot::new(self.1.give()))
    }
}

impl<L: List> Lay for L {
    type Laid = L::Slots;

    fn count(&self) -> usize {
        List::count(self)
    }

    fn lay(self) -> Block<L::Slots> {
        Block::new(self.slots())
    }
}

impl<C: FnOnce() -> F, F: Future> Slots<F::Output> for Slot<C, F> {
    fn count(&self) -> usize {
        1
    }

    fn slot(&self, _index: usize) -> &dyn Laid<F::Output> {
        self
    }
}

impl<L, C, F> Slots<F::Output> for Behind<L, Slot<C, F>>
where
    L: Slots<F::Output>,
    C: FnOnce() -> F,
    F: Future,
{
    fn count(&self) -> usize {
        self.0.count() + 1
    }

    fn slot(&self, index: usize) -> &dyn Laid<F::Output> {
        if index == self.0.count() {
            &self.1
        } else {
            self.0.slot(index)
        }
    }
}

impl<C, F, V> Children<V> for Slot<C, F>
where
    C: FnOnce() -> F,
    F: Future,
    V: Takes<Call<C, F>>,
{
    fn children<S: Keeps + ?Sized>(&self, block: &Block<S>, takes: &mut V) {
        takes.take(Call::moved(block.child(self)));
    }
}

impl<L, C, F, V> Children<V> for Behind<L, Slot<C, F>>
where
    L: Children<V>,
    C: FnOnce() -> F,
    F: Future,
    V: Takes<Call<C, F>>,
{
    fn children<S: Keeps + ?Sized>(&self, block: &Block<S>, takes: &mut V) {
        // Before the first is handed on.
        let last = Call::moved(block.child(&self.1));
        self.0.children(block, takes);
        takes.take(last);
    }
}
