//! What all handles, children, drivers and wakers of a group share: its settings, and its state behind one lock.

use std::cell::Cell;
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use super::blocked;
use super::body::Body;
use super::deadline::{TimeOptions, Timing};
use super::driving::sweep;
use super::position::{Position, here, nearest_child};
use crate::blocked::tell_groups_by;
use crate::depth;
use crate::group::cell::{CellRef, Claimed, Ending, Failed, Finished, OnThread};
use crate::group::queues::batch::BatchSlot;
use crate::group::queues::concurrency_limit::Limit;
use crate::group::queues::counter::Counter;
use crate::group::queues::wake_shards::WakeShards;
use crate::group::sched::effects::Effects;
use crate::group::sched::left::Left;
use crate::group::sched::pace::{Pace, Spent};
use crate::group::sched::policy::Policy;
use crate::group::sched::stats::Tally;
use crate::group::sched::{Done, Sched, Work};
use crate::spawner::SpawnerHandle;
use crate::std_or_loom::atomic::AtomicBool;
use crate::std_or_loom::{Lock, MutexGuard, per_thread};
use crate::token::{CancelReason, CancelToken, who};

/// The shared part of a group.
pub(crate) struct Core {
    id: u64,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    policy: Policy,
    /// Where drivers are launched; `None` if only the holder of a handle can do it.
    spawner: Option<SpawnerHandle>,
    /// Where the group was opened.
    pub(in crate::group) parent: Option<Position>,
    /// Made on demand, with what cancels the group when it is cancelled.
    pub(in crate::group) token: OnceLock<CancelToken>,
    timing: OnceLock<Box<Timing>>,
    /// Is the body of the scope dropped when the group is cancelled?
    drops_body: bool,
    /// May its children be polled and dropped on every thread? See `OnThread`.
    roams: bool,
    pub(in crate::group) needs_all: bool,
    pub(super) body_waits: bool,
    is_limited: bool,
    /// Was it noted, in a group with a limit, which child awaits which?
    knows_who_awaits: AtomicBool,
    pub(in crate::group) body: Body,
    taken: Counter,
    let_go: Counter,
    shards: WakeShards,
    pub(in crate::group) pace: Pace,
    sched: Lock<Sched>,
    /// How many critical sections there were.
    #[cfg(test)]
    pub(in crate::group) sections: Counter,
}

/// So many ids a thread takes at a time.
const IDS: u64 = 1 << 10;

per_thread! {
    // The next id of this thread.
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// An id that no other group has.
#[inline]
fn new_id() -> u64 {
    let id = NEXT.try_with(|next| {
        let id = match next.get() {
            used_up if used_up % IDS == 0 => more_ids(),
            id => id,
        };
        next.set(id + 1);
        id
    });
    // Where the thread is ending it takes them for one.
    id.unwrap_or_else(|_| more_ids())
}

/// The first of so many ids that no thread has had, which is no multiple of their number.
#[cold]
fn more_ids() -> u64 {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    LAST.fetch_add(IDS, Relaxed) + 1
}

/// The settings of a core.
pub(crate) struct Settings {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) policy: Policy,
    pub(crate) limit: Option<Limit>,
    pub(crate) drops_body: bool,
    /// Is there a body, of which the group is told when its owner leaves?
    pub(crate) has_body: bool,
    /// Has the group failed if one of its children was cancelled alone?
    pub(crate) needs_all: bool,
    /// Does the body nothing but to wait for the children?
    pub(crate) body_waits: bool,
    /// Is it the first turn of an owner in which the group is opened?
    pub(crate) attended: bool,
    /// Most groups have none.
    pub(crate) time_options: Option<Box<TimeOptions>>,
}

/// From now on there are groups, or code that can make one: others ask for the child that code runs in.
#[inline]
pub(crate) fn introduce() {
    who::ask(nearest_child);
    tell_groups_by(blocked::around);
}

