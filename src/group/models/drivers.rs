//! Drivers: one that parks against a child that is pushed, and one that is lost while it is the one on its way.

use loom::future::block_on;
use loom::thread;

use super::{Kept, Probe, leave, model, wake};
use crate::group::GatherGroup;

#[test]
fn a_driver_that_parks_against_a_push() {
    model(|| {
        let kept = Kept::new(1);
        let group = GatherGroup::on(&kept);
        let key = group.spawn(async { 1 });
        let driver = kept.take();
        let spawns = {
            let handle = group.handle();
            thread::spawn(move || {
                let second = handle.spawn(async { 2 });
                handle.close();
                second
            })
        };
        block_on(driver);
        let second = spawns.join().unwrap();
        assert_eq!(group.take_result(key).unwrap(), 1);
        assert_eq!(group.take_result(second).unwrap(), 2);
        assert!(kept.is_empty(), "one driver was enough");
        leave(&group);
    });
}

#[test]
fn the_last_driver_is_dropped_against_a_wake() {
    model(|| {
        let kept = Kept::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        drop(group.spawn(probe.waits_for(1)));
        let driver = kept.take_parked();
        group.close();
        let wakes = wake(&probe);
        let drops = thread::spawn(move || drop(driver));
        // Nobody is left to poll it, so it is cancelled, and the group is over.
        assert_eq!(block_on(group.join()).cancelled, 1);
        assert_eq!(probe.dropped(), 1);
        drops.join().unwrap();
        wakes.join().unwrap();
    });
}

#[test]
fn a_driver_is_dropped_while_it_is_on_its_way() {
    model(|| {
        let kept = Kept::new(2);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        drop(group.spawn(probe.waits_for(1)));
        drop(group.spawn(async {}));
        // It finds that there is more than it can take at once, and calls another.
        let first = kept.take_parked();
        let second = kept.take_parked();
        group.close();
        let wakes = wake(&probe);
        // The one that parked last is woken first. What it was called for is left to the other.
        let drops = thread::spawn(move || drop(second));
        block_on(first);
        drops.join().unwrap();
        wakes.join().unwrap();
        assert_eq!(probe.dropped(), 1);
        assert_eq!(group.tally().cancelled, 0);
        leave(&group);
    });
}
