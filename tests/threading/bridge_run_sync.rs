//! `run_sync`: time limits, unwinding, locks around waits, who is blocked, and what is said of it.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use ingather::bridge::{RunSync, RunSyncError, Whereabouts};
use ingather::spawner::{Embedded, enter};
use ingather::sync::Event;
use ingather::tasks::create_named_task;
use ingather::{ContextVar, TaskRegistry, current_token, parallel, run_sync, scope};
use tokio::runtime::{Builder, Runtime};

use crate::support::{PATIENCE, boom, panic_of, warnings, watched, yield_now};

fn single() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

const SHORT: Duration = Duration::from_millis(5);

/// Calls a function when it is dropped.
struct AtDrop<F: Fn()>(F);

impl<F: Fn()> Drop for AtDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

// Bridge-14
#[test]
fn a_time_limit_drops_the_future_here() {
    watched("time limit", || {
        let here = thread::current().id();
        let dropped = Cell::new(None);
        let future = async {
            let _at_drop = AtDrop(|| dropped.set(Some(thread::current().id())));
            pending::<()>().await;
        };
        let run = RunSync::new().timeout(SHORT).run(future);
        assert!(matches!(run, Err(RunSyncError::TimedOut)));
        assert_eq!(dropped.get(), Some(here));
    });
}

// Bridge-14
#[test]
fn a_time_limit_ends_what_always_wakes_itself() {
    watched("time limit, woken", || {
        let restless = poll_fn(|cx| -> Poll<()> {
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        let run = RunSync::new().timeout(SHORT).run(restless);
        assert!(matches!(run, Err(RunSyncError::TimedOut)));
    });
}

// Bridge-14
#[test]
fn what_is_ready_at_the_last_instant_counts() {
    watched("last instant", || {
        for _ in 0..50 {
            // Nobody wakes it: it is ready when it is polled for the last time.
            let polls = Cell::new(0);
            let future = poll_fn(|_| {
                polls.set(polls.get() + 1);
                match polls.get() {
                    1 => Poll::Pending,
                    _ => Poll::Ready(7),
                }
            });
            let run = RunSync::new()
                .timeout(Duration::from_micros(100))
                .run(future);
            assert_eq!(run.unwrap(), 7);
        }
    });
}

// Bridge-14
#[test]
fn a_call_that_unwinds_drops_what_borrows_before_what_is_borrowed() {
    watched("unwinds", || {
        let order = RefCell::new(Vec::new());
        let text = panic_of(|| {
            let _outer = AtDrop(|| order.borrow_mut().push("what is borrowed"));
            let numbers = vec![1, 2, 3];
            let work = async {
                let _inner = AtDrop(|| order.borrow_mut().push("the work"));
                pending::<()>().await;
                let _ = &numbers;
            };
            let interrupt = || boom("interrupted");
            drop(RunSync::new().around_wait(interrupt, || {}).run(work));
        });
        assert_eq!(text, Some("interrupted"));
        assert_eq!(*order.borrow(), ["the work", "what is borrowed"]);
    });
}

// Bridge-17
#[test]
fn a_lock_is_let_go_of_around_each_wait() {
    watched("around the wait", || {
        let steps = RefCell::new(Vec::new());
        let event = Arc::new(Event::new());
        let sets = Arc::clone(&event);
        let go = Arc::new(Event::new());
        let goes = Arc::clone(&go);
        let other = thread::spawn(move || {
            goes.wait_blocking();
            sets.set();
        });
        let future = async {
            steps.borrow_mut().push("polled");
            go.set();
            event.wait().await;
            steps.borrow_mut().push("ready");
        };
        let run = RunSync::new()
            .around_wait(
                || steps.borrow_mut().push("let go"),
                || steps.borrow_mut().push("taken"),
            )
            .run(future);
        run.unwrap();
        other.join().unwrap();
        let steps = steps.into_inner();
        assert_eq!(
            (steps.first(), steps.last()),
            (Some(&"polled"), Some(&"ready"))
        );
        // It may have come before the wait. In between they come in pairs.
        for pair in steps[1..steps.len() - 1].chunks(2) {
            assert_eq!(pair, ["let go", "taken"]);
        }
        // No wait, and nothing is let go of.
        let never = || unreachable!("it is ready");
        RunSync::new()
            .around_wait(never, never)
            .run(ready(()))
            .unwrap();
    });
}

// Bridge-15
#[test]
fn no_job_of_somebody_else_is_run_on_top() {
    watched("on top", || {
        // Each job notes on whose stack it lies.
        thread_local! {
            static DEPTH: Cell<usize> = const { Cell::new(0) };
        }
        let deepest = Arc::new(AtomicUsize::new(0));
        let registry = TaskRegistry::on(&Embedded);
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let deepest = Arc::clone(&deepest);
                registry.create_task(async move {
                    DEPTH.set(DEPTH.get() + 1);
                    deepest.fetch_max(DEPTH.get(), Ordering::Relaxed);
                    let turns = async {
                        for _ in 0..3 {
                            ingather::clock::sleep(Duration::from_micros(50)).await;
                        }
                    };
                    run_sync(turns);
                    DEPTH.set(DEPTH.get() - 1);
                })
            })
            .collect();
        for task in tasks {
            run_sync(task).unwrap();
        }
        assert_eq!(deepest.load(Ordering::Relaxed), 1);
    });
}

