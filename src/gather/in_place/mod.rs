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
//! - `lies`: what can be polled so, and a gather of a tuple
//! - `slots`: calls that all give the same
//! - `alike`: a gather of those
//! - `models`: calls that become children while one is polled, against another thread, checked by loom
//!
//! 1. Calls that are pending are all polled with the waker of the task, whenever that is woken. So there are not many of them. And
//!    nobody else polls them: where children have drivers, a call that is pending needs a group.
//! 2. What the group would decide is left to it: errors, panics, cancels. In place calls are polled and give values, that is all.
//! 3. A spawner that runs two jobs at once would run two calls. One that runs one job at a time has this task for that one, if the task
//!    is its job.

mod alike;
mod lies;
#[cfg(all(test, loom))]
mod models;
mod slots;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::task::Context;

pub(super) use self::alike::{Alike, Starts};
pub(super) use self::lies::{Hand, Lies, ended, no_site};
pub(super) use self::slots::{Children, Lay, Slots};
use crate::context;
use crate::depth::Drive;
use crate::group::engine::core::introduce;
use crate::group::engine::introspection;
use crate::group::engine::position::{Position, enter_unmade};
use crate::group::{
    Borrows, Executor, GuardOf, Kind, KindSealed, Makes, OnlyMut, Origin, Owner, Pace, Polled,
    PolledChild, Spent, give_way, is_code_cut_off,
};
use crate::order;
use crate::scope::InPlace;
use crate::std_or_loom::per_thread;
use crate::token::{CancelKind, CancelReason};
use crate::turn;

/// How many calls are polled at each wake, of all gathers that lie in each other.
const TOGETHER: usize = 30;

per_thread! {
    // How many calls are pending in the poll of the outermost gather, if there is one.
    static PENDING: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How calls are polled in place, if they are.
pub(super) type InPlaceOf<'env, R, E, W, K, G = W> = Option<PollInPlace<'env, R, E, W, K, G>>;

type PollInPlace<'env, R, E, W, K, G> = fn(
    &mut R,
    &mut Option<Origin<K>>,
    &'static Location<'static>,
    &mut Context<'_>,
) -> Reached<'env, E, K, W, G>;

/// How far the calls are.
pub(crate) enum Reached<'env, E, K: Kind, W, G> {
    /// The group is to be opened first.
    Never,
    /// Some are pending.
    Pending,
    /// All have given something, and there was no group.
    Over(G),
    /// They are children now. `true`: the turn in which they have become that is over.
    Children(Owner<'env, E, K>, W, bool),
}

impl<'env, E, K: Kind, W, G> Reached<'env, E, K, W, G> {
    pub(super) fn with_body<B>(self, body: impl FnOnce(W) -> B) -> InPlace<'env, E, K, G, B> {
        match self {
            Self::Never => InPlace::Never,
            Self::Pending => InPlace::Pending,
            Self::Over(calls) => InPlace::Over(calls),
            Self::Children(owner, calls, is_over) => InPlace::Opened(owner, body(calls), is_over),
        }
    }
}

/// Calls, and what they are polled by where that is done in place.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub struct Row<R, L, K: Kind> {
    /// Until they are polled in place.
    calls: Option<R>,
    placed: OnlyMut<Option<Placed<L, K>>>,
}

/// Calls that are polled in place.
struct Placed<L, K: Kind> {
    calls: L,
    /// What the group is made of. None once there is one.
    origin: Cell<Option<Origin<K>>>,
    location: &'static Location<'static>,
    /// Opens the group and drops it.
    drops: fn(Origin<K>, &L, &'static Location<'static>),
    pace: Pace,
    /// Where the next turn begins.
    next: usize,
    /// How many are not over.
    left: usize,
}

impl<R, L, K: Kind> Row<R, L, K> {
    pub(super) fn new(calls: R) -> Self {
        Self {
            calls: Some(calls),
            placed: OnlyMut::new(None),
        }
    }

    /// The callables, before they are polled in place.
    pub(super) fn calls(&self) -> &R {
        self.calls.as_ref().expect("they are not polled in place")
    }

    /// The callables, of which none was called.
    pub(super) fn into_calls(mut self) -> R {
        self.calls.take().expect("they are not polled in place")
    }
}

impl<L, K: Kind> Drop for Placed<L, K> {
    fn drop(&mut self) {
        if let Some(origin) = self.origin.take() {
            (self.drops)(origin, &self.calls, self.location);
        }
    }
}

/// Calls that have become children.
struct Opened<'env, E, K: Kind, W> {
    owner: Owner<'env, E, K>,
    wait: W,
    polled: Option<PolledChild>,
}

