//! `TestExecutor`: how jobs end, with a panic and with the executor; one inside another.

use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use ingather::spawner::{SpawnError, current_spawner};
use ingather::testing::{TestExecutor, Trace, yield_now, yields};
use ingather::{GatherGroup, LocalSpawner, Spawner, scope};

use super::executor::{job, order_on};
use super::{assert_has, panic_text};
use crate::support::{ByHand, Drops};

// Testing-5
#[test]
fn jobs_are_dropped_with_the_executor_in_order_on_this_thread() {
    let (trace, drops) = (Trace::new(), Drops::new());
    let executor = TestExecutor::new();
    for n in 0..6 {
        let kept = (trace.at_drop(n), drops.witness());
        let waits = async move {
            let _kept = kept;
            pending().await
        };
        if n % 2 == 0 {
            executor.spawn(job(waits)).unwrap();
        } else {
            executor.spawn_local(Box::pin(waits)).unwrap();
        }
    }
    executor.run_until_idle();
    let clone = executor.clone();
    drop(executor);
    trace.assert_empty();
    drop(clone);
    trace.assert(0..6);
    assert!(drops.all() && drops.all_here());
}

// Testing-5
#[test]
fn what_is_shut_down_refuses_jobs_and_wakes_nothing() {
    let executor = TestExecutor::new().allow_leaks();
    let trace = Trace::new();
    /// Spawns once more when it is dropped.
    struct Again(TestExecutor, Trace);
    impl Drop for Again {
        fn drop(&mut self) {
            let again = self.0.spawn(job(async {}));
            self.1.log(again.unwrap_err().message());
        }
    }
    let again = Again(executor.clone(), trace.clone());
    let (inner, log) = (executor.clone(), trace.clone());
    let shuts = async move {
        let _again = again;
        inner.shut_down();
        log.log("still polled");
        yields(5).await;
        log.log("never");
    };
    executor.spawn(job(shuts)).unwrap();
    let at_drop = trace.at_drop("the other is dropped");
    let other = async move {
        let _at_drop = at_drop;
        pending().await
    };
    executor.spawn_local(Box::pin(other)).unwrap();
    let value = executor.block_on(async {
        yields(3).await;
        7
    });
    assert_eq!(value, 7, "the future of `block_on` goes on");
    trace.assert([
        "the other is dropped",
        "still polled",
        "the executor is shut down and runs no more jobs",
    ]);
    assert_eq!(executor.jobs(), 0);
    let refused = executor.spawn_local(Box::pin(async {}));
    assert_eq!(refused, Err(SpawnError::shut_down()));
}

// Testing-5
#[test]
fn a_group_outlives_its_executor() {
    let executor = TestExecutor::new().allow_leaks();
    let (group, key) = executor.block_on(async {
        let group = GatherGroup::new();
        let key = group.spawn(pending::<()>());
        (group, key)
    });
    drop(executor);
    let late = group.spawn(async {});
    let mut keys = [key, late].map(ByHand::new);
    let mut join = ByHand::new(group.join());
    // It yields once; and then nobody is left to run the children.
    assert!(join.poll().is_pending() && join.poll().is_ready());
    assert!(keys.iter_mut().all(|key| key.poll().is_ready()));
}

// Testing-6
#[test]
fn a_panic_of_a_job_comes_out_of_the_loop() {
    let executor = TestExecutor::new();
    let drops = Drops::new();
    for way in 0..3 {
        let witness = drops.witness();
        let panics = async move {
            let _witness = witness;
            if way == 1 {
                yield_now().await;
            }
            panic!("job {way}");
        };
        if way == 2 {
            executor.spawn_local(Box::pin(panics)).unwrap();
        } else {
            executor.spawn(job(panics)).unwrap();
        }
        let text = match way {
            0 => panic_text(|| executor.step()),
            1 => panic_text(|| executor.run_until_idle()),
            _ => panic_text(|| executor.block_on(pending::<()>())),
        };
        assert_eq!(text, format!("job {way}"));
        assert!(drops.all());
        assert_eq!(executor.jobs(), 0);
        assert!(!executor.is_current());
    }
    assert_eq!(
        executor.block_on(async { 1 }),
        1,
        "it can be used as before"
    );
}

