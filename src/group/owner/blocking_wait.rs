//! Waiting for a group, or for one of its children, on a thread that sees to the children meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::guard::Owner;
use super::watch::Watch;
use crate::blocked;
use crate::error::GatherIncomplete;
use crate::group::cell::OnThread;
use crate::group::engine::blocked::Blocked;
use crate::group::engine::driving::Turn;
use crate::group::engine::kind::{Blocking, Kind};
use crate::group::engine::position::{self, Position};
use crate::group::handle::Scope;
use crate::group::handle::key::Key;
use crate::group::queues::watchers::Events;
use crate::group::sched::Sched;
use crate::group::sched::left::Left;
use crate::park::Parker;
use crate::spawner::may_wait_for;
use crate::token::CancelToken;

impl<E, K: Kind> Owner<'_, E, K> {
    /// Says that this thread will wait for the children, and until then is on its way to see to them.
    pub(crate) fn will_wait(&mut self) {
        let (scope, watcher) = self.parts();
        scope.core().with(|sched, effects| {
            sched.thread_waits = true;
            effects.drop_waker(sched.watchers.comes(watcher, Events::WORK));
        });
    }

    /// Blocks this thread until no child is left, and closes the group.
    pub(crate) fn wait(&mut self) -> Left {
        let parker = Parker::new();
        let waker = Waker::from(Arc::clone(&parker));
        let (scope, watcher) = self.parts();
        let core = scope.core();
        let mut leaving = false;
        loop {
            let mut turn = Turn::begin(scope.on_thread(), scope.executor());
            let used_up = turn.drive();
            let left = core.with(|sched, effects| {
                sched.leaves(&mut leaving, effects);
                sched.leave_if_empty(effects)
            });
            if let Some(left) = left {
                return left;
            }
            if !used_up && turn.park(watcher, Events::EMPTY, &waker, |sched| sched.live == 0) {
                drop(turn);
                blocked::park(&parker);
            }
        }
    }
}

impl<E> Scope<'_, E, Blocking> {
    /// Blocks this thread until a child is over, and takes its result. Meanwhile the thread polls the group's children.
    ///
    /// # Errors
    ///
    /// Why there is no result, as for awaiting the key; [`UnknownKey`](GatherIncomplete::UnknownKey) for the key of another
    /// group.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::parallel;
    ///
    /// let texts = [String::from("three"), String::from("four")];
    /// let sum = parallel::scope(|tg| {
    ///     let three = tg.spawn(async { texts[0].len() });
    ///     let four = tg.spawn(async { texts[1].len() });
    ///     tg.wait(three).unwrap() + tg.wait(four).unwrap()
    /// });
    /// assert_eq!(sum, 9);
    /// ```
    pub fn wait<T>(&self, mut key: Key<T>) -> Result<T, GatherIncomplete> {
        self.check(&key)?;
        let parker = Parker::new();
        let waker = Waker::from(Arc::clone(&parker));
        let core = self.core();
        let mut watch = Watch::new(Arc::clone(core));
        loop {
            let mut turn = Turn::begin(self.on_thread(), self.executor());
            if let Poll::Ready(result) = Pin::new(&mut key).poll(&mut Context::from_waker(&waker)) {
                return result;
            }
            let used_up = turn.drive();
            // The key wakes this thread by itself; what is watched for is work that nobody else does.
            if !used_up
                && turn.park(&mut watch.watcher, Events::WORK, &waker, |_| {
                    key.is_finished()
                })
            {
                drop(turn);
                blocked::park(&parker);
            }
        }
    }
}

impl<T> Key<T> {
    /// The token of the child, or one that nobody else has if it is over.
    pub(crate) fn token(&self) -> CancelToken {
        if self.is_finished() {
            return CancelToken::new();
        }
        self.cell().token()
    }

    /// Blocks this thread until the child is over or that instant has come, and takes its result. If the group has a spawner
    /// whose jobs run on this thread, it polls the group's children meanwhile.
    ///
    /// # Panics
    ///
    /// Where this thread must not be blocked, and in the child itself.
    #[track_caller]
    pub(crate) fn wait_until(
        &mut self,
        until: Option<Instant>,
    ) -> Option<Result<T, GatherIncomplete>> {
        if !self.is_finished() {
            self.ensure_may_wait();
        }
        let parker = Parker::new();
        let waker = Waker::from(Arc::clone(&parker));
        let core = Arc::clone(self.cell().core());
        let mut watch = Watch::new(Arc::clone(&core));
        let mut blocked = None;
        loop {
            if let Poll::Ready(result) = Pin::new(&mut *self).poll(&mut Context::from_waker(&waker))
            {
                return Some(result);
            }
            // Also while it sees to children: the task that polls this code does not.
            blocked.get_or_insert_with(Blocked::begin);
            let here = core.spawner().filter(|spawner| spawner.is_here());
            let suspended = match OnThread::anywhere(&core).zip(here) {
                Some((at, executor)) => {
                    let mut turn = Turn::at_any_depth(at, executor);
                    let used_up = turn.drive();
                    let is_over = |_: &Sched| self.is_finished();
                    !used_up && turn.park(&mut watch.watcher, Events::WORK, &waker, is_over)
                }
                None => true,
            };
            if !suspended && until.is_some_and(|until| until <= Instant::now()) {
                return None;
            }
            if suspended && !blocked::park_until(&parker, until) {
                return None;
            }
        }
    }

    #[track_caller]
    fn ensure_may_wait(&self) {
        assert!(
            may_wait_for(self.cell().core().spawner()),
            "waiting for a task would block the only thread that drives this runtime, for ever: await the task instead, \
             or wait on a thread for blocking work"
        );
        if let Some(Position::Child(child)) = position::here() {
            assert!(
                !child.is(self.cell()),
                "a task that waits for itself would wait for ever"
            );
        }
    }
}