// Bridge-15
#[test]
fn two_hundred_blocked_jobs_wait_for_one() {
    watched("two hundred", || {
        let gate = Arc::new(Event::new());
        let registry = TaskRegistry::on(&Embedded);
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let gate = Arc::clone(&gate);
                registry.create_task(async move { run_sync(gate.wait()) })
            })
            .collect();
        registry.create_task(async move { gate.set() });
        for task in tasks {
            run_sync(task).unwrap();
        }
    });
}

// Bridge-12
#[test]
fn the_place_the_context_and_the_spawner_are_those_of_the_caller() {
    static USER: ContextVar<&str> = ContextVar::named("user");
    watched("context", || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let registry = TaskRegistry::on(runtime.handle());
        let task = registry.create_task(USER.scope("Ada", async {
            let token = current_token();
            run_sync(async {
                yield_now().await;
                assert_eq!(USER.get(), Some("Ada"));
                assert!(current_token().same_as(&token));
                let child = scope(|tg| async move {
                    let current = || ingather::spawner::try_current_spawner().is_some();
                    tg.spawn(async move { (USER.get(), current()) })
                        .await
                        .unwrap()
                });
                assert_eq!(child.await, (Some("Ada"), true));
            });
        }));
        task.wait().unwrap();
    });
}

// Bridge-12
#[test]
fn a_spawner_that_is_named_is_current_and_entered() {
    watched("named", || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let run = RunSync::new().on(&handle).run(async {
            assert_eq!(tokio::runtime::Handle::current().id(), handle.id());
            tokio::time::sleep(Duration::from_millis(1)).await;
            let spawned = tokio::spawn(async { thread::current().name().map(str::to_owned) });
            let in_scope = scope(|tg| async move {
                tg.spawn(async { tokio::time::sleep(Duration::from_millis(1)).await })
                    .await
            });
            in_scope.await.unwrap();
            spawned.await.unwrap()
        });
        assert!(run.unwrap().is_some_and(|name| name.contains("tokio")));
        assert!(tokio::runtime::Handle::try_current().is_err());
    });
}

// Bridge-13
#[test]
fn each_place_is_warned_of_once() {
    fn call() {
        run_sync(ready(()));
    }
    watched("warnings", || {
        let ((), said) = warnings::of(|| {
            single().block_on(async {
                (0..5).for_each(|_| call());
                run_sync(yield_now());
            });
        });
        assert_eq!(said.len(), 2, "{said:?}");
        for text in &said {
            assert!(text.contains("a current-thread tokio runtime"), "{text}");
            assert!(
                text.contains(file!()) && text.contains("`.await`"),
                "{text}"
            );
        }
        let ((), said) = warnings::of(|| {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .unwrap();
            runtime.block_on(async { call() });
            call();
        });
        assert_eq!(said.len(), 0, "{said:?}");
    });
}

// Bridge-18
#[test]
fn what_waits_in_silence_is_named() {
    watched("silence", || {
        let (run, said) = warnings::of(|| {
            let run = RunSync::new().timeout(Duration::from_millis(1_300));
            run.run(pending::<()>())
        });
        assert!(matches!(run, Err(RunSyncError::TimedOut)));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].contains(file!()) && said[0].contains("on thread"),
            "{said:?}"
        );
    });
}