// Testing-6
#[test]
fn a_panic_in_a_destructor_leaves_nothing_behind() {
    struct Panics(&'static str);
    impl Drop for Panics {
        fn drop(&mut self) {
            if !thread::panicking() {
                panic!("{}", self.0);
            }
        }
    }
    let drops = Drops::new();
    let holds = |text| {
        let held = (Panics(text), drops.witness());
        async move {
            let _held = held;
            pending::<()>().await;
        }
    };
    let executor = TestExecutor::new();
    for text in ["first", "second"] {
        executor.spawn(job(holds(text))).unwrap();
    }
    executor.spawn_local(Box::pin(holds("third"))).unwrap();
    executor.run_until_idle();
    assert_eq!(panic_text(|| drop(executor)), "first");
    assert!(drops.all() && drops.made() == 3);

    let executor = TestExecutor::new();
    let at_end = Panics("at its end");
    executor.spawn(job(async move { drop(at_end) })).unwrap();
    assert_eq!(panic_text(|| executor.step()), "at its end");
    let main = Panics("of the main future");
    let future = async move {
        let _main = &main;
    };
    assert_eq!(
        panic_text(|| executor.block_on(future)),
        "of the main future"
    );
    assert_eq!(executor.jobs(), 0);
}

// Testing-6
#[test]
fn it_is_run_once_at_a_time() {
    let executor = TestExecutor::new();
    let inner = executor.clone();
    executor.block_on(async move {
        let again = |f: fn(&TestExecutor)| {
            assert_has(&panic_text(|| f(&inner)), &["runs already", "`.await`"])
        };
        again(|inner| inner.block_on(async {}));
        again(|inner| assert!(inner.step()));
        again(|inner| assert_eq!(inner.run_until_idle(), 0));
        let outside = inner.clone();
        let text = thread::spawn(move || panic_text(|| outside.step()));
        assert_has(&text.join().unwrap(), &["on another thread"]);
    });
    assert!(!executor.step());
}

// Testing-6
#[test]
fn an_executor_runs_inside_another() {
    let (outer, inner) = (TestExecutor::seeded(1), TestExecutor::lifo());
    let order = outer.block_on(async {
        assert!(outer.is_current());
        let order = inner.block_on(async {
            assert!(inner.is_current() && !outer.is_current());
            assert!(current_spawner().is_current());
            scope(|tg| async move { tg.spawn(yields(2)).await }).await
        });
        assert!(outer.is_current() && !inner.is_current());
        assert_eq!(order, Ok(()));
        order_on(&inner)
    });
    assert_eq!(order, "mmccbbaa");
    let seeds = |n| (0..n).map(TestExecutor::seeded);
    let alone: Vec<_> = seeds(30).map(|executor| order_on(&executor)).collect();
    let within = seeds(30).map(|executor| outer.block_on(async { order_on(&executor) }));
    assert_eq!(within.collect::<Vec<_>>(), alone);
}

// Testing-5
#[test]
fn the_last_handle_may_go_on_another_thread() {
    let log = Rc::new(RefCell::new(Vec::new()));
    struct Tells(Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.borrow_mut().push("local job dropped");
        }
    }
    let executor = TestExecutor::new();
    let tells = Tells(Rc::clone(&log));
    let local = async move {
        let _tells = tells;
        pending::<()>().await;
    };
    executor.spawn_local(Box::pin(local)).unwrap();
    let drops = Drops::new();
    let witness = drops.witness();
    executor.spawn(job(async move { drop(witness) })).unwrap();
    thread::spawn(move || drop(executor)).join().unwrap();
    // What is not `Send` stays where it is; the thread's end drops it.
    assert!(log.borrow().is_empty());
    assert!(drops.all() && !drops.all_here());
    let late = TestExecutor::new();
    assert!(catch_unwind(AssertUnwindSafe(|| late.step())).is_ok());
}
