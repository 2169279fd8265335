//! Drivers that are polled by hand, on threads of their own, while a batch is in the hand of one of them.

use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread::{self, JoinHandle};

use ingather::spawner::SpawnError;
use ingather::types::Completion;
use ingather::{GatherGroup, GroupOptions, Job, Key, Spawner};

use crate::support::{ByHand, Drops, Gate, PATIENCE, Polls, Trace, until, watched, yields};

/// A spawner that says that it has so many threads, and keeps its jobs.
#[derive(Clone)]
pub(crate) struct Jobs {
    kept: Arc<Mutex<Vec<Job>>>,
    parallelism: usize,
    should_yield: bool,
}

impl Jobs {
    pub(crate) fn new(parallelism: usize) -> Self {
        Self {
            kept: Arc::default(),
            parallelism,
            should_yield: false,
        }
    }

    /// The job that was launched since the last call.
    #[track_caller]
    pub(crate) fn take(&self) -> ByHand<Job> {
        let mut kept = self.kept.lock().unwrap();
        assert_eq!(kept.len(), 1, "one driver was called");
        ByHand::new(kept.remove(0))
    }
}

impl Jobs {
    pub(crate) fn are_none(&self) -> bool {
        self.kept.lock().unwrap().is_empty()
    }
}

impl Spawner for Jobs {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.kept.lock().unwrap().push(job);
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.parallelism).unwrap()
    }

    fn should_yield(&self) -> bool {
        self.should_yield
    }
}

/// Polls a driver on a thread of its own until it parks or is done.
pub(crate) fn on_thread(mut driver: ByHand<Job>) -> JoinHandle<ByHand<Job>> {
    thread::spawn(move || {
        while driver.poll().is_pending() && driver.is_woken() {}
        driver
    })
}

/// The poll of a child that has begun, and goes on until it is let go.
#[derive(Clone, Default)]
pub(crate) struct LongPoll {
    begun: Gate,
    pub(crate) over: Gate,
}

impl LongPoll {
    pub(crate) fn run(&self) {
        self.begun.open();
        assert!(self.over.block_for(PATIENCE), "it is let go");
    }

    pub(crate) fn has_begun(&self) {
        assert!(self.begun.block_for(PATIENCE), "it is polled");
    }
}

/// A group on two drivers with eight children. The first of them is on its thread, in the long poll of the child at `long`.
struct Busy {
    jobs: Jobs,
    group: GatherGroup,
    keys: Vec<Key<()>>,
    long: LongPoll,
    driver: JoinHandle<ByHand<Job>>,
}

impl Busy {
    /// `held`: the keys are, and are gone otherwise before any child is polled.
    fn new(at: usize, held: bool) -> Self {
        let jobs = Jobs::new(2);
        let group = GatherGroup::on(&jobs);
        let long = LongPoll::default();
        let child = |number| {
            let long = long.clone();
            group.spawn(async move {
                if number == at {
                    long.run();
                }
            })
        };
        let mut keys: Vec<_> = (0..8).map(child).collect();
        if !held {
            keys.clear();
        }
        let driver = on_thread(jobs.take());
        long.has_begun();
        Self {
            jobs,
            group,
            keys,
            long,
            driver,
        }
    }
}

/// The completions that are there, and whether `next` waits for more.
fn told(group: &GatherGroup) -> (Vec<Completion>, bool) {
    let mut told = Vec::new();
    loop {
        match ByHand::new(group.next_if_any()).poll() {
            Poll::Ready(Some(completion)) => told.push(completion),
            Poll::Ready(None) => return (told, false),
            Poll::Pending => return (told, true),
        }
    }
}

fn join(group: &GatherGroup) {
    let mut join = ByHand::new(group.join());
    assert!(join.poll().is_pending());
    assert!(join.poll().is_ready());
}

