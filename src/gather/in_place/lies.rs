//! What can be polled in place; and a gather of a tuple, whose calls give each its own.

use std::future::Future;
use std::panic::Location;
use std::task::Context;

use crate::error::Quiet;
use crate::gather::calls::Together;
use crate::gather::in_order::One;
use crate::gather::mode::{Ends, ModeOf, Of, ValueOf};
use crate::gather::site::Site;
use crate::gather::tuples::each_tuple;
use crate::group::{Block, Call, Key, Kind, Polled, PolledChild, Queued, Scope, Slot, UnderWay};

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
        M: ModeOf<'env, F, F::Output, K>,
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

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<'env, M, K, E, $($call, $future),+> Lies<'env, M, K> for Block<($(Slot<$call, $future>,)+)>
        where
            K: Kind,
            M: $(
                ModeOf<'env, Call<$call, $future>, $future::Output, K, Error = E> + Ends<ValueOf<M, $future>> +
            )+,
            $($call: FnOnce() -> $future, $future: Future,)+
        {
            type Error = E;
            type Wait = Together<($(
                One<M, ValueOf<M, $future>>,
            )+)>;
            type Given = Self::Wait;
            type Calls = ($(Quiet<$call>,)+);

            fn lay(calls: Self::Calls) -> Self {
                Self::new(($(Slot::new(calls.$at.give()),)+))
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
                    $($at => self.$at.poll(cx, <M as Of<$future::Output>>::is_value),)+
                    _ => Polled::Before,
                }
            }

            fn start(
                &self,
                tg: &Scope<'env, E, K>,
                location: &'static Location<'static>,
                polled: Option<usize>,
            ) -> (Self::Wait, Option<PolledChild>) {
                let ends = [$(self.$at.has_end()),+];
                let calls = ($(Call::moved(self.child(&self.$at)),)+);
                let mut hand = Hand::of(polled);
                let keys = ($(
                    hand.start::<M, _, _>($at, calls.$at, tg, location),
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
                    One::of(
                        self.$at
                            .take()
                            .map(<M as Of<$future::Output>>::value_of)
                            .and_then(<M as Ends<ValueOf<M, $future>>>::settle)
                            .expect("it is over with a value"),
                        site,
                        $at,
                    ),
                )+))
            }
        }
    };
}

each_tuple!(tuple);