type OpenedBy<'env, M, L, K> =
    Opened<'env, <L as Lies<'env, M, K>>::Error, K, <L as Lies<'env, M, K>>::Wait>;

/// Opens the group, and makes a child of each call; one may be in the middle of its poll.
fn open<'env, M, L, K>(
    origin: Origin<K>,
    calls: &L,
    location: &'static Location<'static>,
    polled: Option<usize>,
) -> OpenedBy<'env, M, L, K>
where
    K: Borrows<'env>,
    L: Lies<'env, M, K>,
{
    // They have what was set when they were started, which is nothing.
    let _bare = context::enter(None);
    let owner = Owner::open(origin);
    let (wait, polled) = calls.start(owner.scope(), location, polled);
    Opened {
        owner,
        wait,
        polled,
    }
}

/// One turn in which calls are polled.
struct Pass<'a, 'env, M, L, K>
where
    K: Kind,
    L: Lies<'env, M, K>,
{
    placed: &'a Placed<L, K>,
    /// Which call is polled or cut.
    current: Cell<usize>,
    /// Calls are cut.
    are_cut: Cell<bool>,
    is_made: Cell<bool>,
    made: RefCell<Option<OpenedBy<'env, M, L, K>>>,
}

impl<'env, M, L, K> Makes for Pass<'_, 'env, M, L, K>
where
    K: Borrows<'env>,
    L: Lies<'env, M, K>,
{
    fn make(&self) -> Option<Position> {
        let placed = self.placed;
        let origin = placed.origin.take()?;
        let current = Some(self.current.get());
        let children = open::<M, L, K>(origin, &placed.calls, placed.location, current);
        let position = children.polled.as_ref().map(PolledChild::position);
        if self.are_cut.get() {
            let not_needed = CancelReason::new(CancelKind::NotNeeded);
            children.owner.scope().core().cancel(not_needed);
        }
        self.is_made.set(true);
        *self.made.borrow_mut() = Some(children);
        position
    }
}

/// How a turn ended.
enum Turned {
    /// All that were not over have been polled.
    Whole,
    /// There may be more to do.
    Early,
    /// There has to be a group, if there is none.
    Group,
}

impl<'env, M, L, K> Pass<'_, 'env, M, L, K>
where
    K: Borrows<'env>,
    L: Lies<'env, M, K>,
{
    /// Polls each call once that is not over.
    fn run(&self, next: &mut usize, left: &mut usize, cx: &mut Context<'_>) -> Turned {
        let Placed { calls, pace, .. } = self.placed;
        let mut spent = Spent::new(pace);
        let (count, begin) = (calls.count(), *next);
        spent.expects(count);
        for index in (begin..count).chain(0..begin) {
            self.current.set(index);
            let polled = calls.poll(index, cx);
            if self.is_made.get() {
                return Turned::Group;
            }
            match polled {
                Polled::Before => continue,
                Polled::Over if calls.is_decided() => return self.cut(left),
                Polled::Over => *left -= 1,
                Polled::Pending if !has_drivers::<K>() && wait_together() <= TOGETHER => {}
                Polled::Pending | Polled::Panicked | Polled::Failed => return Turned::Group,
            }
            let is_over = polled == Polled::Pending && turn::is_over();
            if (is_over || spent.one_more(pace) || order::gives_way()) && *left > 0 {
                *next = (index + 1) % count;
                return Turned::Early;
            }
        }
        Turned::Whole
    }

    /// Drops the calls that are left, which are not needed.
    fn cut(&self, left: &mut usize) -> Turned {
        let calls = &self.placed.calls;
        self.are_cut.set(true);
        for index in 0..calls.count() {
            self.current.set(index);
            let dropped = calls.cut(index);
            // Errors, panics and code that asks are the group's business from here on.
            if self.is_made.get() || dropped == Polled::Panicked {
                return Turned::Group;
            }
        }
        *left = 0;
        Turned::Whole
    }
}