// Executors-3
#[test]
fn a_sibling_that_always_yields_keeps_nobody_behind_a_long_poll() {
    watched("a_sibling_that_always_yields", || {
        let jobs = Jobs::new(2);
        let group = GatherGroup::on(&jobs);
        let (long, came) = (LongPoll::default(), Gate::new());
        for number in 0..8 {
            let (long, came) = (long.clone(), came.clone());
            drop(group.spawn(async move {
                match number {
                    0 => long.run(),
                    // It is in the batch with that one.
                    1 => came.open(),
                    _ => until(|| came.is_open()).await,
                }
            }));
        }
        let first = on_thread(jobs.take());
        long.has_begun();
        let mut second = jobs.take();
        let polls = (1..1_000).find(|_| second.poll().is_ready() || came.is_open());
        assert!(polls.is_some(), "it waits behind the long poll");
        long.over.open();
        drop(first.join().unwrap());
        while second.poll().is_pending() && second.is_woken() {}
        assert_eq!(group.len(), 0);
        join(&group);
    });
}

// Executors-3
#[test]
fn whoever_takes_a_child_over_calls_the_next() {
    watched("whoever_takes_a_child_over_calls_the_next", || {
        let jobs = Jobs::new(4);
        let group = GatherGroup::on(&jobs);
        let polls: [LongPoll; 3] = Default::default();
        for number in 0..16 {
            let polls = polls.clone();
            drop(group.spawn(async move {
                match polls.get(number) {
                    Some(poll) => poll.run(),
                    // It is in the batch with the three.
                    None if number == 3 => polls.iter().for_each(|poll| poll.over.open()),
                    None => {}
                }
            }));
        }
        let mut drivers = Vec::new();
        for poll in &polls {
            drivers.push(on_thread(jobs.take()));
            poll.has_begun();
        }
        // The second has polled all that was in the queue, so only the batch of the first is left.
        drivers.push(on_thread(jobs.take()));
        for driver in drivers {
            drop(driver.join().unwrap());
        }
        assert_eq!(group.len(), 0);
        join(&group);
    });
}

// Results-2, Results-6
#[test]
fn somebody_else_counts_what_is_over_in_a_batch() {
    watched("somebody_else_counts_what_is_over_in_a_batch", || {
        for held in [true, false] {
            let busy = Busy::new(2, held);
            // The poll of the third goes on, and the two before it are over.
            assert_eq!(busy.group.len(), 6);
            assert_eq!(busy.group.tally().ok, 2);
            let over = busy.keys.iter().filter(|key| key.is_finished()).count();
            assert_eq!(over, if held { 2 } else { 0 });
            busy.long.over.open();
            drop(busy.driver.join().unwrap());
            assert_eq!((busy.group.len(), busy.group.tally().ok), (0, 8));
            join(&busy.group);
        }
    });
}

// Results-7
#[test]
fn ends_on_two_threads_are_told_of_in_their_order() {
    watched("ends_on_two_threads_are_told_of_in_their_order", || {
        let busy = Busy::new(1, true);
        // The first is over. The other driver polls four from the queue, and then the two that wait in the batch.
        let mut second = busy.jobs.take();
        assert!(second.poll().is_pending());
        assert_eq!(busy.group.len(), 1);
        busy.long.over.open();
        drop(busy.driver.join().unwrap());
        let (told, waits) = told(&busy.group);
        assert!(!waits);
        let ids: Vec<_> = told
            .iter()
            .map(|completion| completion.id().unwrap())
            .collect();
        let order = [0, 4, 5, 6, 7, 2, 3, 1].map(|number: usize| busy.keys[number].id());
        assert_eq!(ids, order);
        join(&busy.group);
    });
}