impl Core {
    #[inline]
    pub(in crate::group) fn new(
        settings: Settings,
        spawner: Option<SpawnerHandle>,
        roams: bool,
    ) -> Self {
        introduce();
        let max_drivers = spawner
            .as_ref()
            .map_or(1, |spawner| spawner.known_parallelism().get());
        Self {
            id: new_id(),
            name: settings.name,
            location: settings.location,
            policy: settings.policy,
            parent: here(),
            token: OnceLock::new(),
            timing: OnceLock::new(),
            drops_body: settings.drops_body,
            roams,
            needs_all: settings.needs_all,
            body_waits: settings.body_waits,
            is_limited: settings.limit.is_some(),
            knows_who_awaits: AtomicBool::new(false),
            body: Body::new(),
            taken: Counter::new(),
            let_go: Counter::new(),
            shards: WakeShards::new(),
            pace: Pace::new(),
            #[cfg(test)]
            sections: Counter::new(),
            sched: Lock::new(Sched::new(
                settings.limit,
                max_drivers,
                spawner.is_some(),
                settings
                    .time_options
                    .is_some_and(|time_options| !time_options.grace.is_zero()),
                settings.has_body,
                settings.attended,
            )),
            spawner,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn spawner(&self) -> Option<&SpawnerHandle> {
        self.spawner.as_ref()
    }

    /// Where the group was opened.
    pub(in crate::group) fn parent(&self) -> Option<&Position> {
        self.parent.as_ref()
    }

    pub(in crate::group) fn timing(&self) -> Option<&Timing> {
        self.timing.get().map(|timing| &**timing)
    }

    /// The timing, made of these options if there is none.
    #[track_caller]
    pub(in crate::group) fn timing_or(&self, time_options: TimeOptions) -> &Timing {
        let spawner = self.spawner();
        self.timing
            .get_or_init(|| Box::new(Timing::new(time_options, spawner)))
    }

    pub(in crate::group) fn drops_body(&self) -> bool {
        self.drops_body
    }

    #[inline]
    pub(in crate::group) fn roams(&self) -> bool {
        self.roams
    }

    /// Is there a limit?
    #[inline]
    pub(in crate::group) fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// May it be known of a child who awaits it? Whoever awaits it through a key drops that, and has said so.
    #[inline]
    pub(in crate::group) fn knows_who_awaits(&self) -> bool {
        self.knows_who_awaits.load(Relaxed)
    }

    pub(in crate::group) fn will_know_who_awaits(&self) {
        self.knows_who_awaits.store(true, Relaxed);
    }

    #[cold]
    pub(in crate::group) fn is_not_awaited(self: &Arc<Self>, child: &CellRef) {
        let number = child.id().child;
        self.with(|sched, _| sched.limit.is_not_awaited(number));
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// One critical section, and what it leaves to be done. It never unwinds, but for a fault of the crate's own.
    #[inline]
    pub(in crate::group) fn with<R>(
        self: &Arc<Self>,
        f: impl FnOnce(&mut Sched, &mut Effects) -> R,
    ) -> R {
        let (mut sched, mut effects) = self.enter();
        let result = f(&mut sched, &mut effects);
        self.leave(sched, &mut effects);
        result
    }

    /// The same where each child passes: its end is generated in its place, and not once for all.
    #[inline]
    pub(in crate::group) fn with_at_once<R>(
        self: &Arc<Self>,
        f: impl FnOnce(&mut Sched, &mut Effects) -> R,
    ) -> R {
        let (mut sched, mut effects) = self.enter();
        let result = f(&mut sched, &mut effects);
        self.leave_at_once(sched, &mut effects);
        result
    }

    #[inline]
    fn enter(self: &Arc<Self>) -> (MutexGuard<'_, Sched>, Effects<'_>) {
        #[cfg(test)]
        self.sections.raise();
        (self.sched.lock(), Effects::new(self))
    }

    #[inline]
    fn leave_at_once(self: &Arc<Self>, mut sched: MutexGuard<'_, Sched>, effects: &mut Effects) {
        sched.keep_shards(effects);
        drop(sched);
        self.perform(effects);
    }

    #[inline(never)]
    fn leave(self: &Arc<Self>, sched: MutexGuard<'_, Sched>, effects: &mut Effects) {
        self.leave_at_once(sched, effects);
    }

    /// Looks without waiting, for `Debug`.
    pub(in crate::group) fn peek<R>(&self, f: impl FnOnce(&Sched) -> R) -> Option<R> {
        self.sched.try_lock().map(|sched| f(&sched))
    }

    /// Looks. `f` must not drop or call anything of the user's.
    pub(in crate::group) fn read<R>(&self, f: impl FnOnce(&Sched) -> R) -> R {
        #[cfg(test)]
        self.sections.raise();
        f(&self.sched.lock())
    }

    /// What threads put children in while all drivers are busy.
    #[inline]
    pub(in crate::group) fn wake_shards(&self) -> &WakeShards {
        &self.shards
    }

    /// A child was woken.
    #[inline]
    pub(in crate::group) fn push(self: &Arc<Self>, child: CellRef) {
        if let Err(child) = self.shards.put(child) {
            self.with_at_once(|sched, effects| sched.push(child, effects));
        }
    }

    /// A child has failed and is about to be over.
    pub(in crate::group) fn child_fails(self: &Arc<Self>, failed: Failed, end: Ending) {
        let overdue = self.overdue();
        self.with(|sched, effects| sched.fails(failed, end, self.policy, overdue, effects));
    }

    /// Gives back what the driver had and takes the next, into its slot if it is more than one child: the critical section
    /// between two polls.
    #[inline]
    pub(in crate::group) fn step(
        self: &Arc<Self>,
        done: Done,
        by_owner: bool,
        spent: &mut Spent,
        slot: &mut BatchSlot,
    ) -> Work {
        self.with_at_once(|sched, effects| {
            if !sched.take_back(done, by_owner, slot, effects) {
                return Work::GivenUp;
            }
            sched.work(by_owner, spent, slot, effects)
        })
    }

    /// Gives back what the driver had.
    pub(in crate::group) fn give_back(
        self: &Arc<Self>,
        done: Done,
        by_owner: bool,
        slot: &mut BatchSlot,
    ) {
        self.with(|sched, effects| {
            sched.take_back(done, by_owner, slot, effects);
            sched.nudge(effects);
        });
    }

    /// A child of a batch is over, and others may have to do with that at once.
    pub(in crate::group) fn is_over(self: &Arc<Self>, finished: Finished) {
        self.with_at_once(|sched, effects| {
            sched.over(finished, effects);
            sched.nudge(effects);
        });
    }

    /// The same for one that is untold. `true`: somebody waits for the next.
    pub(in crate::group) fn settle_one(self: &Arc<Self>, child: &CellRef) -> bool {
        self.with_at_once(|sched, effects| {
            sched.settle_one(child, effects);
            sched.nudge(effects);
            sched.limit.is_awaited()
        })
    }

    /// Does this child, which awaits an optional call, await it in vain, since only its like are left, and there is nothing else that the
    /// group is open for? From now on those who watch for that hear of each end at once.
    pub(in crate::group) fn is_companion_alone(
        &self,
        child: u64,
        sched: &mut Sched,
        effects: &mut Effects,
    ) -> bool {
        sched.settle_from_now(effects);
        let all_are_there = self.body.is_accompanied();
        let is_left = sched.is_left() && !sched.is_body_there();
        let may_be = is_left || (self.body_waits && all_are_there);
        sched.is_companion_alone(child, may_be, effects)
    }

    /// How many children are not over.
    pub(crate) fn len(self: &Arc<Self>) -> usize {
        self.with(|sched, effects| {
            sched.settle(effects);
            sched.live
        })
    }

    /// Gives back the last child that was dropped and claims the `next` to be.
    pub(super) fn drop_step(
        self: &Arc<Self>,
        done: Option<Finished>,
        next: impl FnOnce(&mut Sched, &mut Effects) -> Option<(Claimed, CancelReason)>,
    ) -> Option<(Claimed, CancelReason)> {
        self.with(|sched, effects| {
            if let Some(finished) = done {
                sched.over(finished, effects);
            }
            next(sched, effects)
        })
    }

    /// A child in line will not start. `false`: it is not in line any more.
    pub(in crate::group) fn leaves_line(self: &Arc<Self>, child: &CellRef) -> bool {
        self.with(|sched, effects| sched.leaves_line(child, effects))
    }

    /// Closes the group for good if no child is left.
    #[inline]
    pub(crate) fn leave_if_empty(self: &Arc<Self>) -> Option<Left> {
        self.with(|sched, effects| sched.leave_if_empty(effects))
    }

    pub(crate) fn close(self: &Arc<Self>) {
        self.with(|sched, effects| sched.close(effects));
    }

    pub(crate) fn close_if_empty(self: &Arc<Self>) -> bool {
        self.with(|sched, effects| sched.close_if_empty(effects))
    }

    /// Drops, on this thread, every child that is not being polled, and releases everything.
    pub(in crate::group) fn ends(at: OnThread<'_>) {
        let core = at.core();
        sweep(at);
        core.with(|sched, effects| sched.orphan(effects));
        core.stop_clock();
        core.has_stragglers();
    }

    #[inline]
    pub(in crate::group) fn count_taken(&self) {
        self.taken.raise();
    }

    #[inline]
    pub(in crate::group) fn count_let_go(&self) {
        self.let_go.raise();
    }

    pub(crate) fn tally(self: &Arc<Self>) -> Tally {
        let mut tally = self.with(|sched, effects| {
            sched.settle(effects);
            sched.tally
        });
        tally.taken += self.taken.get();
        tally.dropped += self.let_go.get();
        tally
    }
}

/// The last of a group drops the position in which that was opened, and may be the last to do so: they go one after the other.
impl Drop for Core {
    fn drop(&mut self) {
        if let Some(parent) = self.parent.take() {
            depth::bounded(move || drop(parent));
        }
    }
}