/// Does a child go on whether or not the task is polled again?
const fn has_drivers<K: Kind>() -> bool {
    <K as KindSealed>::Executor::HAS_DRIVERS
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
struct Counting {
    before: Option<usize>,
}

impl Counting {
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

impl Drop for Counting {
    fn drop(&mut self) {
        if self.before.is_none() {
            let _ = PENDING.try_with(|pending| pending.set(None));
        }
    }
}

/// Polls calls in place, if that is how it is done with these.
pub(super) fn poll<'env, M, L, K>(
    row: &mut Row<L::Calls, L, K>,
    origin: &mut Option<Origin<K>>,
    location: &'static Location<'static>,
    cx: &mut Context<'_>,
) -> Reached<'env, L::Error, K, L::Wait, L::Given>
where
    K: Borrows<'env>,
    L: Lies<'env, M, K>,
{
    let is_first = row.placed.get().is_none();
    // The spawner is current as long as this is there.
    let mut current = None;
    if is_first {
        let calls = row.calls.take_if(|calls| {
            let arrives = |origin: &mut Origin<K>| {
                current = begins_in_place(origin, || L::count_of(calls));
                current.is_some()
            };
            origin.as_mut().is_some_and(arrives)
        });
        let (Some(calls), Some(origin)) = (calls, origin.take_if(|_| current.is_some())) else {
            return Reached::Never;
        };
        let calls = L::lay(calls);
        *row.placed.get() = Some(Placed {
            left: calls.count(),
            calls,
            origin: Cell::new(Some(origin)),
            location,
            drops: drop_as_group::<M, L, K>,
            pace: Pace::new(),
            next: 0,
        });
    }
    let place = row.placed.get();
    let placed = place.as_mut().expect("it was put there");
    if placed.left > 0 {
        match poll_once::<M, L, K>(placed, cx) {
            (Some(children), turned) => {
                *place = None;
                if let Some(polled) = children.polled {
                    polled.goes_on(children.owner.scope().on_thread());
                }
                let is_over = matches!(turned, Turned::Early);
                return Reached::Children(children.owner, children.wait, is_over);
            }
            (None, Turned::Early) => {
                give_way(&placed.pace, cx.waker());
                return Reached::Pending;
            }
            (None, _) if placed.left > 0 => return Reached::Pending,
            (None, _) => {}
        }
    }
    // Leaving-2: as a scope does it.
    let goes = !is_first || (!turn::is_over() && order::leaves_at_once());
    if !goes || is_code_cut_off() {
        give_way(&placed.pace, cx.waker());
        return Reached::Pending;
    }
    let whole = placed.calls.give(location);
    placed.origin.set(None);
    *place = None;
    Reached::Over(whole)
}

/// Begins to poll calls in place, unless the group has to be there from the first: nothing was said for which somebody would ask it,
/// nothing on this thread needs it, and no call waits for another while somebody could run it.
fn begins_in_place<K: Kind>(
    origin: &mut Origin<K>,
    count: impl FnOnce() -> usize,
) -> Option<GuardOf<K>> {
    if !origin.is_plain() || context::is_set() || introspection::wants_groups() {
        return None;
    }
    // Many are children sooner or later, and cost less as such. Deep down there is a driver that polls them elsewhere.
    if has_drivers::<K>() && (count() > TOGETHER || Drive::is_deep()) {
        return None;
    }
    let arrived = origin.arrive()?;
    introduce();
    Some(arrived)
}

/// Does a turn that ended like this leave something to a group?
fn needs_group<K: Kind>(turned: &Turned) -> bool {
    match turned {
        Turned::Whole => false,
        // Others see to the calls that are left, whether or not this task is polled again.
        Turned::Early => has_drivers::<K>(),
        Turned::Group => true,
    }
}

/// One turn, and the group, if it has to be there from now on.
fn poll_once<'env, M, L, K>(
    placed: &mut Placed<L, K>,
    cx: &mut Context<'_>,
) -> (Option<OpenedBy<'env, M, L, K>>, Turned)
where
    K: Borrows<'env>,
    L: Lies<'env, M, K>,
{
    let (mut next, mut left) = (placed.next, placed.left);
    let pass = Pass::<M, L, K> {
        placed,
        current: Cell::new(next),
        are_cut: Cell::new(false),
        is_made: Cell::new(false),
        made: RefCell::new(None),
    };
    let turned = {
        let (_drive, _bare) = (Drive::begin(), context::enter(None));
        let counting = Counting::begin();
        let turned = enter_unmade(&pass, || pass.run(&mut next, &mut left, cx));
        if needs_group::<K>(&turned) {
            counting.part();
        }
        turned
    };
    let mut children = pass.made.into_inner();
    if needs_group::<K>(&turned) {
        // Nobody has asked for it meanwhile.
        if let Some(origin) = placed.origin.take() {
            children = Some(open::<M, L, K>(
                origin,
                &placed.calls,
                placed.location,
                None,
            ));
        }
    }
    (placed.next, placed.left) = (next, left);
    (children, turned)
}

/// Drops calls as the children that they would be by now.
fn drop_as_group<'env, M, L, K>(origin: Origin<K>, calls: &L, location: &'static Location<'static>)
where
    K: Borrows<'env>,
    L: Lies<'env, M, K>,
{
    let Opened { owner, wait, .. } = open::<M, L, K>(origin, calls, location, None);
    drop(owner);
    drop(wait);
}

impl<R, L, K: Kind> fmt::Debug for Row<R, L, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").finish_non_exhaustive()
    }
}
