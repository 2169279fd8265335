//! The loop that polls and drops children, in a driver or an owner, and one poll of an owner around it.

use std::sync::Arc;
use std::task::Waker;

use super::core::Core;
use super::kind::Executor;
use crate::depth::Drive;
use crate::error::unhandled::wake_quietly;
use crate::group::cell::{OnThread, Ran, RanInBatch};
use crate::group::queues::batch::{Batch, BatchSlot};
use crate::group::queues::watchers::{Events, WatcherId};
use crate::group::sched::left::Left;
use crate::group::sched::pace::{self, Spent};
use crate::group::sched::{Done, Sched, Turned, Work};
use crate::order;
use crate::panic::catch;
use crate::turn;

/// How a run of the loop came to its end.
#[derive(PartialEq, Eq)]
pub(in crate::group) enum Drove {
    /// Nothing is left to do for now.
    Idle,
    /// There may be more, but the turn is over.
    Yield,
    /// The executor says that the turn is over.
    Over,
    /// The driver was given up.
    GivenUp,
}

/// Polls or drops children, one after the other, until the turn is over. `done` is what the caller did before.
#[inline(never)]
pub(in crate::group) fn drive<G: Executor>(
    at: OnThread<'_>,
    by_owner: bool,
    mut done: Done,
    spent: &mut Spent,
    executor: &G,
) -> Drove {
    let _drive = Drive::begin();
    let core = at.core();
    let mut slot = BatchSlot::default();
    loop {
        let work = core.step(done, by_owner, spent, &mut slot);
        // Out of the lock: the last references to children of the batch go here.
        slot.let_go();
        let end;
        match work {
            Work::Nothing => return Drove::Idle,
            Work::Later => return Drove::Yield,
            Work::GivenUp => return Drove::GivenUp,
            Work::Batch => {
                let turned;
                (turned, end) = drive_batch(at, slot.batch(), spent, executor);
                done = Done::Batch(turned);
            }
            Work::Poll(child) => {
                done = match child.run(at) {
                    Ran::Over(finished) => Done::Over(finished),
                    Ran::Woken(child) => {
                        spent.child_yields();
                        Done::Woken(child)
                    }
                    Ran::Cancel(claimed) => Done::Over(claimed.cancel(&core.reason(), at)),
                    Ran::Parked => Done::Parked,
                };
                end = ends(core, spent, executor, matches!(done, Done::Over(_)));
            }
            Work::Drop(claimed, reason) => {
                done = Done::Over(claimed.cancel(&reason, at));
                end = ends(core, spent, executor, true);
            }
        }
        if let Some(end) = end {
            core.give_back(done, by_owner, &mut slot);
            return end;
        }
    }
}

/// How the turn ends after this poll, if it does.
#[inline]
fn ends<G: Executor>(core: &Core, spent: &mut Spent, executor: &G, is_over: bool) -> Option<Drove> {
    // A spawner that panics instead of answering must not make us forget a child.
    let should_yield = || catch(|| executor.should_yield()).unwrap_or(true);
    if (G::ASKS_AT_ENDS || !is_over) && should_yield() {
        Some(Drove::Over)
    } else {
        (spent.one_more(&core.pace) || order::gives_way()).then_some(Drove::Yield)
    }
}

/// Polls the children of a batch, and says how far it came and whether the turn is over.
fn drive_batch<G: Executor>(
    at: OnThread<'_>,
    batch: &Batch,
    spent: &mut Spent,
    executor: &G,
) -> (Turned, Option<Drove>) {
    let core = at.core();
    let mut turned = Turned::default();
    let mut end = None;
    let mut counted = batch.is_counted();
    for child in batch.children() {
        let ran = child.run_in_batch(at);
        turned.next(matches!(ran, RanInBatch::Woken));
        let is_over = !matches!(ran, RanInBatch::Woken | RanInBatch::Parked);
        match ran {
            RanInBatch::Over if counted || batch.tells(child) => counted = core.settle_one(child),
            RanInBatch::Over | RanInBatch::Woken | RanInBatch::Parked => {}
            RanInBatch::Awaited(waiter) => {
                counted = core.settle_one(child);
                wake_quietly(waiter);
            }
            RanInBatch::Told(finished) => core.is_over(finished),
            RanInBatch::Cancel(claimed) => core.is_over(claimed.cancel(&core.reason(), at)),
        }
        end = ends(core, spent, executor, is_over);
        // Hurried, it gives the rest back: another thread waits for exact counts, or for these children.
        if end.is_some() || batch.is_hurried() {
            break;
        }
    }
    if turned.any_woken() {
        spent.child_yields();
    }
    (turned, end)
}

