//! Drivers that are put off while enough jobs are on their way to their spawner, and come when one of those begins.

use std::thread::JoinHandle;

use ingather::spawner::SpawnerHandle;
use ingather::{GatherGroup, Job, Key};

use crate::batch_drivers::{Jobs, LongPoll, on_thread};
use crate::support::{ByHand, watched};

/// A spawner for two with two jobs on their way to it, and a group whose only driver is in a long poll.
struct Crowded {
    jobs: Jobs,
    others: Vec<(GatherGroup, ByHand<Job>)>,
    group: GatherGroup,
    long: LongPoll,
    driver: JoinHandle<ByHand<Job>>,
}

impl Crowded {
    /// Beside the child in the long poll, so many wait for the same driver.
    fn new(beside: usize) -> (Self, Vec<Key<()>>) {
        let jobs = Jobs::new(2);
        let spawner = SpawnerHandle::new(jobs.clone());
        let others = (0..2).map(|_| {
            let group = GatherGroup::on(&spawner);
            group.spawn(async {});
            (group, jobs.take())
        });
        let others = others.collect();
        let group = GatherGroup::on(&spawner);
        let long = LongPoll::default();
        let child = long.clone();
        group.spawn(async move { child.run() });
        let keys = (0..beside).map(|_| group.spawn(async {})).collect();
        let driver = on_thread(jobs.take());
        long.has_begun();
        let crowded = Self {
            jobs,
            others,
            group,
            long,
            driver,
        };
        (crowded, keys)
    }

    /// The first driver goes on, and all groups come to their end.
    fn end(self) {
        self.long.over.open();
        let mut driver = self.driver.join().unwrap();
        for (group, mut driver) in self.others {
            group.close();
            assert!(driver.poll().is_ready());
        }
        self.group.close();
        assert!(driver.poll().is_ready());
    }
}

// Executors-3
#[test]
fn a_driver_that_was_put_off_comes_when_another_begins() {
    watched(
        "a_driver_that_was_put_off_comes_when_another_begins",
        || {
            let (mut crowded, _) = Crowded::new(0);
            let key = crowded.group.spawn(async {});
            assert!(crowded.jobs.are_none(), "it would not begin any earlier");
            assert!(crowded.others[0].1.poll().is_pending());
            let mut helper = crowded.jobs.take();
            assert!(helper.poll().is_pending());
            assert!(key.is_finished(), "not behind the long poll");
            crowded.end();
        },
    );
}

// Executors-3
#[test]
fn a_driver_that_was_put_off_comes_when_another_is_lost() {
    watched(
        "a_driver_that_was_put_off_comes_when_another_is_lost",
        || {
            let (mut crowded, _) = Crowded::new(0);
            let key = crowded.group.spawn(async {});
            assert!(crowded.jobs.are_none());
            drop(crowded.others.pop());
            let mut helper = crowded.jobs.take();
            assert!(helper.poll().is_pending());
            assert!(key.is_finished());
            crowded.end();
        },
    );
}

// Executors-3
#[test]
fn a_driver_that_was_put_off_takes_what_waits_in_the_hand_of_another() {
    let name = "a_driver_that_was_put_off_takes_what_waits_in_the_hand_of_another";
    watched(name, || {
        let (mut crowded, keys) = Crowded::new(15);
        assert!(crowded.jobs.are_none());
        assert!(crowded.others[1].1.poll().is_pending());
        let mut helper = crowded.jobs.take();
        while helper.poll().is_pending() && helper.is_woken() {}
        assert!(
            keys.iter().all(Key::is_finished),
            "not behind the long poll"
        );
        crowded.end();
    });
}

// Executors-4
#[test]
fn a_driver_that_was_put_off_does_not_come_when_its_work_is_done() {
    watched(
        "a_driver_that_was_put_off_does_not_come_when_its_work_is_done",
        || {
            let (mut crowded, keys) = Crowded::new(1);
            crowded.long.over.open();
            while !keys[0].is_finished() {
                std::thread::yield_now();
            }
            for (_, driver) in &mut crowded.others {
                assert!(driver.poll().is_pending());
            }
            assert!(crowded.jobs.are_none());
            crowded.end();
        },
    );
}

// Executors-4
#[test]
fn it_is_put_off_once_and_called_once() {
    watched("it_is_put_off_once_and_called_once", || {
        let (mut crowded, _) = Crowded::new(0);
        let keys: Vec<_> = (0..8).map(|_| crowded.group.spawn(async {})).collect();
        assert!(crowded.jobs.are_none(), "it is put off once");
        assert!(crowded.others[0].1.poll().is_pending());
        assert!(crowded.others[1].1.poll().is_pending());
        let mut helper = crowded.jobs.take();
        while helper.poll().is_pending() && helper.is_woken() {}
        assert!(keys.iter().all(Key::is_finished));
        crowded.end();
    });
}