// Bridge-26
#[test]
fn code_knows_where_it_runs() {
    watched("whereabouts", || {
        let here = thread::Builder::new().name("somebody".into());
        let plain = here.spawn(|| Whereabouts::current().to_string()).unwrap();
        assert_eq!(plain.join().unwrap(), "on thread `somebody`");
        let task = create_named_task("fetch", async { Whereabouts::current() });
        let place = task.wait().unwrap();
        assert_eq!(place.child().and_then(|child| child.name()), Some("fetch"));
        assert_eq!(place.serves(), Some("the embedded default"));
        assert!(
            place
                .group()
                .is_some_and(|group| group.contains("a group opened at"))
        );
        let place = single().block_on(async { Whereabouts::current() });
        assert_eq!(place.serves(), Some("a current-thread tokio runtime"));
        let runtime = single();
        let _current = enter(runtime.handle());
        assert!(
            Whereabouts::current()
                .spawner()
                .is_some_and(|name| name.contains("Handle"))
        );
        let runner = ingather::bridge::AsyncRunner::builder()
            .name("mail")
            .start()
            .unwrap();
        let place = runner.call(Whereabouts::current).unwrap();
        assert_eq!(place.runner(), Some("mail"));
        assert!(
            place.to_string().contains("which is runner `mail`'s"),
            "{place}"
        );
    });
}

// Bridge-12
#[test]
fn nested_calls_and_blocking_scopes_lie_in_each_other() {
    watched("nested", || {
        let sum = parallel::on(&Embedded).scope(|tg| {
            let key = tg.spawn(async {
                run_sync(async {
                    yield_now().await;
                    parallel::on(&Embedded).scope(|tg| {
                        let inner = tg.spawn(async { run_sync(async { 20 }) });
                        tg.wait(inner).unwrap()
                    })
                })
            });
            tg.wait(key).unwrap() + 22
        });
        assert_eq!(sum, 42);
    });
}

// Bridge-12
#[test]
fn a_thousand_threads_call_at_once() {
    watched("a thousand threads", || {
        let go = Arc::new(Event::new());
        let gate = Arc::clone(&go);
        let threads: Vec<_> = (0..1_000_u32)
            .map(|n| {
                let gate = Arc::clone(&gate);
                let thread = thread::Builder::new().stack_size(256 * 1024);
                let call = move || {
                    gate.wait_blocking();
                    let child =
                        scope(|tg| async move { tg.spawn(async move { n }).await.unwrap() });
                    let on_runner = RunSync::new().on_runner().run(async move { n }).unwrap();
                    run_sync(child) + on_runner
                };
                thread.spawn(call).unwrap()
            })
            .collect();
        go.set();
        for (n, thread) in (0..).zip(threads) {
            assert_eq!(thread.join().unwrap(), 2 * n);
        }
    });
}

// Bridge-13
#[test]
fn a_runtime_goes_on_once_the_call_has_returned() {
    watched("goes on", || {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sees = Arc::clone(&seen);
        single().block_on(async move {
            let other = Arc::clone(&sees);
            let task = tokio::spawn(async move { other.lock().unwrap().push("task") });
            run_sync(ingather::clock::sleep(Duration::from_millis(2)));
            sees.lock().unwrap().push("call");
            tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
            // Timers made before and after go on.
            tokio::time::sleep(Duration::from_millis(1)).await;
        });
        assert_eq!(*seen.lock().unwrap(), ["call", "task"]);
    });
}

// Bridge-16
#[test]
fn the_other_form_returns_in_time_from_what_blocks_its_thread() {
    watched("returns in time", || {
        let gate = Arc::new(Event::new());
        let waits = Arc::clone(&gate);
        let before = Instant::now();
        let run = RunSync::new()
            .timeout(SHORT)
            .new_thread()
            .run(async move { waits.wait_blocking() });
        assert!(run.is_err());
        assert!(before.elapsed() < PATIENCE);
        gate.set();
        let text = panic_of(|| {
            RunSync::new()
                .on_runner()
                .run(async { boom("there") })
                .is_ok()
        });
        assert_eq!(text, Some("there"));
        let task = RunSync::new().on_runner().detach(async { 7 }).unwrap();
        assert_eq!(run_sync(task).unwrap(), 7);
    });
}