/// Drops, on this thread, every child of a cancelled group that is not being polled.
pub(in crate::group) fn sweep(at: OnThread<'_>) {
    let mut done = None;
    while let Some((claimed, reason)) = at.core().drop_step(done, Sched::sweep) {
        done = Some(claimed.cancel(&reason, at));
    }
}

/// Drops children that are to be dropped and that nobody polls, as long as the turn lasts: for an owner that is not where they
/// are polled. It must not wait for an executor that may run nothing.
fn drop_doomed(at: OnThread<'_>, spent: &mut Spent) -> Drove {
    let core = at.core();
    let mut done = None;
    loop {
        let Some((claimed, reason)) = core.drop_step(done.take(), Sched::next_to_drop) else {
            return Drove::Idle;
        };
        done = Some(claimed.cancel(&reason, at));
        if spent.one_more(&core.pace) {
            break;
        }
    }
    done.into_iter().for_each(|finished| core.is_over(finished));
    Drove::Yield
}

/// One poll of an owner: of a scope, a join, or a wait for the next completion.
///
/// While it lasts the spawner is current, and if the owner is on that spawner it counts as one that sees to the children.
pub(crate) struct Turn<'a, G: Executor> {
    at: OnThread<'a>,
    core: &'a Arc<Core>,
    executor: &'a G,
    on_spawner: bool,
    suspended: bool,
    /// There are children to be dropped, which an owner that is elsewhere does, too.
    drops: bool,
    spent: Spent,
    began_with_children: bool,
    is_over: bool,
    _current: G::Guard,
}

/// When an owner goes that leaves, once no child is left (Leaving-2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goes {
    /// It has yielded.
    Now,
    /// It goes at once where the turn goes on and the others have theirs, and gives way where not.
    WithinTurn,
    /// It gives way.
    AfterYield,
}

/// How it goes on with an owner that leaves.
pub(crate) enum Leaving {
    /// No child is left, and the group is closed.
    Left(Left),
    /// The turn is over, and the owner has woken itself.
    GivesWay,
    /// There are children.
    Stays,
}

impl<'a, G: Executor> Turn<'a, G> {
    pub(crate) fn begin(at: OnThread<'a>, executor: &'a G) -> Self {
        Self::arrive(at, executor, false).begun()
    }

    /// The same for a thread that polls children although others who do so lie around it on the stack: it returns to none of them.
    pub(crate) fn at_any_depth(at: OnThread<'a>, executor: &'a G) -> Self {
        Self::arrive(at, executor, true).begun()
    }

    fn begun(mut self) -> Self {
        if self.on_spawner {
            turn::owner_begins();
            self.core.with(|sched, _| sched.owner_begins());
            if self.core.pace.begins_with_children() {
                self.began_with_children = true;
                self.drive();
            }
        }
        self
    }

    /// The first turn of an owner that has opened the group just now, as one that is attended: it counts since then. It may be over,
    /// since calls were polled before they had a group.
    pub(crate) fn first(at: OnThread<'a>, executor: &'a G, is_over: bool) -> Self {
        let mut turn = Self::arrive(at, executor, false);
        turn.is_over = is_over;
        if !turn.on_spawner {
            at.core().with(|sched, _| sched.owner_is_elsewhere());
        }
        turn
    }

    fn arrive(at: OnThread<'a>, executor: &'a G, at_any_depth: bool) -> Self {
        let (mut on_spawner, current) = executor.arrive();
        let core = at.core();
        // It leaves the children to a driver, whose poll does not lie in so many others.
        if on_spawner && G::HAS_DRIVERS && !at_any_depth && Drive::is_deep() {
            on_spawner = core.read(Sched::lacks_drivers);
        }
        Self {
            at,
            core,
            executor,
            on_spawner,
            suspended: false,
            drops: false,
            spent: Spent::new(&core.pace),
            began_with_children: false,
            is_over: false,
            _current: current,
        }
    }

    /// Sees to the children, if the owner is where they run; if not, to those that are to be dropped. `true`: the turn is over.
    pub(crate) fn drive(&mut self) -> bool {
        if self.is_over {
            return true;
        }
        let drove = if self.on_spawner {
            drive(self.at, true, Done::First, &mut self.spent, self.executor)
        } else if std::mem::take(&mut self.drops) {
            drop_doomed(self.at, &mut self.spent)
        } else {
            Drove::Idle
        };
        self.is_over = drove != Drove::Idle;
        if drove == Drove::Over {
            self.core.pace.turn_about(self.began_with_children);
        }
        self.is_over
    }

