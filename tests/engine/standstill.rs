//! Executors that run nothing: a cancel and a deadline do not wait for them where somebody awaits the group. And where
//! destructors run: never inside the call that cancels.

use std::cell::Cell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::executor::{LocalPool, ThreadPool, block_on};
use ingather::cancel::CancelKind;
use ingather::spawner::{LocalJob, SpawnError, SpawnerHandle};
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, LocalSpawner, local, shield};

use crate::support::{
    ByHand, Drops, Fault, Gate, HostileSpawner, Mischief, Site, Wound, behaviour, watched,
};

behaviour!(
    the_call_that_cancels_a_group_drops_nothing,
    the_call_that_cancels_a_child_drops_nothing,
    the_call_that_turns_a_token_drops_nothing,
);

thread_local! {
    /// Is this thread inside a call that cancels?
    static CANCELS: Cell<bool> = const { Cell::new(false) };
}

/// Notes whether it is dropped inside a call that cancels.
struct Notes(Arc<Mutex<Vec<bool>>>);

impl Drop for Notes {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(CANCELS.get());
    }
}

fn cancelling(call: impl FnOnce()) {
    CANCELS.set(true);
    call();
    CANCELS.set(false);
}

/// A child that waits for ever, from its first poll on as the gate says.
fn waits(notes: &Arc<Mutex<Vec<bool>>>, begun: &Gate) -> impl Future<Output = ()> + Send + use<> {
    let (notes, begun) = (Notes(Arc::clone(notes)), begun.clone());
    async move {
        let _notes = notes;
        begun.open();
        pending().await
    }
}

// Dropping-6
async fn the_call_that_cancels_a_group_drops_nothing(on: Site) {
    for polled in [true, false] {
        let (notes, begun) = (Arc::default(), Gate::new());
        let group = GatherGroup::on(&on.spawner);
        drop(group.spawn(waits(&notes, &begun)));
        drop(group.spawn(waits(&notes, &Gate::new())));
        if polled {
            begun.wait().await;
        }
        cancelling(|| group.cancel());
        assert_eq!(group.join().await.cancelled, 2);
        assert_eq!(*notes.lock().unwrap(), [false, false]);
    }
}

// Dropping-6
async fn the_call_that_cancels_a_child_drops_nothing(on: Site) {
    let (notes, begun) = (Arc::default(), Gate::new());
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(waits(&notes, &begun));
    let other = group.spawn(waits(&notes, &Gate::new()));
    begun.wait().await;
    cancelling(|| key.cancel());
    cancelling(|| other.cancel());
    assert!(key.await.unwrap_err().is_cancelled());
    assert!(other.await.unwrap_err().is_cancelled());
    assert_eq!(*notes.lock().unwrap(), [false, false]);
    assert_eq!(group.join().await.cancelled, 2);
}

// Dropping-6
async fn the_call_that_turns_a_token_drops_nothing(on: Site) {
    let (notes, begun) = (Arc::default(), Gate::new());
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(waits(&notes, &begun));
    begun.wait().await;
    let token = group.token();
    cancelling(|| {
        token.cancel();
    });
    assert!(key.await.unwrap_err().is_cancelled());
    group.join().await;
    assert_eq!(*notes.lock().unwrap(), [false]);
}

/// A spawner whose jobs nobody runs.
fn stands() -> SpawnerHandle {
    SpawnerHandle::new(HostileSpawner::stepped_by(4, Mischief::honest(), 0))
}

// Executors-9, Deadlines-1
#[test]
fn a_deadline_ends_a_scope_whose_executor_runs_nothing() {
    watched("standstill", || {
        let (clock, drops) = (Wound::new(), Drops::new());
        let held = drops.witness();
        let options = GroupOptions::new()
            .on(&clock.on(&stands()))
            .timeout(Duration::from_secs(50));
        let mut scope = ByHand::new(options.try_scope(|tg| async move {
            drop(tg.spawn(async move {
                let _held = held;
            }));
            Ok::<_, Fault>(())
        }));
        assert!(scope.poll().is_pending());
        assert!(scope.poll().is_pending());
        let wakes = scope.wakes();
        clock.wind(Duration::from_secs(50));
        assert_eq!((drops.count(), scope.wakes()), (0, wakes + 1));
        let Poll::Ready(Err(error)) = poll_twice(&mut scope) else {
            panic!("its deadline has passed");
        };
        assert!(error.is_timeout() && drops.all());
    });
}

fn poll_twice<F: Future>(future: &mut ByHand<F>) -> Poll<F::Output> {
    match future.poll() {
        Poll::Pending => future.poll(),
        ready => ready,
    }
}

// Executors-9
#[test]
fn a_cancelled_child_is_dropped_by_whoever_awaits_its_key() {
    watched("standstill", || {
        let (group, drops) = (GatherGroup::on(&stands()), Drops::new());
        let spawn = || {
            let held = drops.witness();
            group.spawn(async move {
                let _held = held;
            })
        };
        let (alone, other) = (spawn(), spawn());
        alone.cancel();
        assert_eq!(drops.count(), 0);
        assert!(block_on(alone).unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 1);
        assert_eq!(other.status(), Some(GatherIncomplete::Running));
        group.cancel();
        assert_eq!(drops.count(), 1);
        assert!(block_on(other).unwrap_err().is_cancelled());
        assert!(drops.all());
        assert_eq!(block_on(group.join()).cancelled, 2);
    });
}

