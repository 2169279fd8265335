//! Runners: what runs on them, whom they block, and how they end.

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ingather::bridge::{AsyncRunner, AsyncRunnerOptions, RunnerError, ShutdownKind};
use ingather::spawner::{Embedded, Smol};
use ingather::sync::Event;
use ingather::tasks::TaskError;
use ingather::{Spawner, run_sync, scope};
use tokio::runtime::Builder;

use crate::support::{PATIENCE, boom, panic_of, warnings, watched, yield_now};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);

/// A kind of runner, with its name.
type Kind = (&'static str, fn() -> AsyncRunnerOptions);

/// Each kind of runner.
fn each(test: impl Fn(AsyncRunnerOptions)) {
    let kinds: [Kind; 6] = [
        ("one thread", AsyncRunner::builder),
        ("two threads", || AsyncRunner::builder().threads(2)),
        ("tokio", || AsyncRunner::builder().tokio()),
        ("tokio with two", || {
            AsyncRunner::builder().tokio().threads(2)
        }),
        ("the embedded default", || {
            AsyncRunner::builder().on(&Embedded)
        }),
        ("smol", || AsyncRunner::builder().on(&Smol)),
    ];
    for (name, make) in kinds {
        watched(name, || test(make().name(name)));
    }
}

// Bridge-20
#[test]
fn it_runs_tasks_and_gives_what_they_give() {
    each(|options| {
        let runner = options.start().unwrap();
        let task = runner.create_task(async {
            yield_now().await;
            7
        });
        assert_eq!(runner.run(async { 6 }).unwrap(), 6);
        assert_eq!(task.wait().unwrap(), 7);
        assert_eq!(run_sync(runner.create_task(async { 8 })).unwrap(), 8);
        let failed = runner.try_create_task(async { Err::<(), _>("no luck") });
        assert!(matches!(failed.wait(), Err(TaskError::Failed("no luck"))));
        let text = panic_of(|| runner.run(async { boom("there") }).is_ok());
        assert_eq!(text, Some("there"));
        // Many threads at once, and from a scope.
        thread::scope(|threads| {
            for n in 0..8 {
                let runner = &runner;
                threads.spawn(move || assert_eq!(runner.run(async move { n }).unwrap(), n));
            }
        });
        let spawner = runner.spawner();
        let sum = runner.run(async move {
            ingather::on(&spawner)
                .scope(|tg| async move {
                    tg.spawn(async { 20 }).await.unwrap() + tg.spawn(async { 22 }).await.unwrap()
                })
                .await
        });
        assert_eq!(sum.unwrap(), 42);
        assert!(runner.close(LONG).is_clean());
    });
}

// Bridge-20
#[test]
fn all_is_on_its_own_thread() {
    watched("own thread", || {
        let runner = AsyncRunner::start().unwrap();
        assert!(!runner.is_current());
        let there = runner.call(|| thread::current().id()).unwrap();
        let id = || async { thread::current().id() };
        assert_eq!(runner.run(id()).unwrap(), there);
        assert_eq!(runner.create_task(id()).wait().unwrap(), there);
        assert_eq!(runner.run_local(id).unwrap(), there);
        // A scope in a task has its children there as well.
        let child = scope(move |tg| async move { tg.spawn(id()).await.unwrap() });
        assert_eq!(runner.run(child).unwrap(), there);
    });
}

// Bridge-20
#[test]
fn on_its_own_thread_it_does_not_wait_for_itself() {
    watched("itself", || {
        let runner = Arc::new(AsyncRunner::start().unwrap());
        let inside = Arc::clone(&runner);
        let outcome = runner.run(async move {
            assert!(inside.is_current());
            // A closure is called in place.
            assert_eq!(inside.call(|| 7).unwrap(), 7);
            assert!(!inside.turn(LONG));
            let error = inside.run(async { 8 }).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("runner `ingather-runner-") && text.contains(".await"),
                "{text}"
            );
            let future = error.into_inner().unwrap();
            // Sync code there has ground of its own.
            (future.await, run_sync(async { 9 }))
        });
        assert_eq!(outcome.unwrap(), (8, 9));
    });
}

