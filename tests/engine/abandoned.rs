//! Spawners that refuse, lose or break jobs: every waiter is resolved, and nobody is given up who could still be run.

use std::future::pending;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use ingather::cancel::CancelKind;
use ingather::spawner::{LocalJob, SpawnError};
use ingather::{CancelReason, GatherGroup, GatherIncomplete, Job, LocalSpawner, Spawner, local};

use crate::support::{
    ByHand, Drops, Gate, HostileSpawner, Mischief, Trace, boom, kind, reason, stepper, watched,
    yields,
};

/// Spawners that lose every job, each in its own way, and a part of what they say.
fn losers() -> [(Mischief, &'static str); 5] {
    let honest = Mischief::honest();
    [
        (honest.refuse(100), "refused"),
        (honest.refuse_but_run(100), "refused, and run"),
        (honest.panic(100), "in spawn"),
        (honest.panic_but_run(100), "in spawn, and run"),
        (honest.drop_at_once(100), "dropped the job"),
    ]
}

// Executors-1
#[test]
fn the_keys_of_a_group_whose_jobs_are_lost_read_abandoned() {
    watched("the_keys_of_a_group_whose_jobs_are_lost", || {
        for (mischief, text) in losers() {
            let stepper = HostileSpawner::stepped_by(4, mischief, 0);
            let (group, drops, log) = (GatherGroup::on(&stepper), Drops::new(), Trace::new());
            let spawn = || {
                let (held, log) = (drops.witness(), log.clone());
                group.spawn(async move {
                    let _held = held;
                    log.log("polled");
                })
            };
            let keys = [spawn(), spawn(), spawn()];
            stepper.run_until_idle();
            for key in &keys {
                let reason = reason(key).expect("nobody runs it");
                assert_eq!(reason.kind(), CancelKind::Abandoned);
                let said = reason.message().expect("the spawner said why");
                assert!(said.contains(text), "{said:?} for {text:?}");
            }
            assert_eq!(
                (drops.made(), drops.count(), log.entries().len()),
                (3, 3, 0)
            );
            let mut join = ByHand::new(group.join());
            assert!(join.poll().is_pending());
            let Poll::Ready(tally) = join.poll() else {
                panic!("all are over")
            };
            assert_eq!(
                (tally.cancelled, tally.total()),
                (1, 1),
                "the others were not taken"
            );
            assert_eq!(stepper.jobs(), 0);
        }
    });
}

// Executors-1
#[test]
fn a_scope_whose_jobs_are_lost_ends() {
    watched("a_scope_whose_jobs_are_lost_ends", || {
        for (mischief, text) in losers() {
            let stepper = HostileSpawner::stepped_by(4, mischief, 0);
            let key =
                ingather::on(&stepper).scope(|tg| async move { tg.spawn(pending::<()>()).await });
            let read = futures::executor::block_on(key);
            let Err(GatherIncomplete::Cancelled(reason)) = read else {
                panic!("{read:?}")
            };
            assert_eq!(reason.kind(), CancelKind::Abandoned);

            let scope = ingather::on(&stepper).try_scope(|tg| async move {
                drop(tg.spawn(pending::<()>()));
                Ok::<_, u8>(())
            });
            let error = futures::executor::block_on(scope).unwrap_err();
            let reason = error.cancelled().expect("nothing failed");
            assert_eq!(reason.kind(), CancelKind::Abandoned);
            assert!(reason.message().unwrap().contains(text), "{reason}");

            let group = GatherGroup::<u8>::fallible_on(&stepper);
            drop(group.spawn(pending::<()>()));
            let error = futures::executor::block_on(group.try_join()).unwrap_err();
            let reason = error.cancelled().map(CancelReason::kind);
            assert_eq!(reason, Some(CancelKind::Abandoned));
            stepper.run_until_idle();
        }
    });
}

// Executors-1
#[test]
fn a_job_that_is_dropped_half_way_leaves_its_children_to_nobody() {
    for polls in 1..4 {
        let stepper = stepper();
        let (group, drops) = (GatherGroup::on(&stepper), Drops::new());
        let held = drops.witness();
        let mut key = ByHand::new(group.spawn(async move {
            let _held = held;
            yields(1_000).await;
        }));
        assert!(key.poll().is_pending());
        assert_eq!((0..polls).filter(|_| stepper.step()).count(), polls);
        assert_eq!(key.wakes(), 0);
        stepper.shut_down();
        assert_eq!((drops.count(), key.wakes()), (1, 1));
        let read = key.poll();
        let Poll::Ready(Err(GatherIncomplete::Cancelled(reason))) = read else {
            panic!("{read:?}")
        };
        assert_eq!(reason.kind(), CancelKind::Abandoned);
        assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Abandoned));
    }
}

