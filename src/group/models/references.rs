//! The last reference to a child: a waker's, the key's or the driver's, on whatever thread. Whoever has it frees the cell, and
//! everybody else is done with it by then.

use loom::future::block_on;
use loom::thread;

use super::{Kept, Probe, leave, model, model_within, poll_once};
use crate::group::GatherGroup;

#[test]
fn the_last_reference_is_a_waker_a_key_or_the_driver() {
    model_within(2, || {
        let kept = Kept::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let mut key = group.spawn(probe.waits_for(1));
        let mut driver = kept.take();
        assert!(poll_once(&mut driver).is_pending());
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
        leave(&group);
    });
}

#[test]
fn a_waker_is_cloned_against_the_end_of_the_owner() {
    model(|| {
        let kept = Kept::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let key = group.spawn(probe.waits_for(1));
        let mut driver = kept.take();
        assert!(poll_once(&mut driver).is_pending());
        drop(key);
        let wakes = {
            let waker = probe.take_waker();
            thread::spawn(move || {
                let clone = waker.clone();
                drop(waker);
                clone.wake();
            })
        };
        drop(group);
        assert_eq!(probe.dropped(), 1);
        wakes.join().unwrap();
        drop(driver);
    });
}
