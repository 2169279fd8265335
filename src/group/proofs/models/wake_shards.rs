//! WakeShards: a wake that finds them open, or about to be closed, against drivers that park.

use std::sync::{Arc, Mutex};

use futures::future::join;
use loom::future::block_on;
use loom::thread;

use super::batches::Bolt;
use super::{ManualSpawner, Probe, leave, model, model_within, poll_once, wake};
use crate::group::GatherGroup;

#[test]
fn a_wake_into_a_shard_against_drivers_that_park() {
    model(|| {
        let kept = ManualSpawner::new(2);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let key = group.spawn(probe.waits_for(1));
        let mut first = kept.take_parked();
        // Not loom's: nobody else has them as long as this thread does.
        let (second, wakes) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
        let outer = {
            let (handle, second, wakes) = (group.handle(), Arc::clone(&second), Arc::clone(&wakes));
            let (core, kept, probe) = (Arc::clone(group.core()), kept.clone(), probe.clone());
            async move {
                // Both drivers poll a child when this one is polled, so the shards may be open.
                handle.spawn(async move {
                    core.with(|sched, effects| sched.open_shards(effects));
                    assert!(core.read(|sched| sched.has_shards));
                    *wakes.lock().unwrap() = Some(wake(&probe));
                });
                *second.lock().unwrap() = Some(kept.take_parked());
            }
        };
        group.spawn(outer);
        assert!(poll_once(&mut first).is_pending());
        group.close();
        // They come home when the group is over. A wake that is lost leaves them parked for ever.
        let second = second.lock().unwrap().take().unwrap();
        block_on(join(first, second));
        assert_eq!(group.take_result(key).unwrap(), 7);
        assert_eq!(probe.dropped(), 1);
        wakes.lock().unwrap().take().unwrap().join().unwrap();
        leave(&group);
    });
}

#[test]
fn a_wake_into_a_shard_against_the_driver_that_parks_while_the_other_is_busy() {
    model_within(2, || {
        let kept = ManualSpawner::new(2);
        let group = GatherGroup::on(&kept);
        let (probe, bolt) = (Probe::default(), Bolt::default());
        let is_over = bolt.clone();
        let waits = probe.waits_for(1);
        group.spawn(async move {
            waits.await;
            is_over.open();
        });
        let mut first = kept.take_parked();
        let second = Arc::new(Mutex::new(None));
        let outer = {
            let (handle, second) = (group.handle(), Arc::clone(&second));
            let (core, kept, probe) = (Arc::clone(group.core()), kept.clone(), probe.clone());
            async move {
                handle.spawn(async move {
                    core.with(|sched, effects| sched.open_shards(effects));
                    assert!(core.read(|sched| sched.has_shards));
                    wake(&probe);
                });
                handle.close();
                let driver = kept.take();
                *second.lock().unwrap() = Some(thread::spawn(|| block_on(driver)));
                // The child that is woken is polled while this driver is busy.
                bolt.block();
            }
        };
        group.spawn(outer);
        let _ = poll_once(&mut first);
        block_on(first);
        second.lock().unwrap().take().unwrap().join().unwrap();
        leave(&group);
    });
}
