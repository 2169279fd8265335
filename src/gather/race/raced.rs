//! Calls that race: so many values decide, and the calls that are left are dropped where they lie.
//!
//! 1. The drop of a loser is user code. If it asks where it runs, the group is made then, and cancelled: the call is a child in the
//!    middle of a poll, and ends with that. A call that was dropped before is a child that waits for its cancel.
//! 2. If the drop panics, the group is made after it. The child panics where it is dropped, once more.
//! 3. Values are told in the order in which they came, also to a group.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::task::Context;

use super::calls_of::{Sees, Starting};
use super::completion_queue::{CompletionQueue, Ways};
use super::completion_sender::CompletionSender;
use crate::error::{OneByOne, Quiet};
use crate::gather::in_place::{self, Apart, Hand, InPlaceOf, Lay, Lies, Row, ended};
use crate::gather::mode::Values;
use crate::gather::site::Site;
use crate::gather::tuples::each_tuple;
use crate::group::{Accepts, Block, Borrows, Call, Kind, Polled, PolledChild, Scope};

/// When a race is decided, and what is done with what its calls give.
pub(super) struct Terms<O> {
    /// So many values decide. 0: the joiner does, which has to be told of everything.
    pub(super) needed: usize,
    pub(super) is_value: fn(&O) -> bool,
    pub(super) collects_panics: bool,
    pub(super) ways: Ways<O>,
}

impl<O> Terms<O> {
    /// Where the children of a group tell of their ends.
    pub(super) fn queue(&self, site: Site) -> Arc<CompletionQueue<O>> {
        let queue = CompletionQueue::new(site, self.collects_panics, self.ways);
        Arc::new(queue)
    }
}

/// Callables, and the terms on which they race.
pub(super) struct Contest<R, O> {
    pub(super) calls: R,
    pub(super) terms: Terms<O>,
}

/// The same until they are polled in place or started.
pub(super) type Entries<R, O, K> = Row<Contest<R, O>, Raced<R, O>, K>;

/// How the calls of a race are polled in place, if they are.
pub(super) type RacesInPlace<'env, R, O, K> =
    InPlaceOf<'env, Entries<R, O, K>, Infallible, (Arc<CompletionQueue<O>>, usize), K, Won<O>>;

/// The values of a race that was decided without a group, with the indices of their calls, in the order in which they came.
pub(super) struct Won<O> {
    before: Vec<(usize, O)>,
    last: (usize, O),
}

impl<O> IntoIterator for Won<O> {
    type Item = (usize, O);
    type IntoIter = std::iter::Chain<std::vec::IntoIter<(usize, O)>, std::iter::Once<(usize, O)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.before.into_iter().chain(std::iter::once(self.last))
    }
}

/// Calls that all give an `O`, laid down.
pub(super) trait Lane<'env, O, K: Kind> {
    fn count(&self) -> usize;
    /// [`Block::poll`].
    fn poll(&self, index: usize, cx: &mut Context<'_>, is_value: fn(&O) -> bool) -> Polled;
    /// [`Block::has_end`].
    fn has_end(&self, index: usize) -> bool;
    /// [`Block::cut`].
    fn cut(&self, index: usize) -> Polled;
    /// [`Block::take`].
    fn take(&self, index: usize) -> Option<O>;
    /// Makes a child of each.
    fn start(&self, starting: &mut Starting<'_, 'env, O, K>);
}

impl<'env, O, K, C, F> Lane<'env, O, K> for Block<C, F>
where
    C: FnOnce() -> F,
    F: Future<Output = O>,
    Call<C, F>: 'env,
    O: 'env,
    K: Kind + Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
{
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>, is_value: fn(&O) -> bool) -> Polled {
        Self::poll(self, index, cx, is_value)
    }

    fn has_end(&self, index: usize) -> bool {
        Self::has_end(self, index)
    }

    fn cut(&self, index: usize) -> Polled {
        Self::cut(self, index)
    }

    fn take(&self, index: usize) -> Option<O> {
        Self::take(self, index)
    }

    fn start(&self, starting: &mut Starting<'_, 'env, O, K>) {
        for index in 0..self.len() {
            starting.call(Call::moved(self.child(index)));
        }
    }
}

/// Those of a list: what lies before the last, and the last.
impl<'env, O, K, L, B> Lane<'env, O, K> for (L, B)
where
    K: Kind,
    L: Lane<'env, O, K>,
    B: Lane<'env, O, K>,
{
    fn count(&self) -> usize {
        self.0.count() + self.1.count()
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>, is_value: fn(&O) -> bool) -> Polled {
        match index.checked_sub(self.0.count()) {
            Some(behind) => self.1.poll(behind, cx, is_value),
            None => self.0.poll(index, cx, is_value),
        }
    }

    fn has_end(&self, index: usize) -> bool {
        match index.checked_sub(self.0.count()) {
            Some(behind) => self.1.has_end(behind),
            None => self.0.has_end(index),
        }
    }

    fn cut(&self, index: usize) -> Polled {
        match index.checked_sub(self.0.count()) {
            Some(behind) => self.1.cut(behind),
            None => self.0.cut(index),
        }
    }

    fn take(&self, index: usize) -> Option<O> {
        match index.checked_sub(self.0.count()) {
            Some(behind) => self.1.take(behind),
            None => self.0.take(index),
        }
    }

    fn start(&self, starting: &mut Starting<'_, 'env, O, K>) {
        self.0.start(starting);
        self.1.start(starting);
    }
}

