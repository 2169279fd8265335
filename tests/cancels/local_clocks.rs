//! The clocks of local spawners: which counts where, and what goes by it.

use std::future::{Future, pending};
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use ingather::cancel::CancelKind;
use ingather::clock::{Clock, ClockHandle, current_clock, now, sleep};
use ingather::spawner::{LocalJob, SpawnError, SpawnerHandle, enter};
use ingather::testing::TestExecutor;
use ingather::{
    Deadline, LocalSpawner, block_on, current_token, inline, local, parallel, run_sync, timeout,
};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::support::{
    ByHand, HOUR, MOMENT, SECOND, Wound, kind, panic_text, until, watched, yield_now, yields,
};

/// An executor of one thread that goes by a clock which is wound by hand, or names none.
#[derive(Clone)]
struct Wrist {
    executor: Rc<LocalExecutor<'static>>,
    clock: Option<Wound>,
}

impl LocalSpawner for Wrist {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.executor.spawn_local(job)
    }

    fn clock(&self) -> Option<ClockHandle> {
        self.clock.clone().map(ClockHandle::new)
    }
}

impl Wrist {
    fn new(clock: Option<Wound>) -> Self {
        let executor = Rc::new(LocalExecutor::new());
        Self { executor, clock }
    }
}

/// Runs a test inside of such an executor, and once more with the body polled outside of it.
fn run<F: Future<Output = ()>>(test: impl Fn(Wrist, Wound) -> F) {
    let test = || {
        let clock = Wound::new();
        let wrist = Wrist::new(Some(clock.clone()));
        let executor = Rc::clone(&wrist.executor);
        (executor, test(wrist, clock))
    };
    watched(module_path!(), || {
        let (executor, inside) = test();
        block_on(executor.run(inside));
        let (executor, outside) = test();
        let mut outside = ByHand::new(outside);
        while outside.poll().is_pending() {
            while executor.try_tick() {}
        }
    });
}

// Time-1
#[test]
fn the_clock_of_a_local_spawner_counts_in_body_and_children() {
    run(|wrist, clock| async move {
        let start = clock.now();
        let inner = clock.clone();
        let scope = local::on(&wrist).scope(|tg| async move {
            assert_eq!(now(), start);
            let child = tg.spawn(async move {
                assert_eq!(now(), start);
                sleep(HOUR).await;
                timeout(HOUR, pending::<()>()).await.unwrap_err();
                now() - start
            });
            // An inline scope leaves all as it is.
            assert_eq!(inline::scope(|_| async { now() }).await, start);
            inner.until_waiting(1).await;
            inner.wind(HOUR);
            inner.until_waiting(1).await;
            inner.wind(HOUR);
            child.await
        });
        assert_eq!(scope.await, Ok(2 * HOUR));
        assert_ne!(now(), clock.now(), "here no clock was named");
    });
}

// Time-1
#[test]
fn the_innermost_spawner_that_names_a_clock_counts() {
    run(|wrist, clock| async move {
        let current = Wound::new();
        let by_current = current.on(&SpawnerHandle::new(TestExecutor::new()));
        current.wind(HOUR);
        let plain = Wrist::new(None);
        let executor = Rc::clone(&plain.executor);
        let _entered = enter(&by_current);
        assert_eq!(now(), current.now());
        let scope = local::on(&wrist).scope(|_| async move {
            assert_eq!(now(), clock.now(), "in front of the current spawner");
            let nested = local::on(&plain).scope(|tg| async move {
                assert_eq!(now(), clock.now(), "one without a clock hides none");
                tg.spawn(async move { now() == clock.now() }).await
            });
            assert_eq!(executor.run(nested).await, Ok(true));
            {
                let _entered = enter(&by_current);
                assert_eq!(now(), current.now(), "entered inside");
            }
            // A body of a spawner's group is that spawner's.
            let body = ingather::on(&by_current).scope(|_| async { now() });
            assert_eq!(body.await, current.now());
        });
        scope.await;
    });
}

// Time-1, Deadlines-1
#[test]
fn deadlines_and_graces_of_a_local_group_go_by_its_clock() {
    run(|wrist, clock| async move {
        // Opened where another clock counts, and nobody polls it.
        let group = local::on(&wrist).timeout(SECOND).group();
        let key = group.spawn(pending::<()>());
        clock.wind(SECOND);
        assert!(group.is_cancelled(), "with the clock");
        assert_eq!(group.join().await.cancelled, 1);
        assert_eq!(kind(&key), Some(CancelKind::Deadline));

        // A deadline that was set later, from outside.
        let group: local::GatherGroup = local::on(&wrist).group();
        group.set_deadline(clock.now() + SECOND);
        assert_eq!(clock.waiting(), 1);
        clock.wind(SECOND);
        assert!(group.is_cancelled());

        // The grace of the group, and that of one child of a group that has none.
        for of_group in [true, false] {
            let options = local::on(&wrist);
            let group = if of_group {
                options.grace(SECOND).group()
            } else {
                options.group()
            };
            let child = group.child();
            let child = if of_group { child } else { child.grace(SECOND) };
            let key = child.spawn(async {
                current_token().cancelled().await;
                pending::<()>().await;
            });
            yields(5).await;
            group.cancel();
            yields(5).await;
            assert!(!key.is_finished());
            assert_eq!(clock.waiting(), 1);
            clock.wind(SECOND);
            until(|| key.is_finished()).await;
            drop(group);
        }
        assert_eq!(clock.waiting(), 0);
    });
}

