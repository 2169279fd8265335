//! Polls the calls of a gather where they lie, for as long as nobody needs a group.
//!
//! ```text
//!            first poll             all have given a value
//!   made ─────────────▶ in place ─────────────────────────▶ over, without a group
//!     │                    │
//!     │ not plain          │ somebody asks where a call runs; a call fails or panics; too many are pending; dropped
//!     ╰──────────▶ a group ◀
//! ```
//!
//! The group is opened as if it had been there from the start: a child for each call, in their order, whose future is what was
//! polled in place and stays there. A call that is over ends once more, as a child. One that is being polled is a child in the middle of
//! its poll.
//!
//! 1. Calls that are pending are all polled with the waker of the task, whenever that is woken. So there are not many of them.
//! 2. What the group would decide is left to it: errors, panics, cancels. In place calls are polled and give values, that is all.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem::take;
use std::panic::Location;
use std::task::Context;

use super::in_order::InOrder;
use super::mode::{Ends, ModeOf};
use super::site::Site;
use crate::context;
use crate::depth::Drive;
use crate::error::OneByOne;
use crate::group::engine::introspection;
use crate::group::engine::position::{Position, enter_unmade};
use crate::group::{
    Block, Borrows, Call, Key, Kind, Makes, OnlyMut, Origin, Owner, Pace, Polled, PolledChild,
    Spent, give_way, is_code_cut_off,
};
use crate::order;
use crate::scope::InPlace;
use crate::std_or_loom::per_thread;
use crate::turn;

/// How many calls are polled at each wake, of all gathers that lie in each other.
const TOGETHER: usize = 30;

per_thread! {
    // How many calls are pending in the poll of the outermost gather, if there is one.
    static PENDING: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How calls are polled in place, if they are.
pub(super) type InPlaceOf<'env, R, E, W, K> = Option<PollInPlace<'env, R, E, W, K>>;

type PollInPlace<'env, R, E, W, K> = fn(
    &mut R,
    &mut Option<Origin<K>>,
    &'static Location<'static>,
    &mut Context<'_>,
) -> Reached<'env, E, K, W>;

/// How far the calls are.
pub(crate) enum Reached<'env, E, K: Kind, W> {
    /// The group is to be opened first.
    Never,
    /// Some are pending.
    Pending,
    /// All have given something, and there was no group.
    Over(W),
    /// They are children now.
    Children(Owner<'env, E, K>, W),
}

impl<'env, E, K: Kind, W> Reached<'env, E, K, W> {
    pub(super) fn with_body<B>(self, body: impl FnOnce(W) -> B) -> InPlace<'env, E, K, W, B> {
        match self {
            Self::Never => InPlace::Never,
            Self::Pending => InPlace::Pending,
            Self::Over(calls) => InPlace::Over(calls),
            Self::Children(owner, calls) => InPlace::Opened(owner, body(calls)),
        }
    }
}

/// Calls of one type, and what they are polled by where that is done in place.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub struct Row<C, F: Future, K: Kind> {
    calls: OneByOne<C>,
    placed: OnlyMut<Option<Placed<C, F, K>>>,
}

/// Calls that are polled in place.
struct Placed<C, F: Future, K: Kind> {
    block: Block<C, F>,
    /// What the group is made of. None once there is one.
    origin: Cell<Option<Origin<K>>>,
    location: &'static Location<'static>,
    /// Opens the group and drops it.
    drops: fn(Origin<K>, &Block<C, F>, &'static Location<'static>),
    pace: Pace,
    /// Where the next turn begins.
    next: usize,
    /// How many are not over.
    left: usize,
}

impl<C, F: Future, K: Kind> Row<C, F, K> {
    pub(super) fn new(calls: OneByOne<C>) -> Self {
        Self {
            calls,
            placed: OnlyMut::new(None),
        }
    }

    /// The callables, if none was called.
    pub(super) fn into_calls(mut self) -> OneByOne<C> {
        take(&mut self.calls)
    }
}

impl<C, F: Future, K: Kind> Drop for Placed<C, F, K> {
    fn drop(&mut self) {
        if let Some(origin) = self.origin.take() {
            (self.drops)(origin, &self.block, self.location);
        }
    }
}

/// Calls that have become children.
struct Children<'env, E, K: Kind, V> {
    owner: Owner<'env, E, K>,
    keys: Vec<Key<V>>,
    polled: Option<PolledChild>,
}

