//! `TestExecutor`: deadlocks, livelocks and leaks, and what is said of them.

use std::future::{Future, pending, poll_fn};
use std::mem::forget;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingather::clock::{Clock, sleep};
use ingather::testing::{TestExecutor, Trace, yield_now};
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, Key, Spawner, scope};

use super::{assert_has, panic_text};
use crate::support::{AtOnce, ByHand, Gate, watched};

/// Two children, each of which awaits the other's key.
async fn each_waits_for_the_other() {
    type Slot = Arc<Mutex<Option<Key<()>>>>;
    async fn waits(other: Slot) {
        let key = poll_fn(|cx| {
            let key = other.lock().unwrap().take();
            if key.is_none() {
                cx.waker().wake_by_ref();
            }
            key.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        });
        let _: Result<(), GatherIncomplete> = key.await.await;
    }
    let options = GroupOptions::new().name("diners");
    options
        .scope(|tg| async move {
            let forks: [Slot; 2] = Default::default();
            let key = tg.named("plato").spawn(waits(Arc::clone(&forks[1])));
            *forks[0].lock().unwrap() = Some(key);
            let key = tg.named("socrates").spawn(waits(Arc::clone(&forks[0])));
            *forks[1].lock().unwrap() = Some(key);
        })
        .await;
}

// Testing-11
#[test]
fn two_that_wait_for_each_other_are_named() {
    for seed in 0..50 {
        let text = panic_text(|| TestExecutor::run(seed, each_waits_for_the_other()));
        assert_has(
            &text,
            &[
                "deadlock: nothing is ready, no thread holds the clock, no timer is set",
                "group `diners` opened at ",
                "reports.rs",
                "child `plato`",
                "awaits the child `socrates`",
                "child `socrates`",
                "awaits the child `plato`",
                &format!("`TestExecutor::run({seed}, ..)`"),
            ],
        );
    }
    let text = panic_text(|| TestExecutor::new().block_on(each_waits_for_the_other()));
    assert!(!text.contains("seed"), "{text}");
}

// Testing-11
#[test]
fn whom_the_main_future_and_a_body_await_is_said() {
    let text = panic_text(|| {
        TestExecutor::new().block_on(async {
            let group = GatherGroup::new();
            let over = group.named("is over").spawn(async {});
            over.await.unwrap();
            let key = group.named("never").spawn(pending::<()>());
            let _ = key.await;
        });
    });
    assert_has(
        &text,
        &["the future of `block_on` awaits the child `never`"],
    );
    assert!(!text.contains("is over`"), "{text}");

    let text = panic_text(|| {
        TestExecutor::new().block_on(scope(|tg| async move {
            let _ = tg.named("over").spawn(async {}).await;
            let _ = tg.named("never").spawn(pending::<()>()).await;
        }));
    });
    assert_has(&text, &["whose body awaits the child `never`"]);
}

// Testing-11
#[test]
fn a_child_waits_no_more_for_one_that_is_over() {
    let text = panic_text(|| {
        TestExecutor::new().block_on(scope(|tg| async move {
            let short = tg.named("short").spawn(yield_now());
            tg.named("long").spawn(async move {
                let _ = short.await;
                pending::<()>().await;
            });
        }));
    });
    assert_has(&text, &["child `long`"]);
    assert!(!text.contains("awaits"), "{text}");
}

// Testing-11
#[test]
fn nobody_is_said_to_await_a_child_that_is_over() {
    let text = panic_text(|| {
        TestExecutor::new().block_on(scope(|tg| async move {
            tg.named("long").spawn(pending::<()>());
            let _ = tg.named("short").spawn(yield_now()).await;
            pending::<()>().await;
        }));
    });
    assert_has(&text, &["child `long`"]);
    assert!(!text.contains("awaits"), "{text}");

    let text = panic_text(|| {
        TestExecutor::new().block_on(async {
            let group = GatherGroup::new();
            group.named("long").spawn(pending::<()>());
            let _ = group.named("short").spawn(yield_now()).await;
            pending::<()>().await;
        });
    });
    assert_has(&text, &["child `long`"]);
    assert!(!text.contains("awaits"), "{text}");
}

// Testing-11
#[test]
fn other_jobs_are_counted() {
    let executor = TestExecutor::seeded(5);
    for _ in 0..3 {
        executor.spawn(Box::pin(pending())).unwrap();
    }
    let text = panic_text(|| executor.block_on(pending::<()>()));
    assert_has(&text, &["3 jobs of the executor are not over", "seed 5"]);
    assert_eq!(executor.jobs(), 3);
    assert!(!executor.is_current());
}