impl<C: FnOnce() -> F, F: Future> Lay for OneByOne<C> {
    type Laid = Block<C, F>;

    fn count(&self) -> usize {
        self.len()
    }

    fn lay(self) -> Self::Laid {
        Block::new(self.give())
    }
}

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<$($call: FnOnce() -> $future, $future: Future),+> Lay for ($(Quiet<$call>,)+) {
            type Laid = Apart<($(Block<$call, $future>,)+)>;

            fn count(&self) -> usize {
                $n
            }

            fn lay(self) -> Self::Laid {
                Apart(($(Block::one(self.$at.give()),)+))
            }
        }

        impl<'env, O, K, $($call, $future),+> Lane<'env, O, K> for Apart<($(Block<$call, $future>,)+)>
        where
            $($call: FnOnce() -> $future, $future: Future<Output = O>, Call<$call, $future>: 'env,)+
            O: 'env,
            K: Kind + Accepts<()> $(+ Accepts<CompletionSender<Call<$call, $future>, Values>>)+,
        {
            fn count(&self) -> usize {
                $n
            }

            #[inline]
            fn poll(&self, index: usize, cx: &mut Context<'_>, is_value: fn(&O) -> bool) -> Polled {
                match index {
                    $($at => self.0.$at.poll(0, cx, is_value),)+
                    _ => Polled::Before,
                }
            }

            fn has_end(&self, index: usize) -> bool {
                match index {
                    $($at => self.0.$at.has_end(0),)+
                    _ => false,
                }
            }

            fn cut(&self, index: usize) -> Polled {
                match index {
                    $($at => self.0.$at.cut(0),)+
                    _ => Polled::Before,
                }
            }

            fn take(&self, index: usize) -> Option<O> {
                match index {
                    $($at => self.0.$at.take(0),)+
                    _ => None,
                }
            }

            fn start(&self, starting: &mut Starting<'_, 'env, O, K>) {
                $(starting.call(Call::moved(self.0.$at.child(0)));)+
            }
        }
    };
}

each_tuple!(tuple);

/// The mode of a race.
pub(super) enum Racing {}

/// Callables that race, laid down.
pub(super) struct Raced<R: Lay, O> {
    lane: R::Laid,
    terms: Terms<O>,
    /// The call whose value came last, and those whose values came before, in their order.
    last: Cell<Option<usize>>,
    before: RefCell<Vec<usize>>,
}

impl<R: Lay, O> Raced<R, O> {
    pub(super) fn in_place<'env, K>() -> RacesInPlace<'env, R, O, K>
    where
        R::Laid: Lane<'env, O, K>,
        K: Borrows<'env>,
    {
        K::IN_PLACE.then_some(in_place::poll::<Racing, Self, K>)
    }
}

impl<'env, R, O, K> Lies<'env, Racing, K> for Raced<R, O>
where
    R: Lay<Laid: Lane<'env, O, K>>,
    K: Kind,
{
    type Error = Infallible;
    /// Where the calls tell of their ends, and how many there are.
    type Wait = (Arc<CompletionQueue<O>>, usize);
    type Given = Won<O>;
    type Calls = Contest<R, O>;

    fn lay(contest: Contest<R, O>) -> Self {
        Self {
            lane: contest.calls.lay(),
            terms: contest.terms,
            last: Cell::new(None),
            before: RefCell::default(),
        }
    }

    fn count_of(contest: &Contest<R, O>) -> usize {
        contest.calls.count()
    }

    #[inline]
    fn count(&self) -> usize {
        self.lane.count()
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        let polled = self.lane.poll(index, cx, self.terms.is_value);
        if polled == Polled::Over {
            if let Some(before) = self.last.replace(Some(index)) {
                self.before.borrow_mut().push(before);
            }
        }
        polled
    }

    fn is_decided(&self) -> bool {
        let came = self.before.borrow().len() + usize::from(self.last.get().is_some());
        came == self.terms.needed
    }

    fn cut(&self, index: usize) -> Polled {
        self.lane.cut(index)
    }

    fn start(
        &self,
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
    ) -> (Self::Wait, Option<PolledChild>) {
        let ended = ended(self.count(), |index| self.lane.has_end(index));
        let queue = self.terms.queue(Site::of(tg, location));
        let (mut hand, mut keys) = (Hand::of(polled), Vec::with_capacity(self.count()));
        let sees = Sees::Resumed(&mut hand, &mut keys);
        let mut starting = Starting::new(tg, &queue, location, sees);
        self.lane.start(&mut starting);
        let mut order = self.before.borrow().clone();
        order.extend(self.last.get());
        // One that failed or panicked was the last.
        if let Some(&last) = ended.iter().find(|index| !order.contains(index)) {
            order.push(last);
        }
        for index in order {
            keys[index].run_now(tg.on_thread());
        }
        ((queue, keys.len()), hand.into_child())
    }

    fn give(&self, _location: &'static Location<'static>) -> Won<O> {
        let take = |index| {
            let value = self.lane.take(index);
            (index, value.expect("it is over with a value"))
        };
        let last = self.last.get().expect("a race is decided by a value");
        Won {
            before: self.before.take().into_iter().map(take).collect(),
            last: take(last),
        }
    }
}