// Executors-9
#[test]
fn a_cancelled_child_is_dropped_by_whoever_joins_its_group() {
    watched("standstill", || {
        for limit in [1, 8] {
            let options = GroupOptions::new().limit(limit);
            let (group, drops) = (options.on(&stands()).group(), Drops::new());
            let keys: Vec<_> = (0..4)
                .map(|_| {
                    let held = drops.witness();
                    group.spawn(async move {
                        let _held = held;
                    })
                })
                .collect();
            let mut join = ByHand::new(group.join());
            assert!(join.poll().is_pending());
            assert!(join.poll().is_pending());
            for (index, key) in keys.iter().enumerate() {
                let wakes = join.wakes();
                key.cancel();
                assert_eq!((drops.count(), join.wakes()), (index, wakes + 1));
                let ended = poll_twice(&mut join);
                assert_eq!((drops.count(), ended.is_ready()), (index + 1, index == 3));
            }
        }
    });
}

// Executors-9, Cancelling-2
#[test]
fn the_end_of_a_grace_does_not_wait_for_an_executor_that_runs_nothing() {
    watched("standstill", || {
        let (clock, drops) = (Wound::new(), Drops::new());
        let options = GroupOptions::new().grace(Duration::from_secs(5));
        let group = options.on(&clock.on(&stands())).group();
        let held = drops.witness();
        let key = group.spawn(async move {
            let _held = held;
        });
        drop(group.spawn(async {}));
        let mut join = ByHand::new(group.join());
        assert!(join.poll().is_pending());
        key.cancel();
        clock.wind(Duration::from_secs(4));
        assert!(poll_twice(&mut join).is_pending() && drops.count() == 0);
        clock.wind(Duration::from_secs(1));
        assert!(poll_twice(&mut join).is_pending() && drops.all());
        group.cancel();
        assert!(poll_twice(&mut join).is_pending());
        clock.wind(Duration::from_secs(5));
        assert!(poll_twice(&mut join).is_ready());
    });
}

// Executors-9
#[test]
fn a_deadline_does_not_wait_for_a_worker_that_is_busy_with_something_else() {
    watched("standstill", || {
        let pool = ThreadPool::builder().pool_size(1).create().unwrap();
        let (started, go) = (Gate::new(), Gate::new());
        let (begun, until) = (started.clone(), go.clone());
        pool.spawn_ok(async move {
            begun.open();
            while !until.is_open() {
                thread::yield_now();
            }
        });
        block_on(started.wait());
        let options = GroupOptions::new()
            .on(&pool)
            .timeout(Duration::from_millis(20));
        let ended = block_on(options.try_scope(|tg| async move {
            drop(tg.spawn(pending::<()>()));
            Ok::<_, Fault>(())
        }));
        assert!(ended.unwrap_err().is_timeout() && !go.is_open());
        go.open();
    });
}

/// Jobs that stay where they are.
#[derive(Clone, Default)]
struct Stays(Rc<std::cell::RefCell<Vec<LocalJob>>>);

impl LocalSpawner for Stays {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.0.borrow_mut().push(job);
        Ok(())
    }
}

/// Notes on which thread it is dropped, and is not `Send`.
struct Where(Rc<Cell<Option<thread::ThreadId>>>);

impl Drop for Where {
    fn drop(&mut self) {
        self.0.set(Some(thread::current().id()));
    }
}

// Executors-8, Executors-9
#[test]
fn an_owner_drops_local_children_that_were_cancelled_elsewhere() {
    watched("standstill", || {
        let group = local::on(&Stays::default()).group();
        let dropped_on = Rc::new(Cell::new(None));
        let held = Where(Rc::clone(&dropped_on));
        let key = group.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        let token = group.token();
        let cancels = thread::spawn(move || token.cancel());
        let mut pool = LocalPool::new();
        let tally = pool.run_until(group.join());
        cancels.join().unwrap();
        assert_eq!(
            (tally.cancelled, dropped_on.get()),
            (1, Some(thread::current().id()))
        );
        let Some(GatherIncomplete::Cancelled(reason)) = key.status() else {
            panic!("{key:?}");
        };
        assert_eq!(reason.kind(), CancelKind::Explicit);
    });
}

// Executors-9, Shields-5
#[test]
fn what_a_shield_held_is_dropped_when_that_is_lifted() {
    watched("standstill", || {
        let stepper = HostileSpawner::stepped_by(1, Mischief::honest(), 0);
        let clock = Wound::new();
        let spawner = clock.on(&SpawnerHandle::new(stepper.clone()));
        let (group, drops) = (GatherGroup::on(&spawner), Drops::new());
        let held = drops.witness();
        let deadline = ingather::clock::Clock::now(&clock) + Duration::from_secs(5);
        drop(group.spawn(async move {
            let _held = held;
            shield(pending::<()>()).deadline(deadline).await;
        }));
        stepper.run_until_idle();
        let mut join = ByHand::new(group.join());
        assert!(join.poll().is_pending());
        group.cancel();
        stepper.run_until_idle();
        assert!(poll_twice(&mut join).is_pending() && drops.count() == 0);
        // From now on the executor runs nothing.
        clock.wind(Duration::from_secs(5));
        assert!(poll_twice(&mut join).is_ready() && drops.all());
    });
}

// Executors-9
#[test]
fn great_numbers_are_dropped_in_more_than_one_turn() {
    watched("standstill", || {
        let group = GatherGroup::on(&stands());
        let drops = Drops::new();
        for _ in 0..1_000 {
            let held = drops.witness();
            drop(group.spawn(async move {
                let _held = held;
            }));
        }
        group.cancel();
        let mut join = ByHand::new(group.join());
        assert!(join.poll().is_pending());
        assert!((1..200).contains(&drops.count()), "{}", drops.count());
        let mut polls = 1;
        while join.poll().is_pending() {
            polls += 1;
        }
        assert!(polls > 10 && drops.all());
    });
}
