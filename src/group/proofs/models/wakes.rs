//! Wakes against polls: no wake is lost, and the poll that answers it sees what came before it.

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
