//! Leaving a group, and its completions: the futures behind `join`, `try_join` and `next`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::failures::Failures;
use super::gather_group::GatherGroup;
use super::watch::Watch;
use crate::error::GroupError;
use crate::group::cell::MembersOf;
use crate::group::engine::core::Core;
use crate::group::engine::driving::{Goes, Leaving, Turn};
use crate::group::engine::kind::{Kind, Shared};
use crate::group::queues::completions::Completion;
use crate::group::queues::watchers::Events;
use crate::group::sched::Sched;
use crate::group::sched::stats::Tally;
use crate::shows::shows;
use crate::turn;

/// The future of [`GatherGroup::try_join`].
#[must_use = "the group is left only if this is awaited"]
pub struct TryJoin<'a, E, K: Kind = Shared> {
    group: &'a GatherGroup<E, K>,
    watch: Watch<&'a MembersOf<E, K::Home>>,
    goes: Goes,
    leaving: bool,
}

impl<'a, E, K: Kind> TryJoin<'a, E, K> {
    pub(in crate::group) fn new(group: &'a GatherGroup<E, K>) -> Self {
        Self {
            group,
            watch: Watch::new(&group.members),
            goes: Goes::AfterYield,
            leaving: false,
        }
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<Failures<'a, E>> {
        let core = self.group.core();
        let mut turn = Turn::begin(self.group.on_thread(), self.group.executor());
        loop {
            let used_up = turn.drive();
            let (watcher, leaving) = (&mut self.watch.watcher, &mut self.leaving);
            match turn.leave(watcher, cx.waker(), leaving, self.goes, used_up) {
                Leaving::Left(left) => {
                    self.group.set_joined();
                    core.stop_clock();
                    return Poll::Ready(Failures::of(&self.group.members, left, None));
                }
                Leaving::GivesWay => {
                    self.goes = Goes::Now;
                    return Poll::Pending;
                }
                Leaving::Stays => {}
            }
            let parked = turn.park(watcher, Events::EMPTY, cx.waker(), |sched| sched.live == 0);
            if parked {
                self.goes = Goes::Now;
                return Poll::Pending;
            }
        }
    }
}

impl<E, K: Kind> Drop for TryJoin<'_, E, K> {
    fn drop(&mut self) {
        if self.leaving {
            self.group.core().with(|sched, _| sched.stays());
        }
    }
}

impl<E, K: Kind> Future for TryJoin<'_, E, K> {
    type Output = Result<Tally, GroupError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let failures = ready!(self.poll_left(cx));
        let (failures, ()) = failures.resume_panic(());
        let group = self.group;
        Poll::Ready(failures.into_result(Some(())).map(|()| group.tally()))
    }
}

/// The future of [`GatherGroup::join`].
#[must_use = "the group is left only if this is awaited"]
pub struct Join<'a, K: Kind = Shared>(TryJoin<'a, Infallible, K>);

impl<'a, K: Kind> Join<'a, K> {
    pub(in crate::group) fn new(group: &'a GatherGroup<Infallible, K>) -> Self {
        Self(TryJoin::new(group))
    }
}

impl<K: Kind> Future for Join<'_, K> {
    type Output = Tally;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Tally> {
        let failures = ready!(self.0.poll_left(cx));
        let (failures, ()) = failures.resume_panic(());
        failures.panic_again();
        Poll::Ready(self.0.group.tally())
    }
}

/// The future of [`GatherGroup::next`] and [`GatherGroup::next_if_any`].
#[must_use = "a completion is given out only if this is awaited"]
pub struct Next<'a, E, K: Kind = Shared>(Completions<'a, E, K>);

impl<'a, E, K: Kind> Next<'a, E, K> {
    pub(in crate::group) fn new(group: &'a GatherGroup<E, K>, over: Over) -> Self {
        Self(Completions::new(group, over))
    }
}

impl<E, K: Kind> Future for Next<'_, E, K> {
    type Output = Option<Completion>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_completion(cx)
    }
}

/// The completions of a group as a [`Stream`]; made by [`GatherGroup::completions`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct Completions<'a, E, K: Kind = Shared> {
    group: &'a GatherGroup<E, K>,
    watch: Watch<&'a MembersOf<E, K::Home>>,
    over: Over,
}

/// Says of a group of which no completion is left to tell whether none is to come.
pub(in crate::group) type Over = fn(&Sched) -> bool;

impl<'a, E, K: Kind> Completions<'a, E, K> {
    pub(in crate::group) fn new(group: &'a GatherGroup<E, K>, over: Over) -> Self {
        Self {
            group,
            watch: Watch::new(&group.members),
            over,
        }
    }

    pub(super) fn poll_completion(&mut self, cx: &mut Context<'_>) -> Poll<Option<Completion>> {
        let unit = ready!(turn::take(cx));
        let completion = ready!(self.poll_untaken(cx));
        unit.used();
        Poll::Ready(completion)
    }

    fn poll_untaken(&mut self, cx: &mut Context<'_>) -> Poll<Option<Completion>> {
        let core = self.group.core();
        let over = self.over;
        let take = || untaken(core, over);
        if core.is_cut_off() {
            // This is the suspension at which whatever awaits it is dropped.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let (Some(completion), _) = take() {
            return Poll::Ready(Some(completion));
        }
        let mut turn = Turn::begin(self.group.on_thread(), self.group.executor());
        loop {
            let used_up = turn.drive();
            if core.is_cut_off() {
                turn.give_way(&mut self.watch.watcher, cx.waker());
                return Poll::Pending;
            }
            match take() {
                (Some(completion), _) => return Poll::Ready(Some(completion)),
                (None, true) => return Poll::Ready(None),
                (None, false) if used_up => {
                    turn.give_way(&mut self.watch.watcher, cx.waker());
                    return Poll::Pending;
                }
                (None, false) => {}
            }
            let events = Events::EMPTY.and(Events::COMPLETION);
            let parked = turn.park(&mut self.watch.watcher, events, cx.waker(), |sched| {
                over(sched) || sched.completions.as_ref().is_some_and(|list| list.any())
            });
            if parked {
                return Poll::Pending;
            }
        }
    }
}

/// The next completion if there is one, and whether none is to come.
pub(super) fn untaken(core: &Arc<Core>, over: Over) -> (Option<Completion>, bool) {
    core.with(|sched, effects| {
        // One that was reserved is the next whatever else is over by now.
        if !sched
            .completions
            .as_ref()
            .is_some_and(|listed| listed.has_next())
        {
            sched.settle(effects);
        }
        let completion = sched.completions.as_mut().and_then(|listed| listed.next());
        (completion, over(sched))
    })
}

impl<E, K: Kind> Stream for Completions<'_, E, K> {
    type Item = Completion;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Completion>> {
        self.poll_completion(cx)
    }
}

shows!([E, K: Kind] TryJoin<'_, E, K>, this => (this.group));

shows!([K: Kind] Join<'_, K>, this => (this.0.group));

shows!([E, K: Kind] Next<'_, E, K>, this => (this.0.group));

shows!([E, K: Kind] Completions<'_, E, K>, this => (this.group));
