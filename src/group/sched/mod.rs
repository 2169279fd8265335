//! What a group knows, under its lock: children, queue, line, drivers, watchers, failures; and each step it can take.
//!
//! - `admission`: which children it takes, and how it takes one in
//! - `cancelling`: the two stages of a cancel, the sweep, and what holds off the drop of the body
//! - `staffing`: who does the work
//! - `work`: what a driver is to do next, and what it says of it
//! - `lending`: the batches in which drivers take it
//! - `counts`: who counts as a child in a way of its own: companions and stragglers
//! - `seats`: who has a slot of a group with a limit
//! - `arriving`: children that come by shards, without the lock
//! - `effects`: what a critical section leaves to be done
//! - `left`: what a group leaves to its owner: failures, and values that are missing
//! - `pace`: how long a turn is
//! - `policy`: what a group does when a child fails
//! - `refusals`: when a spawner that has refused a driver is asked again
//! - `stats`: how the children of a group ended, in numbers
//!
//! Invariants:
//!
//! 1. Nothing here runs user code: no waker is woken, cloned or dropped, no future, value or failure is dropped, no
//!    spawner is called. Whatever has to happen goes into `Effects`, which the caller runs once the lock is released. There each effect
//!    is caught by itself, so a critical section never unwinds: what its caller says or counts afterwards is said and counted.
//! 2. `live` counts the children that were admitted and of whose end the group was not told yet, and the stragglers. Of some in a batch it is
//!    counted late: code that needs the exact count settles first.
//! 3. Once `cancelled` is set nobody is admitted and the line stays empty. Once `hard` is set, children leave by
//!    `LiveList::sweep`, or at the end of the poll in which it met them. Then the queue holds only children that the sweep
//!    has marked: those that a shield holds, or a grace of their own, which go on, and those that nothing holds any more, which go.
//! 4. Once `closed` is set nobody is admitted. Closed and `live` 0 is the end: it is reached once and never left.
//! 5. A child that wants to be polled is in the queue, in a batch or in a shard. It may be in both and in the queue twice, or there when it
//!    sleeps or is over: the second that comes finds so in its state. When nobody is live the queue is empty.
//! 6. A group with work to do has a driver that is not parked, or an owner that polls or is on its way, or has been
//!    cancelled and somebody sweeps it: see `nudge`.

use std::collections::VecDeque;
use std::sync::Arc;

use self::counts::{Around, Companion};
use self::effects::Effects;
use self::left::{Left, Trouble};
use self::policy::Policy;
use self::refusals::Refusals;
use self::seats::is_child;
pub(super) use self::staffing::Parking;
use self::stats::Tally;
pub(super) use self::work::{Done, Turned, Work};
use crate::group::cell::{Blocks, CellRef, Ending, Failed, Finished, LiveList, Shields};
use crate::group::queues::batch::Batch;
use crate::group::queues::completions::Completions;
use crate::group::queues::concurrency_limit::{ConcurrencyLimit, Limit};
use crate::group::queues::driver_jobs::DriverJobs;
use crate::group::queues::ready::Ready;
use crate::group::queues::watchers::{Events, Watchers};
use crate::token::{CancelReason, Told};

mod admission;
mod arriving;
mod cancelling;
mod lending;
mod seats;
mod staffing;
mod work;

pub(in crate::group) mod counts;
pub(in crate::group) mod effects;
pub(in crate::group) mod left;
pub(in crate::group) mod pace;
pub(in crate::group) mod policy;
pub(in crate::group) mod refusals;
pub(in crate::group) mod stats;