// Bridge-21
#[test]
fn a_call_returns_in_time_and_cancels() {
    each(|options| {
        let runner = options.start().unwrap();
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let future = async move {
            let _held = held;
            pending::<()>().await;
        };
        let run = runner.run_timeout(future, SHORT);
        assert!(matches!(run, Err(RunnerError::TimedOut)));
        assert!(runner.turn(LONG));
        assert!(runner.close(LONG).is_clean());
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

// Bridge-23
#[test]
fn a_turn_is_over_when_all_that_was_ready_had_its_own() {
    watched("turn", || {
        let runner = AsyncRunner::start().unwrap();
        let (tell, told) = channel();
        for n in 0..10 {
            let tell = tell.clone();
            drop(runner.create_task(async move { tell.send(n).unwrap() }));
        }
        assert!(runner.turn(LONG));
        assert_eq!(told.try_iter().count(), 10);
        let gate = Arc::new(Event::new());
        let waits = Arc::clone(&gate);
        let (begin, begun) = channel();
        drop(runner.create_task(async move {
            begin.send(()).unwrap();
            futures::executor::block_on(waits.wait());
        }));
        begun.recv().unwrap();
        assert!(!runner.turn(SHORT), "its thread is blocked");
        gate.set();
        assert!(runner.turn(LONG));
    });
}

// Bridge-24
#[test]
fn local_futures_run_there() {
    each(|options| {
        let runner = options.start().unwrap();
        let sum = runner.run_local(|| async {
            let number = Rc::new(20);
            yield_now().await;
            *number + 22
        });
        assert_eq!(sum.unwrap(), 42);
        let text = panic_of(|| runner.run_local(|| async { boom("local") }).is_ok());
        assert_eq!(text, Some("local"));
        assert!(runner.close(LONG).is_clean());
        let refused = runner.run_local(|| async { 7 }).unwrap_err();
        assert_eq!(run_sync(refused.into_inner().unwrap()()), 7);
    });
}

// Bridge-22
#[test]
fn it_ends_in_order() {
    each(|options| {
        let runner = options.start().unwrap();
        // Clean: what is there has until the deadline.
        let gate = Arc::new(Event::new());
        let waits = Arc::clone(&gate);
        let seen = Arc::new(AtomicBool::new(false));
        let sees = Arc::clone(&seen);
        let last = runner.create_task(async move {
            waits.wait().await;
            sees.store(true, Relaxed);
        });
        gate.set();
        let report = runner.close(LONG);
        assert_eq!(report.kind(), ShutdownKind::Clean, "{report}");
        assert!(last.is_finished());
        assert!(seen.load(Relaxed));
        // What it is given afterwards comes back.
        let Err(RunnerError::Closed(future)) = runner.run(async { 7 }) else {
            panic!("it is closed");
        };
        assert_eq!(run_sync(future), 7);
        assert_eq!(runner.call(|| 8).unwrap_err().into_inner().unwrap()(), 8);
        assert!(runner.spawner().spawn(Box::pin(async {})).is_err());
        assert!(runner.close(LONG).is_clean());
    });
}

// Bridge-22
#[test]
fn what_is_left_is_cancelled_and_named() {
    each(|options| {
        let runner = options.start().unwrap();
        let forever = runner.tasks().named("forever").create_task(pending::<()>());
        let fails = runner.tasks().named("fails").try_create_task(async {
            ingather::current_token().cancelled().await;
            Err::<(), _>("too late")
        });
        drop(fails);
        assert!(runner.turn(LONG));
        let report = runner.close(SHORT);
        assert_eq!(report.kind(), ShutdownKind::Cancelled, "{report}");
        let names: Vec<_> = report
            .cancelled()
            .iter()
            .filter_map(|task| task.name())
            .collect();
        assert_eq!(names, ["forever", "fails"]);
        assert!(forever.wait().unwrap_err().is_cancelled());
    });
}

// Bridge-22
#[test]
fn a_thread_that_is_blocked_for_ever_is_left_behind() {
    watched("blocked for ever", || {
        let runner = AsyncRunner::builder().name("stubborn").start().unwrap();
        let gate = Arc::new(Event::new());
        let waits = Arc::clone(&gate);
        let (begin, begun) = channel();
        let task = runner.tasks().named("digs").create_task(async move {
            begin.send(()).unwrap();
            futures::executor::block_on(waits.wait());
        });
        begun.recv().unwrap();
        let before = Instant::now();
        let report = runner.close(SHORT);
        assert!(before.elapsed() < PATIENCE);
        assert_eq!(report.kind(), ShutdownKind::Stuck);
        assert_eq!(report.stuck()[0].name(), Some("digs"));
        assert_eq!(report.stuck_threads(), ["stubborn-1"]);
        assert!(
            report.to_string().contains("stuck: thread `stubborn-1`"),
            "{report}"
        );
        gate.set();
        drop(task.wait());
    });
}

// Bridge-22
#[test]
fn failures_that_nobody_received_are_in_the_report() {
    watched("failures", || {
        let runner = AsyncRunner::start().unwrap();
        let gate = Arc::new(Event::new());
        let waits = Arc::clone(&gate);
        drop(runner.tasks().named("mail").try_create_task(async move {
            waits.wait().await;
            Err::<(), _>("no address")
        }));
        thread::scope(|threads| {
            threads.spawn(|| {
                // Once it is being closed.
                while !runner.tasks().is_closed() {
                    thread::yield_now();
                }
                gate.set();
            });
            let report = runner.close(LONG);
            assert_eq!(report.kind(), ShutdownKind::Clean);
            assert!(!report.is_clean());
            assert_eq!(report.failures()[0].name(), Some("mail"));
            assert_eq!(
                report.failures()[0].error().unwrap().to_string(),
                "no address"
            );
        });
    });
}

// Bridge-22
#[test]
fn it_is_built_used_and_dropped_in_async_code() {
    fn facade() -> u32 {
        let runner = AsyncRunner::start().unwrap();
        let one = runner.run(async { 1 }).unwrap();
        // A facade in a facade.
        let two = runner.run(async { AsyncRunner::start().unwrap().run(async { 2 }).unwrap() });
        drop(runner.create_task(pending::<()>()));
        one + two.unwrap()
    }
    watched("in async code", || {
        assert_eq!(facade(), 3);
        let single = Builder::new_current_thread().build().unwrap();
        single.block_on(async { assert_eq!(facade(), 3) });
        let many = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let task = many.spawn(async { facade() });
        assert_eq!(many.block_on(task).unwrap(), 3);
        assert_eq!(ingather::block_on(async { facade() }), 3);
        assert_eq!(ingather::create_task(async { facade() }).wait().unwrap(), 3);
    });
}

// Bridge-22
#[test]
fn it_is_dropped_on_a_worker_while_that_runtime_shuts_down() {
    watched("shuts down", || {
        for _ in 0..20 {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .unwrap();
            let runner = AsyncRunner::builder().tokio().start().unwrap();
            let (begin, begun) = channel();
            runtime.spawn(async move {
                let _runner = runner;
                begin.send(()).unwrap();
                pending::<()>().await;
            });
            begun.recv().unwrap();
            drop(runtime);
        }
    });
}

// Bridge-20
#[test]
fn a_job_that_panics_leaves_it_fit() {
    for builder in [AsyncRunner::builder(), AsyncRunner::builder().tokio()] {
        watched("fit", || {
            let runner = builder.start().unwrap();
            runner
                .spawner()
                .spawn(Box::pin(async { boom("a job") }))
                .unwrap();
            assert_eq!(runner.run(async { 7 }).unwrap(), 7);
            assert!(runner.close(LONG).is_clean());
        });
    }
}

// Bridge-22
#[test]
fn the_last_reference_may_go_on_its_own_thread() {
    watched("own end", || {
        let runner = Arc::new(AsyncRunner::start().unwrap());
        let (tell, told) = channel();
        let inside = Arc::clone(&runner);
        let (go, goes) = futures::channel::oneshot::channel::<()>();
        drop(runner.create_task(async move {
            let _ = goes.await;
            drop(inside);
            tell.send(()).unwrap();
        }));
        drop(runner);
        drop(go);
        told.recv_timeout(PATIENCE).unwrap();
    });
}

// Bridge-21
#[test]
fn a_value_that_comes_as_the_time_is_over_is_given_once() {
    watched("same instant", || {
        let runner = AsyncRunner::start().unwrap();
        for n in 0..300_u32 {
            let (tell, told) = futures::channel::oneshot::channel();
            let mut task = runner.create_task(async move { told.await.unwrap() });
            let limit = Duration::from_micros(u64::from(n % 100));
            let sends = thread::spawn(move || {
                let before = Instant::now();
                while before.elapsed() < limit {
                    std::hint::spin_loop();
                }
                tell.send(n).unwrap();
            });
            let value = match task.wait_timeout(limit) {
                Some(value) => value,
                None => task.wait(),
            };
            assert_eq!(value.unwrap(), n);
            sends.join().unwrap();
        }
    });
}

// Bridge-25
#[test]
fn too_many_are_warned_of() {
    watched("too many", || {
        AsyncRunner::warn_above(0);
        let (runner, said) = warnings::of(|| AsyncRunner::start().unwrap());
        AsyncRunner::warn_above(500);
        assert!(
            said.iter()
                .any(|text| text.contains("runners, each with threads of its own")),
            "{said:?}"
        );
        drop(runner);
    });
}