// Executors-1
#[test]
fn a_spawner_that_takes_one_job_only_runs_everything_with_it() {
    watched("a_spawner_that_takes_one_job_only", || {
        #[derive(Clone)]
        struct OneJob(HostileSpawner, Arc<Mutex<usize>>);
        impl Spawner for OneJob {
            fn spawn(&self, job: Job) -> Result<(), SpawnError> {
                let mut asked = self.1.lock().unwrap();
                *asked += 1;
                let first = *asked == 1;
                drop(asked);
                first.then_some(()).ok_or(SpawnError::new("full"))?;
                self.0.spawn(job)
            }
            fn parallelism(&self) -> NonZeroUsize {
                NonZeroUsize::new(4).unwrap()
            }
        }
        let (stepper, asked) = (stepper(), Arc::default());
        let group = GatherGroup::on(&OneJob(stepper.clone(), Arc::clone(&asked)));
        let handle = group.handle();
        let key = group.spawn(async move {
            let keys: Vec<_> = (0..10)
                .map(|number| handle.spawn(async move { number }))
                .collect();
            let mut sum = 0;
            for key in keys {
                sum += key.await.unwrap();
            }
            sum
        });
        stepper.run_until_idle();
        assert_eq!(group.take_result(key).ok(), Some(45));
        assert!(
            *asked.lock().unwrap() <= 12,
            "it asked {} times",
            asked.lock().unwrap()
        );
    });
}

/// Refuses every job, but says that whoever asks is on it.
#[derive(Clone)]
struct Here;

impl Spawner for Here {
    fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
        Err(SpawnError::new("do it yourself"))
    }

    fn is_current(&self) -> bool {
        true
    }
}

impl LocalSpawner for Here {
    fn spawn_local(&self, _job: LocalJob) -> Result<(), SpawnError> {
        Err(SpawnError::new("do it yourself"))
    }

    fn is_current(&self) -> bool {
        true
    }
}

// Executors-1, Executors-2
#[test]
fn an_owner_on_a_spawner_that_refuses_runs_the_children_itself() {
    watched("an_owner_on_a_spawner_that_refuses", || {
        let gates = [Gate::new(), Gate::new()];
        let waits = gates.clone();
        let mut scope = ByHand::new(ingather::on(&Here).scope(|tg| async move {
            let [one, two] = waits.map(|gate| tg.spawn(async move { gate.wait().await }));
            (one.await, two.await)
        }));
        for gate in &gates {
            assert!(scope.poll().is_pending());
            gate.open();
        }
        let result = loop {
            let wakes = scope.wakes();
            match scope.poll() {
                Poll::Ready(result) => break result,
                Poll::Pending => assert!(scope.wakes() > wakes, "nobody wakes it"),
            }
        };
        assert_eq!(result, (Ok(()), Ok(())));
    });
}

// Executors-1
#[test]
fn an_owner_that_was_woken_and_not_polled_yet_counts_as_somebody() {
    watched("an_owner_that_was_woken", || {
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let waits = gates.clone();
        let mut scope = ByHand::new(ingather::on(&Here).scope(|tg| async move {
            let keys = waits.map(|gate| tg.spawn(async move { gate.wait().await }));
            let mut results = Vec::new();
            for key in keys {
                results.push(key.await);
            }
            results
        }));
        assert!(scope.poll().is_pending());
        // Each of them comes before the owner has answered the first.
        gates.iter().for_each(Gate::open);
        let result = loop {
            if let Poll::Ready(result) = scope.poll() {
                break result;
            }
        };
        assert_eq!(result, [Ok(()), Ok(()), Ok(())]);
    });
}

