//! A batch in the slot of a driver, against threads that take its children over, cancel, count, or wait for completions.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use loom::future::block_on;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::{ManualSpawner, Probe, leave, model, model_within, wake};
use crate::group::{Ending, GatherGroup, GroupOptions};
use crate::spawner::{Job, SpawnError, Spawner};
use crate::std_or_loom::UnsafeCell;
use crate::std_or_loom::atomic::AtomicUsize;

/// A spawner that an owner is always on, so that it sees to the children beside the driver.
#[derive(Clone)]
struct Joined(ManualSpawner);

impl Spawner for Joined {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job)
    }

    fn is_current(&self) -> bool {
        true
    }
}

/// What a poll blocks on.
#[derive(Clone, Default)]
pub(super) struct Bolt(Arc<(Mutex<bool>, Condvar)>);

impl Bolt {
    pub(super) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(super) fn block(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

/// Spawns what makes a batch of four: three children that are over at once, and one that blocks.
fn three_and_one_that_blocks(group: &GatherGroup) -> Bolt {
    let bolt = Bolt::default();
    for _ in 0..3 {
        drop(group.spawn(async {}));
    }
    let blocks = bolt.clone();
    drop(group.spawn(async move { blocks.block() }));
    bolt
}

/// Is over at its second poll, and wakes itself at the first.
struct Yields {
    polled: bool,
    own: UnsafeCell<()>,
}

impl Yields {
    fn new() -> Self {
        Self {
            polled: false,
            own: UnsafeCell::new(()),
        }
    }
}

impl Future for Yields {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.own.with_mut(|_| ());
        if self.polled {
            return Poll::Ready(());
        }
        self.polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Counts its drops, each in a step of its own.
struct Value(std::sync::Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_batch_against_an_owner_that_takes_children_over() {
    // More takes minutes.
    model_within(1, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&Joined(kept.clone()));
        let bolt = Bolt::default();
        let opens = bolt.clone();
        drop(group.spawn(async move {
            Yields::new().await;
            opens.open();
        }));
        drop(group.spawn(async {}));
        drop(group.spawn(async {}));
        // Its poll ends when the first is over: another thread has to poll that one.
        drop(group.spawn(async move { bolt.block() }));
        let driver = kept.take();
        let drives = thread::spawn(move || block_on(driver));
        let tally = block_on(group.join());
        assert_eq!((tally.ok, tally.dropped), (4, 4));
        drop(group);
        drives.join().unwrap();
    });
}

/// Two children that are over when they are polled, and two that never are.
fn two_of_each(group: &GatherGroup) -> [Probe; 4] {
    [0, 1, 0, 1].map(|marks| {
        let probe = Probe::default();
        drop(group.spawn(probe.waits_for(marks)));
        probe
    })
}

fn each_was_dropped_once(probes: &[Probe]) {
    for probe in probes {
        assert_eq!(probe.dropped(), 1);
    }
}

#[test]
fn a_batch_against_a_cancel() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let probes = two_of_each(&group);
        let driver = kept.take();
        group.close();
        let cancels = {
            let handle = group.handle();
            thread::spawn(move || handle.cancel())
        };
        block_on(driver);
        each_was_dropped_once(&probes);
        cancels.join().unwrap();
        let tally = block_on(group.join());
        assert_eq!(tally.ok + tally.cancelled, 4);
        assert!(tally.cancelled >= 2, "{tally:?}");
    });
}

#[test]
fn a_batch_against_the_end_of_the_owner() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let probes = two_of_each(&group);
        // It keeps the group: else the driver may find none, and loom sees nothing that it could do otherwise.
        let handle = group.handle();
        let driver = kept.take();
        let drives = thread::spawn(move || block_on(driver));
        drop(group);
        drives.join().unwrap();
        drop(handle);
        each_was_dropped_once(&probes);
    });
}

#[test]
fn a_batch_against_somebody_who_counts() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        for _ in 0..4 {
            drop(group.spawn(async {}));
        }
        let driver = kept.take();
        group.close();
        let drives = thread::spawn(move || block_on(driver));
        let before = group.tally();
        let len = u64::try_from(group.len()).unwrap();
        assert!(before.ok == before.dropped && before.ok + len <= 4);
        drives.join().unwrap();
        let after = group.tally();
        assert_eq!((after.ok, after.dropped), (4, 4));
        leave(&group);
    });
}

#[test]
fn a_value_that_nobody_wants_any_more_against_somebody_who_counts() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let dropped = std::sync::Arc::new(AtomicUsize::new(0));
        let value = Value(std::sync::Arc::clone(&dropped));
        for _ in 0..3 {
            drop(group.spawn(async {}));
        }
        let key = group.spawn(async move { value });
        let driver = kept.take();
        group.close();
        let counts = {
            let handle = group.handle();
            thread::spawn(move || {
                drop(key);
                if handle.is_empty() {
                    // Nobody is left to drop it: what it borrows may be gone by now.
                    assert_eq!(dropped.load(Relaxed), 1);
                }
            })
        };
        block_on(driver);
        counts.join().unwrap();
        assert_eq!(group.tally().dropped, 4);
        leave(&group);
    });
}

#[test]
fn a_batch_against_somebody_who_waits_for_completions() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let bolt = three_and_one_that_blocks(&group);
        let driver = kept.take();
        group.close();
        let drives = thread::spawn(move || block_on(driver));
        // Their ends are counted while the last is being polled.
        for _ in 0..3 {
            let told = block_on(group.next_if_any()).unwrap();
            assert_eq!(told.ending(), Ending::Value);
        }
        bolt.open();
        assert!(block_on(group.next_if_any()).is_some());
        assert!(block_on(group.next_if_any()).is_none());
        drives.join().unwrap();
        leave(&group);
    });
}

#[test]
fn a_batch_against_somebody_who_waits_for_a_slot() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GroupOptions::new().on(&kept).limit(4).group();
        let bolt = three_and_one_that_blocks(&group);
        let driver = kept.take();
        let drives = thread::spawn(move || block_on(driver));
        // The slots of the others are to be had while the last is being polled.
        for _ in 0..3 {
            drop(block_on(group.child().spawn_when_free(async {})));
        }
        bolt.open();
        group.close();
        drives.join().unwrap();
        assert_eq!(group.tally().ok, 7);
        leave(&group);
    });
}

#[test]
fn a_batch_against_a_child_that_comes_into_the_line() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GroupOptions::new().on(&kept).limit(4).group();
        let bolt = three_and_one_that_blocks(&group);
        let driver = kept.take();
        let drives = thread::spawn(move || block_on(driver));
        let key = group.spawn(async { 7 });
        // It has its slot by the time that one of the others is known to be over, as they all are before the last is.
        while group.waiting() > 0 {
            thread::yield_now();
        }
        bolt.open();
        group.close();
        drives.join().unwrap();
        assert_eq!(group.take_result(key).unwrap(), 7);
        leave(&group);
    });
}

#[test]
fn a_batch_against_a_wake_of_one_that_was_polled() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let key = group.spawn(probe.waits_for(1));
        let mut driver = kept.take_parked();
        for _ in 0..3 {
            drop(group.spawn(Yields::new()));
        }
        group.close();
        // It is polled once more without need, in a batch with the others.
        probe.waker().wake();
        let wakes = wake(&probe);
        block_on(&mut driver);
        wakes.join().unwrap();
        assert_eq!(group.take_result(key).unwrap(), 7);
        assert_eq!(probe.dropped(), 1);
        leave(&group);
    });
}