pub(super) struct Sched {
    pub(super) closed: bool,
    pub(super) cancelled: Option<CancelReason>,
    /// How many children had been cancelled alone by then.
    cancelled_before: u64,
    /// Was a child refused because of it?
    cancel_refused: bool,
    /// The grace of the cancel is over: children are dropped.
    hard: bool,
    /// Does a cancel leave the children some grace?
    gives_grace: bool,
    /// May there be children with a grace of their own?
    has_graces: bool,
    /// Shields in the body, which hold off its drop.
    pub(super) body_shields: Shields,
    body_gives_up: bool,
    /// What the group is in is to be dropped.
    goes_with_outside: bool,
    /// Children that are to be dropped while others go on: those in line that will not start, and those that were cancelled alone.
    /// Some may be over by now.
    doomed: VecDeque<CellRef>,
    /// Live children that are cancelled when only their like are left.
    background: usize,
    /// The group has a body, which counts as a child until its owner leaves.
    has_body: bool,
    /// How many leave, the body of a scope that is over among them: if there are any, the background children are cancelled
    /// when the last main child is over.
    leaving: usize,
    /// A child panicked, and the owner resumes the panic when it leaves.
    pub(super) resumes: bool,
    pub(super) live: usize,
    /// How many of them stand for a group that was dropped inside, and who counts this group so.
    stragglers: usize,
    counted_by: Option<Arc<dyn Around>>,
    pub(super) limit: ConcurrencyLimit<CellRef>,
    pub(super) watchers: Watchers,
    /// Most groups have none.
    trouble: Option<Box<Trouble>>,
    /// Why the body was told that it is cancelled.
    pub(in crate::group) body_told: Told,
    pub(super) completions: Option<Box<Completions>>,
    companions: Vec<Companion>,
    pub(super) tally: Tally,
    /// The owner is gone: failures that still come have nowhere to go.
    orphaned: bool,
    next_number: u64,
    children: LiveList,
    /// Where the cells of new children go. Filled while there are live ones.
    pub(super) blocks: Blocks,
    ready: Ready<CellRef>,
    /// What drivers have taken of it.
    lent: Vec<Arc<Batch>>,
    /// Are the shards open?
    pub(super) has_shards: bool,
    drivers: DriverJobs,
    /// How many driver jobs there may be, and whether the group can bring them itself.
    max_drivers: usize,
    can_launch: bool,
    /// Driver jobs that were lost before their first poll: until the next try an owner that can do the work is better.
    refusals: Refusals,
    /// How many turns drivers have had.
    turns: u64,
    /// A driver is wanted beside those that there are, and the spawner has enough on their way: the group will be called.
    is_put_off: bool,
    /// Owners that are being polled on the spawner: they see to the children before they suspend.
    owners: usize,
    /// Those of them that are not polling or dropping a child right now.
    free_owners: usize,
    /// How many of the drivers, and of the owners that are being polled, are blocked by code that they poll.
    blocked: usize,
    /// Of these, owners blocked by the body.
    blocked_bodies: usize,
    /// The owner is a thread that waits, and that a driver may need to be polled.
    pub(super) thread_waits: bool,
    /// The owner is dropping the children itself.
    ending: bool,
    /// The last driver was lost, and why: the group now depends on its owner.
    deserted: Option<String>,
    /// No shield holds anything any more.
    force: bool,
}

impl Sched {
    #[inline]
    pub(super) fn new(
        limit: Option<Limit>,
        max_drivers: usize,
        can_launch: bool,
        gives_grace: bool,
        has_body: bool,
        attended: bool,
    ) -> Self {
        Self {
            closed: false,
            cancelled: None,
            cancelled_before: 0,
            cancel_refused: false,
            hard: false,
            gives_grace,
            has_graces: false,
            body_shields: Shields::default(),
            body_gives_up: false,
            goes_with_outside: false,
            doomed: VecDeque::new(),
            background: 0,
            has_body,
            leaving: 0,
            resumes: false,
            live: 0,
            stragglers: 0,
            counted_by: None,
            limit: ConcurrencyLimit::new(limit),
            watchers: Watchers::default(),
            trouble: None,
            body_told: Told::default(),
            completions: None,
            companions: Vec::new(),
            tally: Tally::default(),
            orphaned: false,
            next_number: 0,
            children: LiveList::default(),
            blocks: Blocks::default(),
            ready: Ready::new(),
            lent: Vec::new(),
            has_shards: false,
            drivers: DriverJobs::default(),
            max_drivers,
            can_launch,
            refusals: Refusals::default(),
            turns: 0,
            is_put_off: false,
            owners: usize::from(attended),
            free_owners: usize::from(attended),
            blocked: 0,
            blocked_bodies: 0,
            thread_waits: false,
            ending: false,
            deserted: None,
            force: false,
        }
    }

