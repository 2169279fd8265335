//! Spawners that refuse some of a group's jobs: they are asked again, and not for each child.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use futures::executor::block_on;
use ingather::spawner::SpawnError;
use ingather::{GatherGroup, Job, Spawner};

use crate::support::{watched, yields};

/// A thread for each job that it takes.
#[derive(Clone)]
struct Picky {
    takes: fn(usize) -> bool,
    asked: Arc<AtomicUsize>,
}

impl Picky {
    /// Takes the first job, and of those that follow the ones that `takes` names, from 2 on.
    fn new(takes: fn(usize) -> bool) -> Self {
        Self {
            takes,
            asked: Arc::default(),
        }
    }
}

impl Spawner for Picky {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let number = 1 + self.asked.fetch_add(1, SeqCst);
        if number > 1 && !(self.takes)(number) {
            return Err(SpawnError::new("not now"));
        }
        thread::spawn(|| block_on(job));
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(4).unwrap()
    }
}

/// Four children that wait for each other, each on a thread of its own.
fn meet(group: &GatherGroup) {
    let barrier = Arc::new(Barrier::new(4));
    let children = (0..4).map(|_| {
        let barrier = Arc::clone(&barrier);
        group.spawn(async move {
            barrier.wait();
        })
    });
    let keys: Vec<_> = children.collect();
    for key in keys {
        assert_eq!(block_on(key), Ok(()));
    }
}

// Executors-10
#[test]
fn a_job_that_was_refused_costs_the_group_no_driver() {
    watched("refusals", || {
        let spawner = Picky::new(|number| number != 2);
        let group = GatherGroup::on(&spawner);
        for _ in 0..10 {
            meet(&group);
        }
        assert_eq!(block_on(group.join()).ok, 40);
    });
}

// Executors-10
#[test]
fn of_a_spawner_that_refuses_every_second_job_a_group_has_all_drivers() {
    watched("refusals", || {
        let spawner = Picky::new(|number| number % 2 == 1);
        let group = GatherGroup::on(&spawner);
        for _ in 0..10 {
            meet(&group);
        }
        assert_eq!(block_on(group.join()).ok, 40);
    });
}

// Executors-10
#[test]
fn a_spawner_that_has_recovered_is_asked_again() {
    watched("refusals", || {
        let spawner = Picky::new(|number| number > 12);
        let group = GatherGroup::on(&spawner);
        while spawner.asked.load(SeqCst) < 12 {
            let key = group.spawn(yields(1));
            drop(group.spawn(yields(1)));
            assert_eq!(block_on(key), Ok(()));
        }
        // It may be that the last try was a moment ago.
        for _ in 0..40 {
            assert_eq!(block_on(group.spawn(async {})), Ok(()));
        }
        meet(&group);
        drop(group);
    });
}

// Executors-10
#[test]
fn a_spawner_that_takes_no_second_job_is_not_asked_for_each_child() {
    watched("refusals", || {
        let spawner = Picky::new(|_| false);
        let group = GatherGroup::on(&spawner);
        for _ in 0..5_000 {
            drop(group.spawn(yields(3)));
        }
        assert_eq!(block_on(group.join()).ok, 5_000);
        let asked = spawner.asked.load(SeqCst);
        assert!(asked < 1_000, "{asked} times");
    });
}
