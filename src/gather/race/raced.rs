//! Calls that race: so many values decide, and the calls that are left are dropped where they lie.
//!
//! 1. The drop of a loser is user code. If it asks where it runs, the group is made then, and cancelled: the call is a child in the
//!    middle of a poll, and ends with that. A call that was dropped before is a child that waits for its cancel.
//! 2. If the drop panics, the group is made after it. The child panics where it is dropped, once more.
//! 3. Values are told in the order in which they came, also to a group.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::task::Context;

use super::calls_of::{Sees, Starting};
use super::completion_queue::{CompletionQueue, Ways};
use crate::gather::each::Each;
use crate::gather::in_place::{self, Children, Hand, InPlaceOf, Lay, Lies, Row, Slots, ended};
use crate::gather::site::Site;
use crate::group::{Block, Borrows, Kind, Polled, PolledChild, Scope};

/// When a race is decided, and what is done with what its calls give.
pub(super) struct Terms<O> {
    /// So many values decide. 0: the joiner does, which has to be told of everything.
    pub(super) needed: usize,
    pub(super) is_value: fn(&O) -> bool,
    pub(super) collects_panics: bool,
    pub(super) ways: Ways<O>,
}

impl<O> Terms<O> {
    /// Callables that race on these terms.
    pub(super) fn of<R, S: ?Sized, K: Kind>(self, calls: R) -> Entries<R, S, O, K> {
        Row::new(Contest { calls, terms: self })
    }

    /// Where the children of a group tell of their ends.
    fn queue(&self, site: Site) -> Arc<CompletionQueue<O>> {
        let queue = CompletionQueue::new(site, self.collects_panics, self.ways);
        Arc::new(queue)
    }
}

/// Callables, and the terms on which they race.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Contest<R, O> {
    calls: R,
    terms: Terms<O>,
}

/// The same until they are polled in place, in the slots `S`, or started.
pub(super) type Entries<R, S, O, K> = Row<Contest<R, O>, Raced<R, S, O>, K>;

/// What waits for calls that race as children: where they tell of their ends, and how many there are.
type Wait<O> = (Arc<CompletionQueue<O>>, usize);

/// How the calls of a race are polled in place, if they are.
pub(super) type RacesInPlace<'env, R, O, K> = InPlaceOf<'env, R, Infallible, Wait<O>, K, Won<O>>;

/// Calls that can race, of which none was called.
pub(super) trait Enters<'env, O, K: Kind>: Sized {
    /// How many there are.
    fn count(&self) -> usize;
    /// How they race in place, if they do.
    fn in_place(&self) -> RacesInPlace<'env, Self, O, K>
    where
        K: Borrows<'env>;
    /// Starts them as children. `starts` hears of each before.
    fn start(
        self,
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        starts: &mut dyn FnMut(Site, usize),
    ) -> Wait<O>;
}

impl<'env, R, S, O, K> Enters<'env, O, K> for Entries<R, S, O, K>
where
    R: Lay<Laid = S> + for<'a> Each<Starting<'a, 'env, O, K>>,
    S: Slots<O> + for<'a> Children<Starting<'a, 'env, O, K>> + ?Sized,
    K: Kind,
{
    fn count(&self) -> usize {
        self.calls().calls.count()
    }

    fn in_place(&self) -> RacesInPlace<'env, Self, O, K>
    where
        K: Borrows<'env>,
    {
        let is_plain = K::IN_PLACE && self.calls().terms.needed > 0;
        is_plain.then_some(in_place::poll::<Racing, Raced<R, S, O>, K>)
    }

    fn start(
        self,
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        starts: &mut dyn FnMut(Site, usize),
    ) -> Wait<O> {
        let Contest { calls, terms } = self.into_calls();
        let (site, count) = (Site::of(tg, location), calls.count());
        let queue = terms.queue(site);
        let mut starts = |index| starts(site, index);
        let sees = Sees::Told(&mut starts);
        calls.each(&mut Starting::new(tg, &queue, location, sees));
        (queue, count)
    }
}

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

/// The mode of a race.
pub(super) enum Racing {}

/// Callables that race, laid down.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Raced<R, S: ?Sized, O> {
    slots: Block<S>,
    terms: Terms<O>,
    /// The call whose value came last, and those whose values came before, in their order.
    last: Cell<Option<usize>>,
    before: RefCell<Vec<usize>>,
    calls: PhantomData<fn(R)>,
}

impl<'env, R, S, O, K> Lies<'env, Racing, K> for Raced<R, S, O>
where
    R: Lay<Laid = S>,
    S: Slots<O> + for<'a> Children<Starting<'a, 'env, O, K>> + ?Sized,
    K: Kind,
{
    type Error = Infallible;
    type Wait = Wait<O>;
    type Given = Won<O>;
    type Calls = Contest<R, O>;

    fn lay(contest: Contest<R, O>) -> Self {
        Self {
            slots: contest.calls.lay(),
            terms: contest.terms,
            last: Cell::new(None),
            before: RefCell::default(),
            calls: PhantomData,
        }
    }

    fn count_of(contest: &Contest<R, O>) -> usize {
        contest.calls.count()
    }

    #[inline]
    fn count(&self) -> usize {
        self.slots.count()
    }

    #[inline]
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Polled {
        let polled = self.slots.poll(index, cx, self.terms.is_value);
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
        self.slots.slot(index).cut()
    }

    fn start(
        &self,
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        polled: Option<usize>,
    ) -> (Self::Wait, Option<PolledChild>) {
        let ended = ended(self.count(), |index| self.slots.slot(index).has_end());
        let queue = self.terms.queue(Site::of(tg, location));
        let (mut hand, mut keys) = (Hand::of(polled), Vec::with_capacity(self.count()));
        let sees = Sees::Resumed(&mut hand, &mut keys);
        let mut starting = Starting::new(tg, &queue, location, sees);
        self.slots.children(&self.slots, &mut starting);
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
            let value = self.slots.take(index);
            (index, value.expect("it is over with a value"))
        };
        let last = self.last.get().expect("a race is decided by a value");
        Won {
            before: self.before.take().into_iter().map(take).collect(),
            last: take(last),
        }
    }
}