// Results-7
#[test]
fn completions_do_not_wait_for_a_long_poll() {
    watched("completions_do_not_wait_for_a_long_poll", || {
        for held in [true, false] {
            let busy = Busy::new(1, held);
            let (first, waits) = told(&busy.group);
            assert_eq!((first.len(), waits), (1, true));
            // Somebody waits while the others are polled, and while the long poll ends.
            let mut next = ByHand::new(busy.group.next_if_any());
            assert!(next.poll().is_pending());
            let mut second = busy.jobs.take();
            assert!(second.poll().is_pending());
            assert!(next.is_woken());
            assert!(next.poll().is_ready());
            drop(next);
            assert_eq!(told(&busy.group).0.len(), 5);
            let mut next = ByHand::new(busy.group.next_if_any());
            assert!(next.poll().is_pending());
            busy.long.over.open();
            drop(busy.driver.join().unwrap());
            assert!(next.is_woken());
            assert!(matches!(next.poll(), Poll::Ready(Some(_))));
            drop(next);
            let (rest, waits) = told(&busy.group);
            assert!(rest.is_empty() && !waits);
            join(&busy.group);
        }
    });
}

// Executors-3
#[test]
fn a_child_that_was_taken_over_is_polled_no_more_than_it_asks_for() {
    watched("a_child_that_was_taken_over_is_polled_no_more", || {
        let jobs = Jobs::new(2);
        let name: Arc<str> = "busy".into();
        let kept = Arc::downgrade(&name);
        let group = GroupOptions::new().name(name).on(&jobs).group();
        let (long, gate, polls, drops) =
            (LongPoll::default(), Gate::new(), Polls::new(), Drops::new());
        for number in 0..8 {
            let (long, gate, held) = (long.clone(), gate.clone(), drops.witness());
            let child = async move {
                let _held = held;
                match number {
                    0 => long.run(),
                    1 | 2 => {
                        yields(2).await;
                        gate.wait().await;
                    }
                    _ => {}
                }
            };
            drop(group.spawn(polls.clone().of(child)));
        }
        let first = on_thread(jobs.take());
        long.has_begun();
        // It takes them over, and they suspend. Then they are woken, and stand in the batch and in the queue.
        let mut second = jobs.take();
        assert!(second.poll().is_pending());
        // Two of them yield, each time to a turn of its own.
        while second.is_woken() {
            assert!(second.poll().is_pending());
        }
        assert_eq!((group.len(), gate.waiting()), (3, 2));
        assert!(!second.is_woken(), "there is nothing to do");
        gate.open();
        long.over.open();
        let mut first = first.join().unwrap();
        while second.is_woken() || first.is_woken() {
            let _ = second.poll();
            let _ = first.poll();
        }
        assert_eq!((group.len(), drops.count()), (0, 8));
        assert_eq!(polls.count(), 6 + 2 * 4);
        join(&group);
        // What is left of them in batch or queue keeps nothing.
        drop((group, first, second));
        assert!(kept.upgrade().is_none());
    });
}

// Cancelling-2
#[test]
fn a_cancel_from_outside_reaches_a_batch() {
    watched("a_cancel_from_outside_reaches_a_batch", || {
        let jobs = Jobs::new(2);
        let group = GatherGroup::on(&jobs);
        let (long, polls) = (LongPoll::default(), Polls::new());
        for number in 0..8 {
            let long = long.clone();
            drop(group.spawn(polls.clone().of(async move {
                if number == 0 {
                    long.run();
                }
            })));
        }
        let first = on_thread(jobs.take());
        long.has_begun();
        group.cancel();
        assert_eq!(polls.count(), 1);
        long.over.open();
        drop(first.join().unwrap());
        // Whatever sweeps them, none is polled.
        assert_eq!(polls.count(), 1);
        let tally = group.tally();
        assert_eq!((tally.ok, tally.cancelled), (1, 7));
        join(&group);
    });
}