impl<'env, E, K: Kind, V> Children<'env, E, K, V> {
    /// Opens the group, and makes a child of each call.
    fn make<M, C, F>(
        origin: Origin<K>,
        block: &Block<C, F>,
        location: &'static Location<'static>,
    ) -> Self
    where
        C: FnOnce() -> F,
        F: Future,
        K: Borrows<'env>,
        M: ModeOf<'env, Call<C, F>, K, Error = E, Value = V>,
    {
        // They have what was set when they were started, which is nothing.
        let _bare = context::enter(None);
        let owner = Owner::open(origin);
        let tg = owner.scope();
        let mut ended = Vec::new();
        let start = |index| {
            let ends = block.has_end(index);
            let key = M::start(tg, location, Call::moved(block.child(index)));
            if ends {
                ended.push(index);
            }
            key
        };
        let keys: Vec<_> = (0..block.len()).map(start).collect();
        for index in ended {
            keys[index].run_now(tg.on_thread());
        }
        Self {
            owner,
            keys,
            polled: None,
        }
    }

    /// What the scope goes on with.
    fn go_on<M>(self, location: &'static Location<'static>) -> Reached<'env, E, K, InOrder<M, V>>
    where
        M: Ends<V>,
    {
        if let Some(polled) = self.polled {
            polled.goes_on(self.owner.scope().on_thread());
        }
        let site = Site {
            group: self.owner.scope().core().id(),
            location,
        };
        let wait = InOrder::new(self.keys, site);
        Reached::Children(self.owner, wait)
    }
}

type ChildrenOf<'env, M, C, F, K> = Children<
    'env,
    <M as ModeOf<'env, Call<C, F>, K>>::Error,
    K,
    <M as ModeOf<'env, Call<C, F>, K>>::Value,
>;

/// One turn in which calls are polled.
struct Pass<'a, 'env, M, C, F, K>
where
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: ModeOf<'env, Call<C, F>, K>,
{
    placed: &'a Placed<C, F, K>,
    current: Cell<usize>,
    made: RefCell<Option<ChildrenOf<'env, M, C, F, K>>>,
}

impl<'env, M, C, F, K> Makes for Pass<'_, 'env, M, C, F, K>
where
    C: FnOnce() -> F,
    F: Future,
    K: Borrows<'env>,
    M: ModeOf<'env, Call<C, F>, K>,
{
    fn make(&self) -> Option<Position> {
        let origin = self.placed.origin.take()?;
        let (block, location) = (&self.placed.block, self.placed.location);
        let mut children = Children::make::<M, C, F>(origin, block, location);
        children.polled = children.keys[self.current.get()].take_in_hand();
        let position = children.polled.as_ref().map(PolledChild::position);
        *self.made.borrow_mut() = Some(children);
        position
    }
}

/// How a turn ended.
enum Turned {
    /// All that were not over have been polled, and so many are pending.
    Whole,
    /// There may be more to do.
    Early,
    /// There has to be a group, if there is none.
    Group,
}

impl<'env, M, C, F, K> Pass<'_, 'env, M, C, F, K>
where
    C: FnOnce() -> F,
    F: Future,
    K: Borrows<'env>,
    M: ModeOf<'env, Call<C, F>, K>,
{
    /// Polls each call once that is not over.
    fn run(&self, next: &mut usize, left: &mut usize, cx: &mut Context<'_>) -> Turned {
        let block = &self.placed.block;
        let mut spent = Spent::new(&self.placed.pace);
        let (count, begin) = (block.len(), *next);
        for step in 0..count {
            let index = if begin + step < count {
                begin + step
            } else {
                begin + step - count
            };
            if block.is_over(index) {
                continue;
            }
            self.current.set(index);
            let polled = block.poll(index, cx);
            if self.made.borrow().is_some() {
                return Turned::Group;
            }
            match polled {
                Polled::Over if block.is_over_with(index, M::is_value) => *left -= 1,
                Polled::Pending if wait_together() <= TOGETHER => {}
                Polled::Over | Polled::Panicked | Polled::Pending => return Turned::Group,
            }
            let gave_way = polled == Polled::Pending && turn::is_over();
            if (gave_way || spent.one_more(&self.placed.pace) || order::gives_way()) && *left > 0 {
                *next = (index + 1) % count;
                return Turned::Early;
            }
        }
        Turned::Whole
    }
}

/// One more call is pending in this poll; so many are by now.
fn wait_together() -> usize {
    let more = |pending: &Cell<Option<usize>>| {
        let count = pending.get().map_or(1, |count| count + 1);
        pending.set(Some(count));
        count
    };
    PENDING.try_with(more).unwrap_or(usize::MAX)
}

/// A poll of calls in place; the outermost begins to count.
struct Together {
    before: Option<usize>,
}