    /// Ends the turn of an owner that wakes itself: until it is polled again it counts as on its way.
    pub(crate) fn give_way(mut self, watcher: &mut Option<WatcherId>, waker: &Waker) {
        let on_spawner = self.on_spawner;
        self.suspended = true;
        self.core
            .with(|sched, effects| sched.owner_gives_way(on_spawner, watcher, effects));
        pace::give_way(&self.core.pace, waker);
    }

    /// Ends the turn of an owner that leaves, as `leaving` says from now on, unless it has to wait for children. It goes
    /// as `goes` says; one whose turn is `used_up` gives way, and so does one that is to be dropped now by a cancel further out: that
    /// is the suspension at which it is.
    pub(crate) fn leave(
        &mut self,
        watcher: &mut Option<WatcherId>,
        waker: &Waker,
        leaving: &mut bool,
        goes: Goes,
        used_up: bool,
    ) -> Leaving {
        let on_spawner = self.on_spawner;
        let at_once = goes == Goes::WithinTurn && !used_up && !self.should_yield();
        let next = self.core.with(|sched, effects| {
            sched.leaves(leaving, effects);
            let goes = goes == Goes::Now || (sched.live == 0 && at_once && order::leaves_at_once());
            if sched.live == 0 && goes {
                sched
                    .leave_if_empty(effects)
                    .map_or(Leaving::Stays, Leaving::Left)
            } else if sched.live == 0 || used_up {
                sched.owner_gives_way(on_spawner, watcher, effects);
                Leaving::GivesWay
            } else {
                Leaving::Stays
            }
        });
        match next {
            Leaving::Left(left) if self.core.is_cut_off() => {
                self.suspended = true;
                self.core.stays_with(left, waker);
                return Leaving::GivesWay;
            }
            // Nobody asks any more for the owner of a group that has ended.
            Leaving::Left(_) => self.suspended = true,
            Leaving::GivesWay => {
                self.suspended = true;
                pace::give_way(&self.core.pace, waker);
            }
            Leaving::Stays => {}
        }
        next
    }

    /// Is the turn over, by whom this thread runs now?
    fn should_yield(&self) -> bool {
        if self.on_spawner {
            catch(|| self.executor.should_yield()).unwrap_or(true)
        } else {
            turn::is_over()
        }
    }

    /// Suspends until one of the events, unless `has_news`, which is asked under the lock, or there is work to do.
    pub(in crate::group) fn park(
        &mut self,
        watcher: &mut Option<WatcherId>,
        events: Events,
        waker: &Waker,
        has_news: impl FnOnce(&Sched) -> bool,
    ) -> bool {
        let waker = waker.clone();
        let on_spawner = self.on_spawner;
        let events = events.and(if on_spawner {
            Events::WORK
        } else {
            Events::DROPS
        });
        let drops = &mut self.drops;
        self.suspended = self.core.with(|sched, effects| {
            if events.meets(Events::COMPLETION) {
                sched.settle_from_now(effects);
            }
            *drops = !on_spawner && sched.has_to_drop();
            if (on_spawner && sched.has_work_left(effects)) || *drops || has_news(sched) {
                effects.drop_waker(waker);
                return false;
            }
            effects.drop_waker(sched.watchers.watch(watcher, events, waker));
            sched.owner_suspends(on_spawner, effects);
            true
        });
        self.suspended
    }
}

impl<G: Executor> Turn<'_, G> {
    /// Suspends the owner of a scope: until the body is woken or doomed, or while `leaving` until no child is left.
    pub(crate) fn park_scope(
        &mut self,
        watcher: &mut Option<WatcherId>,
        waker: &Waker,
        leaving: bool,
    ) -> bool {
        let core = self.core;
        if leaving {
            return self.park(watcher, Events::EMPTY, waker, |sched| sched.live == 0);
        }
        let events = Events::BODY.and(Events::TROUBLE);
        self.park(watcher, events, waker, |sched| {
            sched.dooms_body(core.drops_body()) || !core.park_body()
        })
    }
}

impl<G: Executor> Drop for Turn<'_, G> {
    fn drop(&mut self) {
        if !self.suspended {
            let on_spawner = self.on_spawner;
            self.core
                .with(|sched, effects| sched.owner_suspends(on_spawner, effects));
        }
    }
}
