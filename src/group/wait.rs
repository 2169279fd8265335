//! Waiting for a group, or for one of its children, on a thread that sees to the children meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::driver::{Turn, Watch};
use super::ground::{Blocking, Kind};
use super::handle::Scope;
use super::key::Key;
use super::owner::Owner;
use super::watchers::Events;
use crate::error::GatherIncomplete;
use crate::park::Parker;

impl<E, K: Kind> Owner<'_, E, K> {
    /// Says that this thread will wait for the children, and until then is on its way to see to them.
    pub(crate) fn will_wait(&mut self) {
        let (scope, _, place) = self.parts();
        scope.core().with(|sched, after| {
            sched.thread_waits = true;
            after.drop_waker(sched.watchers.comes(place, Events::WORK));
        });
    }

    /// Blocks this thread until no child is left, and closes the group.
    pub(crate) fn wait(&mut self) {
        let parker = Parker::new();
        let waker = Waker::from(Arc::clone(&parker));
        let (scope, _, place) = self.parts();
        let core = scope.core();
        let mut leaving = false;
        loop {
            let mut turn = Turn::begin(core, scope.ground());
            let used_up = turn.drive();
            if core.leaves(&mut leaving) && core.close_if_empty() {
                return;
            }
            if !used_up && turn.park(place, Events::EMPTY, &waker, |sched| sched.live == 0) {
                drop(turn);
                parker.park();
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
    /// use ingather::blocking_scope;
    ///
    /// let texts = [String::from("three"), String::from("four")];
    /// let sum = blocking_scope(|tg| {
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
            let mut turn = Turn::begin(core, self.ground());
            if let Poll::Ready(result) = Pin::new(&mut key).poll(&mut Context::from_waker(&waker)) {
                return result;
            }
            let used_up = turn.drive();
            // The key wakes this thread by itself; what is watched for is work that nobody else does.
            if !used_up
                && turn.park(&mut watch.place, Events::WORK, &waker, |_| {
                    key.is_finished()
                })
            {
                drop(turn);
                parker.park();
            }
        }
    }
}