    /// A child wants to be polled.
    #[inline]
    pub(super) fn push(&mut self, child: CellRef, effects: &mut Effects) {
        self.push_quietly(child, effects);
        self.nudge_beyond(0, effects);
    }

    /// A child wants to be polled, and the caller looks for work next.
    #[inline]
    fn push_quietly(&mut self, child: CellRef, effects: &mut Effects) {
        if self.takes(&child) {
            self.ready.push_back(child);
        } else {
            effects.release(child);
        }
    }

    /// Does a child that wants to be polled go into the queue? The sweep comes to the others, unless all are over.
    #[inline]
    fn takes(&self, child: &CellRef) -> bool {
        let meets_sweep = || self.ending || !self.children.is_behind_sweep(child);
        self.live > 0 && !(self.hard && meets_sweep())
    }

    /// A child has failed and is about to be over.
    pub(super) fn fails(
        &mut self,
        failed: Failed,
        end: Ending,
        policy: Policy,
        overdue: Option<CancelReason>,
        effects: &mut Effects,
    ) {
        if policy.cancels_siblings(end) {
            let reason = overdue.unwrap_or_else(|| CancelReason::sibling_failed(failed.info()));
            self.cancel(reason, effects);
        }
        if policy.resumes(end) {
            self.resumes = true;
            // A panic drops the body of a form that no cancel drops, so its clean-ups are due now.
            if self.hard && self.body_shields.tells() {
                effects.hardened();
            }
            self.watchers
                .notify(Events::TROUBLE, |waker| effects.wake(waker));
        }
        if self.orphaned {
            effects.report([failed]);
        } else {
            self.trouble().failures.push(failed);
        }
    }

    /// A child is over.
    #[inline]
    pub(super) fn over(&mut self, finished: Finished, effects: &mut Effects) {
        let Finished {
            cell,
            end,
            kept,
            waiter,
        } = finished;
        if let Some(waiter) = waiter {
            effects.wake(waiter);
        }
        self.ended(&cell, end, kept, effects);
        let listed = self.children.remove(&cell);
        effects.part(cell.part_with(listed));
    }

    /// Counts the end of a child.
    #[inline]
    fn ended(&mut self, cell: &CellRef, end: Ending, kept: bool, effects: &mut Effects) {
        self.live -= 1;
        self.tally.count(end, kept);
        // Most ends concern nobody, and cost two counts.
        if self.live == 0 || self.is_attended() {
            self.attend(cell, end, effects);
        }
    }

    /// May the end of a child that is not the last mean something to somebody?
    #[inline]
    fn is_attended(&self) -> bool {
        let counted = self.background > 0 || self.limit.is_limited();
        let watched = Events::COMPLETION.and(Events::ALONE);
        counted || self.completions.is_some() || self.watchers.any(watched)
    }

    /// What the end of a child means to others.
    fn attend(&mut self, cell: &CellRef, end: Ending, effects: &mut Effects) {
        if cell.is_background() {
            self.background -= 1;
        } else {
            self.dismiss_if_alone(effects);
        }
        let number = || cell.id().child;
        // One that never started has no slot to pass on.
        if cell.is_in_line() {
            self.limit.is_not_awaited(number());
        } else {
            let next = self
                .limit
                .release(number, is_child, |waker| effects.wake(waker));
            if let Some(next) = next {
                next.set_in_line(false);
                self.push_quietly(next, effects);
            }
            self.give_back_permits(effects);
        }
        if let Some(completions) = &mut self.completions {
            completions.record(cell, end);
        }
        self.tell_of_an_end(effects);
    }

    /// There is one child less: those who wait for that are told, and if none is left the group is put to rest.
    fn tell_of_an_end(&mut self, effects: &mut Effects) {
        let mut events = Events::COMPLETION.and(Events::ALONE);
        if self.live == 0 {
            self.blocks.rest();
            self.close_shards(effects);
            // What is left has been polled out of a batch, or was woken too late.
            while let Some(child) = self.ready.pop_front() {
                effects.release(child);
            }
            // What is left has ended in its poll.
            while let Some(child) = self.doomed.pop_front() {
                effects.release(child);
            }
            events = events.and(Events::EMPTY);
        }
        self.watchers.notify(events, |waker| effects.wake(waker));
        self.end_if_over(effects);
    }

