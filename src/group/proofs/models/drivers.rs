//! Drivers: one that parks against a child that is pushed, and one that is lost while it is the one on its way.

use loom::future::block_on;
use loom::thread;

use super::{ManualSpawner, Probe, leave, model, poll_once, wake};
use crate::group::GatherGroup;
use crate::spawner::SpawnerHandle;

#[test]
fn a_driver_that_parks_against_a_push() {
    model(|| {
        let kept = ManualSpawner::new(1);
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
        let kept = ManualSpawner::new(1);
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
        let kept = ManualSpawner::new(2);
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

#[test]
fn a_driver_is_put_off_against_a_job_that_begins() {
    model(|| {
        let kept = ManualSpawner::new(2);
        let spawner = SpawnerHandle::new(kept.clone());
        // Enough jobs are on their way.
        let [(mut job, _first), (_other, _second)] = [(); 2].map(|()| {
            let group = GatherGroup::on(&spawner);
            drop(group.spawn(async {}));
            (kept.take(), group)
        });
        let group = GatherGroup::on(&spawner);
        let child = {
            let (handle, kept) = (group.handle(), kept.clone());
            async move {
                let begins = thread::spawn(move || {
                    assert!(poll_once(&mut job).is_pending());
                    job
                });
                let second = handle.spawn(async { 2 });
                handle.close();
                let _job = begins.join().unwrap();
                // Launched at once or when the job began, and not forgotten in between.
                let helper = kept.take_parked();
                (second.await.unwrap(), helper)
            }
        };
        let key = group.spawn(child);
        let mut driver = kept.take();
        assert!(poll_once(&mut driver).is_ready());
        let (second, mut helper) = group.take_result(key).unwrap();
        assert_eq!(second, 2);
        assert!(poll_once(&mut helper).is_ready());
        leave(&group);
    });
}