// Time-1
#[test]
fn a_nested_local_group_has_the_clock_of_its_own_spawner() {
    run(|wrist, clock| async move {
        let other = Wound::new();
        let inner = Wrist::new(Some(other.clone()));
        let scope = local::on(&wrist).scope(|tg| async move {
            other.wind(HOUR);
            let key = tg.spawn(async move {
                let executor = Rc::clone(&inner.executor);
                let seen = other.clone();
                let nested = local::on(&inner).scope(|tg| async move {
                    assert_eq!(now(), seen.now());
                    tg.spawn(async { now() }).await
                });
                assert_eq!(executor.run(nested).await, Ok(other.now()));
                now()
            });
            assert_eq!(key.await, Ok(clock.now()));
        });
        scope.await;
    });
}

// Time-1
#[test]
fn a_call_that_blocks_the_thread_does_not_wait_for_the_clock_of_its_local_spawner() {
    run(|wrist, clock| async move {
        let scope = local::on(&wrist).scope(|tg| async move {
            let key = tg.spawn(async {
                run_sync(async {
                    sleep(MOMENT).await;
                    timeout(MOMENT, pending::<()>()).await.unwrap_err();
                });
                let options = parallel::on(&ingather::spawner::Embedded).timeout(MOMENT);
                let cut = options.scope_or_cut(|tg| {
                    tg.spawn(pending::<()>());
                    assert!(Deadline::after(Duration::ZERO).is_over());
                });
                assert!(cut.unwrap_err().is_timeout());
            });
            key.await
        });
        assert_eq!(scope.await, Ok(()));
        assert_eq!(clock.made(), 0);
    });
}

// Time-1
#[test]
fn a_local_set_goes_by_the_clock_of_its_runtime() {
    watched(module_path!(), || {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let set = Rc::new(LocalSet::new());
        let begin = Instant::now();
        set.block_on(&runtime, async {
            let start = tokio::time::Instant::now();
            let scope = local::on(&set).scope(|tg| async move {
                let key = tg.spawn(async {
                    sleep(HOUR).await;
                    timeout(HOUR, pending::<()>()).await.unwrap_err();
                });
                key.await
            });
            assert_eq!(scope.await, Ok(()));
            assert_eq!(start.elapsed(), 2 * HOUR);
            let cut = local::on(&set).timeout(HOUR).scope_or_cut(|tg| async move {
                tg.spawn(pending::<()>());
            });
            assert!(cut.await.unwrap_err().is_timeout());
            assert_eq!(start.elapsed(), 3 * HOUR);
        });
        assert!(begin.elapsed() < HOUR);
        assert!(
            LocalSpawner::clock(&set).is_none(),
            "outside of the runtime"
        );
    });
}

// Time-1
#[test]
fn a_test_executor_is_a_local_spawner_with_its_clock() {
    let executor = TestExecutor::new();
    // Opened outside, where it is not current.
    let group = local::on(&executor).timeout(HOUR).group();
    let key = group.spawn(async {
        sleep(HOUR / 2).await;
        pending::<()>().await;
    });
    executor.advance(HOUR);
    assert!(group.is_cancelled());
    assert_eq!(kind(&key), Some(CancelKind::Deadline));
    assert_eq!(executor.elapsed(), HOUR);
}

// Time-1
#[test]
fn pointers_to_a_local_spawner_have_its_clock() {
    let wrist = Wrist::new(Some(Wound::new()));
    assert!(LocalSpawner::clock(&&wrist).is_some());
    assert!(Rc::new(wrist.clone()).clock().is_some());
    assert!(
        (Rc::new(wrist.clone()) as Rc<dyn LocalSpawner>)
            .clock()
            .is_some()
    );
    assert!((Box::new(wrist) as Box<dyn LocalSpawner>).clock().is_some());
    assert!(Wrist::new(None).clock().is_none());
}

// Time-1
#[test]
fn a_clock_that_panics_harms_no_other_group() {
    #[derive(Clone)]
    struct Broken(Wrist);
    impl LocalSpawner for Broken {
        fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
            self.0.spawn_local(job)
        }

        fn clock(&self) -> Option<ClockHandle> {
            panic!("no time")
        }
    }
    run(|wrist, clock| async move {
        let (broken, executor) = (Broken(wrist.clone()), Rc::clone(&wrist.executor));
        let scope = local::on(&broken).scope(|tg| async move {
            tg.spawn(async {
                yield_now().await;
                let panic = std::panic::catch_unwind(current_clock).map(|_| ());
                panic_text(panic.expect_err("it panics"))
            })
            .await
        });
        assert_eq!(executor.run(scope).await.as_deref(), Ok("no time"));
        let scope = local::on(&wrist).scope(|_| async { now() });
        assert_eq!(scope.await, clock.now());
    });
}
