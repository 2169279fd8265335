//! Calls that lie somewhere: those of one type in one block, those of a tuple each in one of its own.

use std::future::Future;
use std::panic::Location;
use std::task::Context;

use crate::error::{OneByOne, Quiet};
use crate::gather::calls::Together;
use crate::gather::in_order::{InOrder, One};
use crate::gather::mode::{Ends, ModeOf};
use crate::gather::site::Site;
use crate::gather::tuples::each_tuple;
use crate::group::{Block, Call, Key, Kind, Polled, PolledChild, Queued, Scope, UnderWay};

/// Calls that are polled where they lie, in the mode `M`.
pub(in crate::gather) trait Lies<'env, M, K: Kind> {
    /// What a gather of these fails with.
    type Error;
    /// What waits for them as children.
    type Wait;
    /// What they gave where they never were children.
    type Given;
    /// The callables.
    type Calls;
    fn lay(calls: Self::Calls) -> Self;
    /// How many calls these are.
    fn count_of(calls: &Self::Calls) -> usize;
    /// How many there are.
    fn count(&self) -> usize;
    /// Polls this one, if it is not over.
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled;
    /// Makes a child of each. One that is over ends as a child; one may be in the middle of its poll.
    fn start(
        &self,
        tg: &Scope<'env, Self::Error, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
    ) -> (Self::Wait, Option<PolledChild>);
    /// Are those that are left not needed? Then they are cut.
    fn is_decided(&self) -> bool {
        false
    }
    /// Drops this one where it lies, if it is not over.
    fn cut(&self, _index: usize) -> Polled {
        Polled::Before
    }
    /// What they gave, when all are over.
    fn give(&self, location: &'static Location<'static>) -> Self::Given;
}

/// Nobody sees the number: what is there without a group is given at once.
pub(in crate::gather) fn no_site(location: &'static Location<'static>) -> Site {
    Site { group: 0, location }
}

/// Polls a call, whose value is a value in the mode.
#[inline]
pub(super) fn poll_one<'env, M, C, F, K>(
    block: &Block<C, F>,
    index: usize,
    cx: &mut Context<'_>,
) -> Polled
where
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: ModeOf<'env, Call<C, F>, K>,
{
    block.poll(index, cx, M::is_value)
}

/// Takes what a call gave that is over.
#[inline]
pub(super) fn give_one<'env, M, C, F, K>(
    block: &Block<C, F>,
    index: usize,
) -> <M as Ends<M::Value>>::Output
where
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: ModeOf<'env, Call<C, F>, K> + Ends<M::Value>,
{
    let output = block.take(index).map(M::value_of);
    output.and_then(M::settle).expect("it is over with a value")
}

/// The call in the middle of whose poll all become children, if there is one, and that child.
pub(crate) struct Hand {
    index: Option<usize>,
    child: Option<PolledChild>,
}

impl Hand {
    pub(in crate::gather) fn of(index: Option<usize>) -> Self {
        Self { index, child: None }
    }

    /// Makes the child of a call, which is the one with this index of all.
    pub(in crate::gather) fn start<'env, M, F, K>(
        &mut self,
        index: usize,
        call: F,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
    ) -> Key<M::Value>
    where
        F: Future,
        K: Kind,
        M: ModeOf<'env, F, K>,
    {
        if self.index != Some(index) {
            return M::start::<Queued>(tg, location, call);
        }
        let (key, child) = M::start::<UnderWay>(tg, location, call);
        self.child = child;
        key
    }

    pub(in crate::gather) fn into_child(self) -> Option<PolledChild> {
        self.child
    }
}

/// Which of so many calls are over, before each is a child.
pub(in crate::gather) fn ended(count: usize, has_end: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..count).filter(|&index| has_end(index)).collect()
}