// Dropping-1, Dropping-2
#[test]
fn the_end_of_the_owner_reaches_a_batch() {
    watched("the_end_of_the_owner_reaches_a_batch", || {
        let jobs = Jobs::new(2);
        let group = GatherGroup::on(&jobs);
        let (long, polls, drops) = (LongPoll::default(), Polls::new(), Drops::new());
        let child = |number| {
            let (long, held) = (long.clone(), drops.witness());
            group.spawn(polls.clone().of(async move {
                let _held = held;
                if number == 2 {
                    long.run();
                }
            }))
        };
        let keys: Vec<_> = (0..8).map(child).collect();
        let first = on_thread(jobs.take());
        long.has_begun();
        drop(group);
        // Two are over, one is being polled, and the others were dropped here.
        assert_eq!(drops.count(), 7);
        assert_eq!(drops.threads()[2..], [thread::current().id(); 5]);
        long.over.open();
        drop(first.join().unwrap());
        assert_eq!((polls.count(), drops.count()), (3, 8));
        let over = keys.into_iter().map(|key| ByHand::new(key).poll());
        let ok = over.filter(|result| matches!(result, Poll::Ready(Ok(()))));
        assert_eq!(ok.count(), 3);
    });
}

// Executors-5
#[test]
fn a_driver_gives_way_in_the_middle_of_a_batch() {
    watched("a_driver_gives_way_in_the_middle_of_a_batch", || {
        let mut jobs = Jobs::new(1);
        jobs.should_yield = true;
        let group = GatherGroup::on(&jobs);
        let (polls, order) = (Polls::new(), Trace::new());
        for number in 0..8 {
            let order = order.clone();
            drop(group.spawn(polls.clone().of(async move { order.log(number) })));
        }
        let mut driver = jobs.take();
        for turn in 1..=8 {
            assert!(driver.poll().is_pending() && driver.is_woken());
            assert_eq!((polls.count(), group.len()), (turn, 8 - turn));
        }
        // What it gave back keeps its place in the queue.
        order.assert(["0", "1", "2", "3", "4", "5", "6", "7"]);
        join(&group);
    });
}

/// Runs something when it is dropped.
struct Last<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Last<F> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|last| last());
    }
}

// Dropping-1
#[test]
fn a_driver_that_drops_children_leaves_the_others_to_the_owner() {
    watched("a_driver_that_drops_children", || {
        let jobs = Jobs::new(1);
        let group = GatherGroup::on(&jobs);
        let (long, drops) = (LongPoll::default(), Drops::new());
        for number in 0..8 {
            let (long, held) = (long.clone(), drops.witness());
            drop(group.spawn(async move {
                let _held = held;
                let _last = Last(Some(move || {
                    if number == 0 {
                        long.run();
                    }
                }));
                pending::<()>().await;
            }));
        }
        let mut driver = jobs.take();
        assert!(driver.poll().is_pending());
        group.cancel();
        let driver = on_thread(driver);
        long.has_begun();
        drop(group);
        // The first is being dropped by the driver.
        assert_eq!(drops.count(), 7);
        long.over.open();
        drop(driver.join().unwrap());
        assert!(drops.all());
    });
}

// Results-2
#[test]
fn whoever_awaits_a_dropped_child_does_not_wait_for_the_next() {
    watched("whoever_awaits_a_dropped_child", || {
        let jobs = Jobs::new(1);
        let group = GatherGroup::on(&jobs);
        let long = LongPoll::default();
        let child = |number| {
            let long = long.clone();
            group.spawn(async move {
                let _last = Last(Some(move || {
                    if number == 1 {
                        long.run();
                    }
                }));
                pending::<()>().await;
            })
        };
        let keys: Vec<_> = (0..8).map(child).collect();
        let mut driver = jobs.take();
        assert!(driver.poll().is_pending());
        let mut keys: Vec<_> = keys.into_iter().map(ByHand::new).collect();
        assert!(keys.iter_mut().all(|key| key.poll().is_pending()));
        group.cancel();
        let driver = on_thread(driver);
        long.has_begun();
        // The first is over, and the second is being dropped.
        let (is_woken, len) = (keys[0].is_woken(), group.len());
        long.over.open();
        drop(driver.join().unwrap());
        assert!(is_woken && len == 7, "{len}");
        join(&group);
    });
}