// Executors-1
#[test]
fn an_owner_that_gives_way_counts_as_somebody() {
    watched("an_owner_that_gives_way", || {
        // More than an owner polls in one turn.
        let scope = ingather::on(&Here).scope(|tg| async move {
            let keys: Vec<_> = (0..200).map(|_| tg.spawn(yields(3))).collect();
            let mut over = 0;
            for key in keys {
                over += usize::from(key.await.is_ok());
            }
            over
        });
        assert_eq!(futures::executor::block_on(scope), 200);
    });
}

// Executors-1
#[test]
fn children_whose_owner_goes_away_are_abandoned_where_nobody_else_runs_them() {
    watched("children_whose_owner_goes_away", || {
        let gate = Gate::new();
        let waits = gate.clone();
        let group = GatherGroup::on(&Here);
        let mut join = ByHand::new(group.join());
        assert!(join.poll().is_pending());
        let mut key = {
            let mut scope = ByHand::new(group.next_if_any());
            let _ = scope.poll();
            ByHand::new(group.spawn(async move { waits.wait().await }))
        };
        drop(join);
        assert!(key.poll().is_pending() || key.poll().is_ready());
        gate.open();
        assert!(key.poll().is_ready(), "a key that nobody resolves");
    });
}

// Executors-1
#[test]
fn local_children_whose_owner_goes_away_are_abandoned_where_nobody_else_runs_them() {
    watched("local_children_whose_owner_goes_away", || {
        let (gate, place) = (Gate::new(), Rc::new(std::cell::RefCell::new(None)));
        let waits = gate.clone();
        let group = local::on(&Here).group();
        {
            // An owner in its poll does the work, so the refusal of the job is no loss yet.
            let handle = group.handle();
            let kept = Rc::clone(&place);
            let first = group.handle();
            let mut scope = ByHand::new(async {
                let mut join = Box::pin(group.join());
                std::future::poll_fn(|cx| {
                    use std::future::Future;
                    let _ = join.as_mut().poll(cx);
                    Poll::Ready(())
                })
                .await;
                let waits = waits.clone();
                *kept.borrow_mut() = Some(handle.spawn(async move { waits.wait().await }));
                std::future::poll_fn(|cx| {
                    use std::future::Future;
                    let _ = join.as_mut().poll(cx);
                    Poll::Ready(())
                })
                .await;
                drop(first);
            });
            assert!(scope.poll().is_ready());
        }
        let key = place.borrow_mut().take().expect("it was spawned");
        let mut key = ByHand::new(key);
        let _ = key.poll();
        gate.open();
        assert!(key.poll().is_ready(), "a key that nobody resolves");
    });
}

// Executors-1, Panics-3
#[test]
fn a_panic_in_a_child_harms_no_job_of_any_kind() {
    watched("a_panic_in_a_child_harms_no_job", || {
        let stepper = stepper();
        let group = GatherGroup::on(&stepper);
        let key = group.spawn(async { boom("in a child") });
        let other = GatherGroup::on(&stepper);
        let calm = other.spawn(async { 7 });
        stepper.run_until_idle();
        assert_eq!(key.status(), Some(GatherIncomplete::Panicked));
        assert_eq!(other.take_result(calm).ok(), Some(7));
        assert_eq!(stepper.spawned(), 2);
    });
}

// Executors-1
#[test]
fn a_spawner_that_runs_jobs_inside_spawn_runs_children_there() {
    watched("a_spawner_that_runs_jobs_inside_spawn", || {
        let inline = Mischief::honest().inline(100);
        for parallelism in [1, 10] {
            let spawner = HostileSpawner::stepped_by(parallelism, inline, 0);
            let log = Trace::new();
            let trace = log.clone();
            let mut scope = ByHand::new(ingather::on(&spawner).scope(|tg| async move {
                for number in 0..5 {
                    let (inner, trace) = (tg.clone(), trace.clone());
                    drop(tg.spawn(async move {
                        drop(inner.spawn(yields(number)));
                        trace.log(format!("{number}"));
                    }));
                }
            }));
            while scope.poll().is_pending() {
                spawner.step();
            }
            assert_eq!(log.sorted(), ["0", "1", "2", "3", "4"]);
            while spawner.step() {}
            assert_eq!(spawner.jobs(), 0);
            assert!(spawner.spawned() <= parallelism);
        }
    });
}
