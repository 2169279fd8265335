//! Runners that end while something of theirs is under way: tasks, groups on their spawner, and local futures.

use std::future::pending;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ingather::bridge::{AsyncRunner, AsyncRunnerOptions, RunnerError, ShutdownKind};
use ingather::spawner::{Embedded, Smol};
use ingather::tasks::{TaskError, TaskRegistry};
use ingather::{run_sync, shield};

use crate::support::{AtDrop, Gate, boom, panic_of, watched, yield_now};

type Make = fn() -> AsyncRunnerOptions;

/// Those with threads of their own, which end with the runner.
const WITH_THREADS: [(&str, Make); 4] = [
    ("one thread", AsyncRunner::builder),
    ("two threads", || AsyncRunner::builder().threads(2)),
    ("tokio", || AsyncRunner::builder().tokio()),
    ("tokio with two", || {
        AsyncRunner::builder().tokio().threads(2)
    }),
];

/// Those on the threads of others.
const ON_OTHERS: [(&str, Make); 2] = [
    ("the embedded default", || {
        AsyncRunner::builder().on(&Embedded)
    }),
    ("smol", || AsyncRunner::builder().on(&Smol)),
];

fn each_with_threads(test: impl Fn(Make)) {
    for (name, make) in WITH_THREADS {
        watched(name, || test(make));
    }
}

fn each(test: impl Fn(Make)) {
    for (name, make) in WITH_THREADS.into_iter().chain(ON_OTHERS) {
        watched(name, || test(make));
    }
}

// Bridge-22, Executors-1, Tasks-2
#[test]
fn what_others_have_on_its_spawner_is_abandoned_with_its_threads() {
    each_with_threads(|make| {
        let runner = make().start().unwrap();
        let registry = TaskRegistry::on(&runner.spawner());
        let (begun, waits) = (Gate::new(), Gate::new());
        let begins = begun.clone();
        let task = registry.create_task(async move {
            begins.open();
            waits.wait().await;
        });
        begun.block();
        drop(runner.close(Duration::ZERO));
        drop(runner);
        assert!(matches!(task.wait(), Err(TaskError::Cancelled(_))));
        let late = registry.create_task(async {});
        assert!(matches!(late.wait(), Err(TaskError::Cancelled(_))));
    });
}

// Bridge-22
#[test]
fn closed_on_its_own_thread_it_ends_when_its_tasks_are_over() {
    each_with_threads(|make| {
        for drops in [false, true] {
            let runner = Arc::new(make().start().unwrap());
            let (gate, begun, closed) = (Gate::new(), Gate::new(), Gate::new());
            let (waits, begins) = (gate.clone(), begun.clone());
            let shielded = runner.create_task(shield(async move {
                begins.open();
                waits.wait().await;
                7
            }));
            begun.block();
            let (own, closes) = (Arc::clone(&runner), closed.clone());
            let close = runner.create_task(async move {
                if drops {
                    // The last is here.
                    while Arc::strong_count(&own) > 1 {
                        yield_now().await;
                    }
                } else {
                    drop(own.close(Duration::ZERO));
                }
                drop(own);
                closes.open();
            });
            drop((close, runner));
            closed.block();
            gate.open();
            assert!(matches!(shielded.wait(), Ok(7)));
        }
    });
}

// Bridge-22, Panics-3, Panics-4
#[test]
fn a_local_future_that_panics_in_its_drop_panics_its_caller() {
    each(|make| {
        for _ in 0..5 {
            let runner = make().start().unwrap();
            let begun = Gate::new();
            thread::scope(|threads| {
                let (runner, begins) = (&runner, begun.clone());
                let caller = threads.spawn(move || {
                    panic_of(|| {
                        let ran = runner.run_local(move || async move {
                            let _bomb = AtDrop(Some(|| boom("in the drop")));
                            begins.open();
                            pending::<()>().await;
                        });
                        ran.is_ok()
                    })
                });
                begun.block();
                drop(runner.close(Duration::ZERO));
                assert_eq!(caller.join().unwrap(), Some("in the drop"));
            });
        }
    });
}

// Bridge-22
#[test]
fn a_local_future_that_is_stuck_is_named() {
    each(|make| {
        let runner = make().start().unwrap();
        let (begun, gate) = (Gate::new(), Gate::new());
        thread::scope(|threads| {
            let (runner, begins, blocks) = (&runner, begun.clone(), gate.clone());
            let caller = threads.spawn(move || {
                runner.run_local(move || async move {
                    begins.open();
                    blocks.block();
                    7
                })
            });
            begun.block();
            let report = runner.close(Duration::ZERO);
            assert_eq!(
                (report.kind(), report.stuck().len()),
                (ShutdownKind::Stuck, 1)
            );
            gate.open();
            let ended = caller.join().unwrap();
            assert!(matches!(ended, Ok(7) | Err(RunnerError::Cancelled(_))));
        });
    });
}

// Bridge-22
#[test]
fn a_local_future_is_run_or_given_back_while_it_closes() {
    each(|make| {
        for _ in 0..20 {
            let runner = make().start().unwrap();
            thread::scope(|threads| {
                let caller = threads.spawn(|| match runner.run_local(|| async { 7 }) {
                    Ok(seven) => seven,
                    Err(RunnerError::Closed(make)) => run_sync(make()),
                    Err(other) => panic!("{other}"),
                });
                drop(runner.close(Duration::from_secs(60)));
                assert_eq!(caller.join().unwrap(), 7);
            });
        }
    });
}