impl Together {
    fn begin() -> Self {
        let before = PENDING.try_with(|pending| pending.replace(pending.get().or(Some(0))));
        Self {
            before: before.ok().flatten(),
        }
    }

    /// These calls are polled by themselves from now on.
    fn part(&self) {
        let _ = PENDING.try_with(|pending| pending.set(self.before.or(Some(0))));
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        if self.before.is_none() {
            let _ = PENDING.try_with(|pending| pending.set(None));
        }
    }
}

/// Polls calls in place, if that is how it is done with these.
pub(super) fn poll<'env, M, C, F, K>(
    row: &mut Row<C, F, K>,
    origin: &mut Option<Origin<K>>,
    location: &'static Location<'static>,
    cx: &mut Context<'_>,
) -> Reached<'env, M::Error, K, InOrder<M, M::Value>>
where
    C: FnOnce() -> F,
    F: Future,
    K: Borrows<'env>,
    M: ModeOf<'env, Call<C, F>, K> + Ends<M::Value>,
{
    let is_first = row.placed.get().is_none();
    let placed = match row.placed.get() {
        Some(placed) => placed,
        empty => match origin.take_if(|origin| origin.is_plain() && is_in_place()) {
            Some(origin) => empty.insert(Placed {
                left: row.calls.len(),
                block: Block::new(take(&mut row.calls).give()),
                origin: Cell::new(Some(origin)),
                location,
                drops: drop_as_group::<M, C, F, K>,
                pace: Pace::new(),
                next: 0,
            }),
            None => return Reached::Never,
        },
    };
    if placed.left > 0 {
        match poll_once::<M, C, F, K>(placed, cx) {
            (Some(children), _) => {
                *row.placed.get() = None;
                return children.go_on(location);
            }
            (None, Turned::Early) => {
                give_way(cx.waker());
                return Reached::Pending;
            }
            (None, _) if placed.left > 0 => return Reached::Pending,
            (None, _) => {}
        }
    }
    // Leaving-2: as a scope does it.
    let goes = !is_first || (!turn::is_over() && order::leaves_at_once());
    if !goes || is_code_cut_off() {
        give_way(cx.waker());
        return Reached::Pending;
    }
    let block = &placed.block;
    let settle = |index| {
        let output = block.take(index).map(M::value_of);
        output.and_then(M::settle).expect("all have given a value")
    };
    let outputs = (0..block.len()).map(settle).collect();
    placed.origin.set(None);
    *row.placed.get() = None;
    // Nobody sees the number: they are given at once.
    Reached::Over(InOrder::of(outputs, Site { group: 0, location }))
}

/// Is there nothing on this thread for which the group has to be there from the first?
fn is_in_place() -> bool {
    order::is_first_come() && !context::is_set() && !introspection::is_asked()
}

/// One turn, and the group, if it has to be there from now on.
fn poll_once<'env, M, C, F, K>(
    placed: &mut Placed<C, F, K>,
    cx: &mut Context<'_>,
) -> (Option<ChildrenOf<'env, M, C, F, K>>, Turned)
where
    C: FnOnce() -> F,
    F: Future,
    K: Borrows<'env>,
    M: ModeOf<'env, Call<C, F>, K>,
{
    let (mut next, mut left) = (placed.next, placed.left);
    let pass = Pass::<M, C, F, K> {
        placed,
        current: Cell::new(next),
        made: RefCell::new(None),
    };
    let turned = {
        let (_drive, _bare) = (Drive::begin(), context::enter(None));
        let together = Together::begin();
        let turned = enter_unmade(&pass, || pass.run(&mut next, &mut left, cx));
        if matches!(turned, Turned::Group) {
            together.part();
        }
        turned
    };
    let mut children = pass.made.into_inner();
    if matches!(turned, Turned::Group) {
        let (block, location) = (&placed.block, placed.location);
        // Nobody has asked for it meanwhile.
        if let Some(origin) = placed.origin.take() {
            children = Some(Children::make::<M, C, F>(origin, block, location));
        }
    }
    (placed.next, placed.left) = (next, left);
    (children, turned)
}

/// Drops calls as the children that they would be by now.
fn drop_as_group<'env, M, C, F, K>(
    origin: Origin<K>,
    block: &Block<C, F>,
    location: &'static Location<'static>,
) where
    C: FnOnce() -> F,
    F: Future,
    K: Borrows<'env>,
    M: ModeOf<'env, Call<C, F>, K>,
{
    let Children { owner, keys, .. } = Children::make::<M, C, F>(origin, block, location);
    drop(owner);
    drop(keys);
}

impl<C, F: Future, K: Kind> fmt::Debug for Row<C, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").finish_non_exhaustive()
    }
}
