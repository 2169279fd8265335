//! What a child does to its siblings while they are in a batch with it, and spawners that say strange things of themselves.

use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use futures::future::{FutureExt, pending};
use ingather::spawner::{SpawnError, SpawnerHandle};
use ingather::{GatherGroup, Job, Key, Scope, Spawner};

use crate::batches::let_go_together;
use crate::support::{Drops, Fault, Gate, Polls, Site, behaviour, boom, yields};

behaviour!(
    nobody_is_polled_behind_a_cancel_or_a_failure,
    a_child_cancels_an_earlier_and_a_later_one,
    a_child_drops_the_group,
    a_background_child_is_spawned_within_a_batch,
    a_spawner_says_that_it_has_one_thread,
    a_spawner_panics_or_always_says_that_the_turn_is_over,
);

/// What the third of ten does to them.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Cancels,
    Fails,
    Panics,
}

// Cancelling-2
async fn nobody_is_polled_behind_a_cancel_or_a_failure(on: Site) {
    let _hold = on.hold();
    for deed in [Deed::Cancels, Deed::Fails, Deed::Panics] {
        let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
        let (gate, polls) = (Gate::new(), Polls::new());
        for number in 0..10 {
            let (gate, handle) = (gate.clone(), group.handle());
            let child = async move {
                gate.wait().await;
                match deed {
                    _ if number != 2 => Ok(()),
                    Deed::Cancels => {
                        handle.cancel();
                        Ok(())
                    }
                    Deed::Fails => Err(Fault("it fails")),
                    Deed::Panics => boom("it panics"),
                }
            };
            drop(group.try_spawn(polls.clone().of(child)));
        }
        let_go_together(&gate, 10).await;
        let left = AssertUnwindSafe(group.try_join()).catch_unwind().await;
        match deed {
            Deed::Cancels => assert!(left.is_ok()),
            Deed::Fails => assert_eq!(
                left.unwrap().unwrap_err().first().error(),
                Some(&Fault("it fails"))
            ),
            Deed::Panics => assert!(left.is_err()),
        }
        let tally = group.tally();
        assert_eq!(tally.total(), 10, "{deed:?}: {tally:?}");
        if on.kind.is_one_thread() && on.is_in_order() {
            // Each once to come to the gate, and three behind it.
            assert_eq!(polls.count(), 13, "{deed:?}");
            assert_eq!(tally.cancelled, 7, "{deed:?}: {tally:?}");
        }
    }
}

// Cancelling-8
async fn a_child_cancels_an_earlier_and_a_later_one(on: Site) {
    let _hold = on.hold();
    let group = GatherGroup::on(&on.spawner);
    let (gate, never, drops) = (Gate::new(), Gate::new(), Drops::new());
    let (later, earlier) = (Polls::new(), Polls::new());
    let victims = Arc::new(Mutex::new(Vec::<Key<()>>::new()));
    let mut keys = Vec::new();
    for number in 0..12 {
        let (gate, never, held) = (gate.clone(), never.clone(), drops.witness());
        let (cancels, polls) = (Arc::clone(&victims), [&earlier, &later][number / 6].clone());
        let child = async move {
            gate.wait().await;
            let _held = held;
            if number == 4 {
                cancels.lock().unwrap().iter().for_each(Key::cancel);
            } else if number == 1 {
                never.wait().await;
            }
        };
        let is_victim = number == 1 || number == 9;
        let key = if is_victim {
            group.spawn(polls.of(child))
        } else {
            group.spawn(child)
        };
        if is_victim {
            victims.lock().unwrap().push(key)
        } else {
            keys.push(key)
        }
    }
    let_go_together(&gate, 12).await;
    for key in keys {
        assert_eq!(key.await, Ok(()));
    }
    let tally = group.join().await;
    assert!(drops.all());
    if on.kind.is_one_thread() && on.is_in_order() {
        assert_eq!((earlier.count(), later.count()), (2, 1));
        assert_eq!((tally.ok, tally.cancelled), (10, 2));
    }
    assert!(tally.cancelled >= 1 && tally.total() == 12, "{tally:?}");
}