// Testing-12
#[test]
fn too_many_polls_without_time_are_a_livelock() {
    async fn spins() {
        loop {
            yield_now().await;
        }
    }
    let executor = || TestExecutor::seeded(9).with_step_limit(1000);
    let text = panic_text(|| executor().block_on(spins()));
    let last = "livelock: 1000 polls and the clock has not moved; the last was of the future of `block_on`";
    assert_has(&text, &[last, "seed 9"]);

    let text = panic_text(|| {
        executor().block_on(scope(|tg| async move {
            tg.named("spinner").spawn(spins());
        }));
    });
    assert_has(&text, &["livelock", "child `spinner`"]);

    let jobs = executor();
    jobs.spawn(Box::pin(spins())).unwrap();
    assert_has(
        &panic_text(|| jobs.run_until_idle()),
        &["the last was of job 1"],
    );
    let text = panic_text(|| jobs.advance(Duration::from_secs(1)));
    assert_has(&text, &["livelock"]);

    // With time passing, any number will do.
    executor().block_on(async {
        for _ in 0..3000 {
            sleep(Duration::from_nanos(1)).await;
        }
    });
}

/// What the leak check says of what a future leaves behind.
fn leak<F: Future>(future: impl FnOnce(TestExecutor) -> F) -> String {
    let executor = TestExecutor::seeded(4);
    let inner = executor.clone();
    let text = panic_text(|| executor.block_on(async { drop(future(inner).await) }));
    assert_has(&text, &["leaks: ", "`allow_leaks()`", "seed 4"]);
    text
}

// Testing-13
#[test]
fn each_kind_of_leak_is_found() {
    watched(module_path!(), || {
        let text = leak(|_| async {
            let group = GatherGroup::new();
            group.named("forgotten").spawn(pending::<()>());
            forget(group);
        });
        assert_has(&text, &["child `forgotten`", "reports.rs"]);

        let text = leak(|_| async {
            let mut scope = Box::pin(scope(|tg| async move {
                tg.named("in a scope").spawn(pending::<()>());
                pending::<()>().await;
            }));
            assert!(scope.as_mut().at_once().is_none());
            forget(scope);
        });
        assert_has(&text, &["child `in a scope`"]);

        let text = leak(|_| async {
            let group = GatherGroup::new();
            forget(group.spawn(async { 5 }));
            group.join().await;
        });
        assert_has(&text, &["1 result is kept"]);

        let text = leak(|executor| async move {
            executor.spawn(Box::pin(pending())).unwrap();
            executor.spawn(Box::pin(pending())).unwrap();
        });
        assert_has(&text, &["2 jobs are not over"]);

        let text = leak(|executor| async move {
            let clock = executor.clock().unwrap();
            let mut timer = ByHand::new(clock.timer(clock.now() + Duration::from_secs(1)));
            assert!(timer.poll().is_pending());
            forget(timer);
        });
        assert_has(&text, &["1 timer is set"]);

        let gate = Gate::new();
        let text = leak(|executor| {
            let gate = gate.clone();
            async move { drop(executor.blocking(move || gate.block())) }
        });
        assert_has(&text, &["1 thread of `blocking` is at work"]);
        gate.open();

        let text = leak(|executor| async move { forget(executor.hold_clock()) });
        assert_has(&text, &["1 guard holds the clock"]);
    });
}

// Testing-13
#[test]
fn what_comes_to_its_end_is_no_leak() {
    watched(module_path!(), || {
        for seed in 0..200 {
            let executor = TestExecutor::seeded(seed);
            executor.block_on(async {
                // A job that is ready when the future is over is let go home.
                executor.spawn(Box::pin(yield_now())).unwrap();
                scope(|tg| async move {
                    let keys = [1, 2, 3].map(|n| tg.spawn(async move { n }));
                    let group = GatherGroup::new();
                    drop(group.spawn(yield_now()));
                    let (_, left) = (group.next_if_any().await, group);
                    drop(left);
                    for key in keys {
                        key.await.unwrap();
                    }
                })
                .await;
                drop(executor.hold_clock());
                if seed == 0 {
                    executor.blocking(|| ()).await;
                }
            });
            assert_eq!(executor.jobs(), 0);
        }
    });
}

// Testing-13
#[test]
fn leaks_can_be_allowed_and_do_not_hide_a_panic() {
    let leaky = |executor: TestExecutor| {
        let inner = executor.clone();
        executor.block_on(async move { inner.spawn(Box::pin(pending())).unwrap() });
    };
    leaky(TestExecutor::new().allow_leaks());
    leaky(TestExecutor::new().with_leak_check(false));
    assert_has(
        &panic_text(|| leaky(TestExecutor::new())),
        &["1 job is not over"],
    );

    let executor = TestExecutor::new();
    let inner = executor.clone();
    let text = panic_text(|| {
        executor.block_on(async move {
            inner.spawn(Box::pin(pending())).unwrap();
            panic!("the real trouble");
        })
    });
    assert_eq!(text, "the real trouble");
}

// Testing-13
#[test]
fn the_output_is_dropped_before_a_leak_is_told() {
    let trace = Trace::new();
    let executor = TestExecutor::new();
    let text = panic_text(|| {
        executor.block_on(async {
            executor.spawn(Box::pin(pending())).unwrap();
            trace.at_drop("output")
        })
    });
    assert_has(&text, &["leaks"]);
    trace.assert(["output"]);
}
