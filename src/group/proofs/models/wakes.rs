//! Wakes against polls: no wake is lost, and the poll that answers it sees what came before it.

use std::future::{Future, poll_fn};

use loom::future::block_on;

use super::{ManualSpawner, Probe, leave, model_within, wake};
use crate::group::GatherGroup;

#[test]
fn wakes_against_a_poll() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let key = group.spawn(probe.waits_for(2));
        let driver = kept.take_parked();
        group.close();
        let wakers = [wake(&probe), wake(&probe)];
        // It comes home when the group is over. A wake that is lost leaves it parked for ever.
        block_on(driver);
        assert_eq!(group.take_result(key).unwrap(), 7);
        assert_eq!(probe.dropped(), 1);
        for waker in wakers {
            waker.join().unwrap();
        }
        leave(&group);
    });
}

/// A wake by the child's own poll is left to the step that ends the poll, which another wake may come before.
#[test]
fn a_wake_from_within_a_poll_against_others() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let probe = Probe::default();
        let (mut waits, within) = (Box::pin(probe.waits_for(3)), probe.clone());
        let mut polls = 0;
        let key = group.spawn(poll_fn(move |cx| {
            let polled = waits.as_mut().poll(cx);
            polls += 1;
            if polls == 2 && polled.is_pending() {
                within.mark();
                cx.waker().wake_by_ref();
            }
            polled
        }));
        let driver = kept.take_parked();
        group.close();
        let wakers = [wake(&probe), wake(&probe)];
        block_on(driver);
        assert_eq!(group.take_result(key).unwrap(), 7);
        for waker in wakers {
            waker.join().unwrap();
        }
        leave(&group);
    });
}