// Dropping-1, Dropping-2, Dropping-3
async fn a_child_drops_the_group(on: Site) {
    let _hold = on.hold();
    let (gate, drops, polls) = (Gate::new(), Drops::new(), Polls::new());
    let owner = Arc::new(Mutex::new(None::<GatherGroup>));
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let group = GatherGroup::on(&on.spawner);
    let mut keys = Vec::new();
    for number in 0..10 {
        let (gate, held) = (gate.clone(), drops.witness());
        let (owner, drops, left) = (Arc::clone(&owner), drops.clone(), Arc::clone(&left));
        keys.push(group.spawn(polls.clone().of(async move {
            gate.wait().await;
            let _held = held;
            if number == 2 {
                let group = owner.lock().unwrap().take();
                drop(group);
                left.store(drops.made() - drops.count(), SeqCst);
            }
        })));
    }
    *owner.lock().unwrap() = Some(group);
    let_go_together(&gate, 10).await;
    let mut ok = 0;
    for key in keys {
        match key.await {
            Ok(()) => ok += 1,
            Err(why) => assert!(why.is_cancelled(), "{why:?}"),
        }
    }
    assert!(drops.all());
    if on.kind.is_one_thread() && on.is_in_order() {
        // The one that drops the group is being polled, and gives its value.
        assert_eq!((ok, polls.count(), left.load(SeqCst)), (3, 13, 1));
    }
}

// Children-1
async fn a_background_child_is_spawned_within_a_batch(on: Site) {
    let _hold = on.hold();
    let drops = Drops::new();
    let inner = drops.clone();
    let tally = ingather::on(&on.spawner)
        .scope(|tg: Scope<'static>| async move {
            let gate = Gate::new();
            for number in 0..12 {
                let (tg, gate, drops) = (tg.clone(), gate.clone(), inner.clone());
                let handle = tg.clone();
                drop(tg.spawn(async move {
                    gate.wait().await;
                    if number == 3 || number == 11 {
                        let held = drops.witness();
                        drop(handle.child().background().spawn(async move {
                            let _held = held;
                            pending::<()>().await;
                        }));
                    }
                    yields(number % 3).await;
                }));
            }
            let_go_together(&gate, 12).await;
            tg
        })
        .await
        .tally();
    assert_eq!((drops.made(), drops.count()), (2, 2));
    assert_eq!((tally.ok, tally.cancelled), (12, 2));
}

/// A spawner that says something else of itself.
#[derive(Clone)]
struct Says {
    spawner: SpawnerHandle,
    parallelism: usize,
    should_yield: fn() -> bool,
}

impl Spawner for Says {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.spawner.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.parallelism).unwrap()
    }

    fn is_current(&self) -> bool {
        self.spawner.is_current()
    }

    fn should_yield(&self) -> bool {
        (self.should_yield)()
    }
}

/// A hundred that yield, each with its own count of polls.
async fn a_hundred(spawner: &Says) {
    let polls = Polls::new();
    let group = GatherGroup::on(spawner);
    for number in 0..100 {
        drop(group.spawn(polls.clone().of(yields(number % 4))));
    }
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.dropped), (100, 100));
    assert_eq!(polls.count(), 25 * (1 + 2 + 3 + 4));
}

// Executors-1
async fn a_spawner_says_that_it_has_one_thread(on: Site) {
    for parallelism in [1, 2, 1000] {
        let spawner = Says {
            spawner: on.spawner.clone(),
            parallelism,
            should_yield: || false,
        };
        a_hundred(&spawner).await;
    }
}

// Executors-5, Panics-3
async fn a_spawner_panics_or_always_says_that_the_turn_is_over(on: Site) {
    for should_yield in [|| true, || boom("it does not say")] {
        let spawner = Says {
            parallelism: on.spawner.parallelism().get(),
            spawner: on.spawner.clone(),
            should_yield,
        };
        a_hundred(&spawner).await;
    }
}
