//! A cancel, and the end of the owner, against a poll: the child is dropped once, by one of them, and never polled again.

use loom::future::block_on;
use loom::thread;

use super::{ManualSpawner, Probe, leave, model, model_within, wake};
use crate::group::GatherGroup;

#[test]
fn a_cancel_of_one_child_against_its_end() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let key = group.spawn(probe.waits_for(1));
        let driver = kept.take_parked();
        group.close();
        let wakes = wake(&probe);
        let cancels = thread::spawn(move || {
            key.cancel();
            key
        });
        block_on(driver);
        let key = cancels.join().unwrap();
        assert_eq!(probe.dropped(), 1);
        match group.take_result(key) {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => assert!(error.reason().is_cancelled(), "{error:?}"),
        }
        wakes.join().unwrap();
        leave(&group);
    });
}

/// A child that is woken once and has to wait for so many marks, against a cancel of the group.
fn a_cancel_of_the_group(marks: usize) {
    let kept = ManualSpawner::new(1);
    let group = GatherGroup::on(&kept);
    let probe = Probe::default();
    let key = group.spawn(probe.waits_for(marks));
    let driver = kept.take_parked();
    group.close();
    let wakes = wake(&probe);
    let cancels = {
        let handle = group.handle();
        thread::spawn(move || handle.cancel())
    };
    block_on(driver);
    assert_eq!(probe.dropped(), 1);
    match group.take_result(key) {
        Ok(value) => assert_eq!((value, marks), (7, 1)),
        Err(error) => assert!(error.reason().is_cancelled(), "{error:?}"),
    }
    cancels.join().unwrap();
    wakes.join().unwrap();
    leave(&group);
}

#[test]
fn a_cancel_of_the_group_against_the_last_poll() {
    model(|| a_cancel_of_the_group(1));
}

#[test]
fn a_cancel_of_the_group_against_a_poll_in_between() {
    model(|| a_cancel_of_the_group(2));
}

/// The same against the end of the owner.
fn the_end_of_the_owner(marks: usize) {
    let kept = ManualSpawner::new(1);
    let group = GatherGroup::on(&kept);
    let probe = Probe::default();
    let key = group.spawn(probe.waits_for(marks));
    let driver = kept.take_parked();
    let wakes = wake(&probe);
    let drives = thread::spawn(move || block_on(driver));
    drop(group);
    drives.join().unwrap();
    wakes.join().unwrap();
    assert_eq!(probe.dropped(), 1);
    assert!(key.is_finished());
}

#[test]
fn the_end_of_the_owner_against_the_last_poll() {
    model(|| the_end_of_the_owner(1));
}

#[test]
fn the_end_of_the_owner_against_a_poll_in_between() {
    model(|| the_end_of_the_owner(2));
}
