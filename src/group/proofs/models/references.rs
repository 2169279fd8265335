//! The last reference to a child: a waker's, the key's or the driver's, on whatever thread. Its holder frees the cell, and
//! everybody else is done with it by then.

use std::convert::Infallible;
use std::panic::Location;

use loom::future::block_on;
use loom::thread;

use super::{ManualSpawner, Probe, model, model_within, poll_once};
use crate::group::{GroupOptions, Origin, Owner, Shared};

/// Not a `GatherGroup`: its completions hold on to children.
fn open(kept: &ManualSpawner) -> Owner<'static, Infallible, Shared> {
    let options = GroupOptions::new().on(kept);
    Owner::open(Origin::new(options, Location::caller()))
}

#[test]
fn the_last_reference_is_a_waker_a_key_or_the_driver() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let owner = open(&kept);
        let group = owner.scope();
        let probe = Probe::default();
        let mut key = group.spawn(probe.waits_for(1));
        let driver = kept.take_parked();
        group.close();
        assert!(poll_once(&mut key).is_pending());
        let wakes = {
            let (probe, waker) = (probe.clone(), probe.take_waker());
            thread::spawn(move || {
                probe.mark();
                waker.wake_by_ref();
                drop(waker);
            })
        };
        let drops = thread::spawn(move || drop(key));
        block_on(driver);
        drops.join().unwrap();
        wakes.join().unwrap();
        assert_eq!(probe.dropped(), 1);
        drop(owner);
    });
}

#[test]
fn a_waker_is_cloned_against_the_end_of_the_owner() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let owner = open(&kept);
        let group = owner.scope();
        let probe = Probe::default();
        let key = group.spawn(probe.waits_for(1));
        let driver = kept.take_parked();
        drop(key);
        let wakes = {
            let waker = probe.take_waker();
            thread::spawn(move || {
                let clone = waker.clone();
                drop(waker);
                clone.wake();
            })
        };
        drop(owner);
        assert_eq!(probe.dropped(), 1);
        wakes.join().unwrap();
        drop(driver);
    });
}