/// What waits for calls of one value that have just become children, of which these end now.
pub(super) fn in_order<M: Ends<V>, E, K: Kind, V>(
    keys: Vec<Key<V>>,
    ended: Vec<usize>,
    tg: &Scope<'_, E, K>,
    location: &'static Location<'static>,
) -> InOrder<M, V> {
    for index in ended {
        keys[index].run_now(tg.on_thread());
    }
    InOrder::new(keys, Site::of(tg, location))
}

impl<'env, M, C, F, K> Lies<'env, M, K> for Block<C, F>
where
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: ModeOf<'env, Call<C, F>, K> + Ends<M::Value>,
{
    type Error = M::Error;
    type Wait = InOrder<M, M::Value>;
    type Given = Self::Wait;
    type Calls = OneByOne<C>;

    fn lay(calls: OneByOne<C>) -> Self {
        Self::new(calls.give())
    }

    fn count_of(calls: &OneByOne<C>) -> usize {
        calls.len()
    }

    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        poll_one::<M, C, F, K>(self, index, cx)
    }

    fn start(
        &self,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
    ) -> (Self::Wait, Option<PolledChild>) {
        let ended = ended(self.len(), |index| self.has_end(index));
        let mut hand = Hand::of(polled);
        let start = |index| {
            let call = Call::moved(self.child(index));
            hand.start::<M, _, _>(index, call, tg, location)
        };
        let keys = (0..self.len()).map(start).collect();
        let wait = in_order(keys, ended, tg, location);
        (wait, hand.into_child())
    }

    fn give(&self, location: &'static Location<'static>) -> Self::Wait {
        let give = |index| give_one::<M, C, F, K>(self, index);
        let outputs = (0..self.len()).map(give).collect();
        InOrder::of(outputs, no_site(location))
    }
}

/// The calls of a tuple, each in a block.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
#[derive(Debug)]
pub struct Apart<T>(pub(in crate::gather) T);

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<'env, M, K, E, $($call, $future),+> Lies<'env, M, K> for Apart<($(Block<$call, $future>,)+)>
        where
            K: Kind,
            M: $(
                ModeOf<'env, Call<$call, $future>, K, Error = E>
                + Ends<<M as ModeOf<'env, Call<$call, $future>, K>>::Value> +
            )+,
            $($call: FnOnce() -> $future, $future: Future,)+
        {
            type Error = E;
            type Wait = Together<($(
                One<M, <M as ModeOf<'env, Call<$call, $future>, K>>::Value>,
            )+)>;
            type Given = Self::Wait;
            type Calls = ($(Quiet<$call>,)+);

            fn lay(calls: Self::Calls) -> Self {
                Self(($(Block::one(calls.$at.give()),)+))
            }

            fn count_of(_calls: &Self::Calls) -> usize {
                $n
            }

            #[inline]
            fn count(&self) -> usize {
                $n
            }

            #[inline]
            fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
                match index {
                    $($at => poll_one::<M, $call, $future, K>(&self.0.$at, 0, cx),)+
                    _ => Polled::Before,
                }
            }

            fn start(
                &self,
                tg: &Scope<'env, E, K>,
                location: &'static Location<'static>,
                polled: Option<usize>,
            ) -> (Self::Wait, Option<PolledChild>) {
                let ends = [$(self.0.$at.has_end(0)),+];
                let mut hand = Hand::of(polled);
                let keys = ($(
                    hand.start::<M, _, _>($at, Call::moved(self.0.$at.child(0)), tg, location),
                )+);
                $(
                    if ends[$at] {
                        keys.$at.run_now(tg.on_thread());
                    }
                )+
                let site = Site::of(tg, location);
                let wait = Together::of(($(One::new(keys.$at, site, $at),)+));
                (wait, hand.into_child())
            }

            fn give(&self, location: &'static Location<'static>) -> Self::Wait {
                let site = no_site(location);
                Together::of(($(
                    One::of(give_one::<M, $call, $future, K>(&self.0.$at, 0), site, $at),
                )+))
            }
        }
    };
}

each_tuple!(tuple);
