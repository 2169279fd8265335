//! The end of a child against its key: a task that awaits it is woken and finds the value; a drop of the key drops the value.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::future::block_on;
use loom::thread;

use super::{ManualSpawner, leave, model, poll_once};
use crate::group::GatherGroup;
use crate::std_or_loom::UnsafeCell;

/// A value that counts its drops, and whose drop sees where it was made.
struct Value {
    dropped: Arc<AtomicUsize>,
    own: UnsafeCell<()>,
}

impl Value {
    fn new(dropped: &Arc<AtomicUsize>) -> Self {
        let value = Self {
            dropped: Arc::clone(dropped),
            own: UnsafeCell::new(()),
        };
        value.own.with_mut(|_| ());
        value
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.own.with_mut(|_| ());
        self.dropped.fetch_add(1, Relaxed);
    }
}

#[test]
fn the_end_against_a_task_that_awaits_the_key() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let dropped = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&dropped);
        let key = group.spawn(async move { Value::new(&seen) });
        let driver = kept.take();
        group.close();
        let drives = thread::spawn(move || block_on(driver));
        let value = block_on(key).unwrap();
        assert_eq!(dropped.load(Relaxed), 0);
        drop(value);
        assert_eq!(dropped.load(Relaxed), 1);
        drives.join().unwrap();
        leave(&group);
    });
}

#[test]
fn the_end_against_a_key_that_another_task_awaits() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let mut key = group.spawn(async { 7 });
        let driver = kept.take();
        group.close();
        // Another waker is in the slot: this one has to take its place.
        assert!(poll_once(&mut key).is_pending());
        let drives = thread::spawn(move || block_on(driver));
        assert_eq!(block_on(key), Ok(7));
        drives.join().unwrap();
        leave(&group);
    });
}

#[test]
fn the_end_against_a_key_that_is_dropped() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let dropped = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&dropped);
        let mut key = group.spawn(async move { Value::new(&seen) });
        let driver = kept.take();
        group.close();
        assert!(poll_once(&mut key).is_pending());
        let drives = thread::spawn(move || block_on(driver));
        drop(key);
        drives.join().unwrap();
        leave(&group);
        assert_eq!(dropped.load(Relaxed), 1);
        assert_eq!(group.tally().dropped, 1);
    });
}