    /// Takes no more children.
    pub(super) fn close(&mut self, effects: &mut Effects) {
        self.closed = true;
        self.dismiss_if_alone(effects);
        self.tell_companions(effects);
        // Promised slots are free now, since their callers will be refused: the line gets them.
        self.limit.dismiss(|waker| effects.wake(waker));
        if self.limit.is_limited() {
            while let Some(next) = self.limit.start_next() {
                self.start(Some(next), effects);
            }
            self.give_back_permits(effects);
        }
        self.tell_if_exhausted(effects);
        self.end_if_over(effects);
    }

    /// Closes if no child is left, and says whether that is so.
    pub(super) fn close_if_empty(&mut self, effects: &mut Effects) -> bool {
        if self.live == 0 {
            self.close(effects);
        }
        self.live == 0
    }

    /// The same for an owner, which takes along what failed.
    #[inline]
    pub(super) fn leave_if_empty(&mut self, effects: &mut Effects) -> Option<Left> {
        if !self.close_if_empty(effects) {
            return None;
        }
        let resumes = self.resumes;
        let given = self.trouble.as_mut().map(|trouble| trouble.give(resumes));
        Some(Left::new(given))
    }

    /// The owner that was given this does not leave as yet.
    pub(in crate::group) fn put_back(&mut self, left: Left) {
        if let Some(trouble) = left.into_trouble() {
            *self.trouble() = *trouble;
        }
    }

    /// What has gone wrong so far.
    pub(super) fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    /// How many children have failed that nobody was told of.
    pub(super) fn failed(&self) -> usize {
        let trouble = self.trouble.as_ref();
        trouble.map_or(0, |trouble| trouble.failures.len())
    }

    /// Is nobody left but background children?
    pub(super) fn has_no_main(&self) -> bool {
        self.live == self.background
    }

    /// Is no child left, and none to come?
    pub(super) fn is_exhausted(&self) -> bool {
        self.live == 0 && (self.closed || self.cancelled.is_some())
    }

    /// Those who wait for completions of a group without children may learn that there will be none.
    pub(super) fn tell_if_exhausted(&mut self, effects: &mut Effects) {
        if self.live == 0 {
            self.watchers
                .notify(Events::COMPLETION, |waker| effects.wake(waker));
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.closed && self.live == 0
    }

    /// At the end the parked drivers go home, and a group around waits no longer.
    fn end_if_over(&mut self, effects: &mut Effects) {
        if self.has_ended() {
            self.drivers.unpark_all(&mut |waker| effects.wake(waker));
            if let Some(around) = self.counted_by.take() {
                effects.straggled(around);
            }
        }
    }

    /// The owner is gone for good: what nobody can get any more comes out.
    pub(super) fn orphan(&mut self, effects: &mut Effects) {
        self.orphaned = true;
        if let Some(trouble) = &mut self.trouble {
            effects.report(trouble.failures.drain(..));
        }
        effects.drop_completions(self.completions.take());
    }

    /// Can nothing be cancelled any more? The body counts as a child: while it goes on a group can be that has ended.
    fn is_past_cancel(&self) -> bool {
        self.has_ended() && !self.is_body_there()
    }

    /// Is there a body that is not over?
    pub(in crate::group) fn is_body_there(&self) -> bool {
        self.has_body && self.leaving == 0
    }

    /// Has the group's cancel cut a child short, or kept one from starting?
    pub(super) fn was_cut_short(&self) -> bool {
        let cut = self.tally.cancelled > self.cancelled_before || self.cancel_refused;
        self.cancelled.is_some() && cut
    }

    /// Are children dropped?
    pub(super) fn is_hard(&self) -> bool {
        self.hard
    }

    /// Whatever shields hold?
    pub(super) fn is_forced(&self) -> bool {
        self.force
    }

    /// The children that are not over.
    pub(super) fn children(&self) -> impl Iterator<Item = CellRef> {
        self.children.iter()
    }
}
