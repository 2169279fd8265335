//! What hostile tasks, hooks and spawners may try: every handle is resolved, and the registry goes on.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::thread;

use ingather::cancel::CancelKind;
use ingather::spawner::{Embedded, enter};
use ingather::testing::TestExecutor;
use ingather::{CancelReason, GroupOptions, Task, TaskRegistry, create_task, parallel, shield};

use crate::support::{
    ByHand, Drops, Gate, HostileSpawner, Kind, Mischief, Rng, Site, Trace, behaviour, boom,
    panic_of, panic_text, unhandled, watched, watched_for, yields,
};
use crate::tasks::cancelled;

behaviour!(
    the_last_handle_goes_inside_a_task,
    tasks_create_tasks_while_the_registry_closes,
    a_task_may_cancel_itself_and_all_others,
    a_task_that_waits_on_its_thread_sees_to_the_others,
    a_handle_may_be_forgotten,
    a_token_callback_may_use_the_registry,
);

// Tasks-1
async fn the_last_handle_goes_inside_a_task(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let (drops, gate, done) = (Drops::new(), Gate::new(), Gate::new());
    let hook = drops.witness();
    registry.on_unhandled(move |_| {
        let _hook = &hook;
    });
    let (opened, tells, inner) = (gate.clone(), done.clone(), registry.clone());
    drop(registry.create_task(async move {
        opened.wait().await;
        drop(inner);
        yields(1).await;
        tells.open();
    }));
    drop(registry);
    assert_eq!(drops.count(), 0);
    gate.open();
    done.wait().await;
    while !drops.all() {
        yields(1).await;
    }
}

// Tasks-9
async fn tasks_create_tasks_while_the_registry_closes(on: Site) {
    fn grow(registry: TaskRegistry, log: Trace) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            log.log("polled");
            yields(1).await;
            for _ in 0..2 {
                let child = grow(registry.clone(), log.clone());
                drop(registry.create_task_or_return(child));
            }
        })
    }
    let (registry, log) = (TaskRegistry::on(&on.spawner), Trace::new());
    drop(registry.create_task(grow(registry.clone(), log.clone())));
    while log.entries().len() < 30 {
        yields(1).await;
    }
    registry.close();
    registry.wait_idle().await;
    assert!(registry.is_empty());
    assert!(registry.create_task(async {}).is_finished());
}

// Tasks-8
async fn a_task_may_cancel_itself_and_all_others(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let other = registry.create_task(pending::<()>());
    let inner = registry.clone();
    let value = registry.create_task(async move {
        inner.cancel_all(CancelReason::with_message("by one of them"));
        1
    });
    assert_eq!(cancelled(other).await, CancelKind::Explicit);
    assert_eq!(value.await.unwrap(), 1, "what it finished counts");
    let inner = registry.clone();
    let itself = registry.create_task(async move {
        inner.cancel_all(CancelReason::explicit());
        yields(1).await;
    });
    assert_eq!(cancelled(itself).await, CancelKind::Explicit);
    registry.wait_idle().await;
}

// Tasks-13
async fn a_task_that_waits_on_its_thread_sees_to_the_others(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let inner = registry.clone();
    let waits = registry.create_task(async move {
        let other = inner.create_task(async {
            yields(3).await;
            2
        });
        panic_of_wait(|| other.wait().unwrap())
    });
    let only_thread = matches!(on.kind, Kind::TokioOne | Kind::Test);
    match waits.await.unwrap() {
        Ok(value) => assert_eq!((value, only_thread), (2, false)),
        Err(text) => {
            assert!(text.contains("block the only thread"), "{text}");
            assert!(only_thread);
        }
    }
}

fn panic_of_wait<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    let mut value = None;
    let text = panic_text_of(|| value = Some(f()));
    value.ok_or(text.unwrap_or_default())
}

fn panic_text_of(f: impl FnOnce()) -> Option<String> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    caught.err().map(panic_text)
}

// Tasks-4
async fn a_handle_may_be_forgotten(on: Site) {
    if on.kind == Kind::Test {
        // It would rightly complain of the leak.
        return;
    }
    let registry = TaskRegistry::on(&on.spawner);
    std::mem::forget(registry.create_task(async { 1 }));
    std::mem::forget(ByHand::new(
        registry.create_task(async { boom("kept by nobody") }),
    ));
    std::mem::forget(registry.wait_idle());
    registry.wait_idle().await;
    assert!(registry.is_empty());
}

// Tasks-8
async fn a_token_callback_may_use_the_registry(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let other = registry.create_task(pending::<()>());
    let task = registry.create_task(pending::<()>());
    let (inner, late) = (registry.clone(), Arc::new(Mutex::new(None)));
    let keeps = Arc::clone(&late);
    let token = task.token();
    token
        .on_cancel(move |_| {
            other.cancel();
            *keeps.lock().unwrap() = Some((inner.create_task(async { 3 }), other));
        })
        .detach();
    task.cancel();
    assert_eq!(cancelled(task).await, CancelKind::Explicit);
    let (late, other) = late.lock().unwrap().take().unwrap();
    assert_eq!(late.await.unwrap(), 3);
    assert_eq!(cancelled(other).await, CancelKind::Explicit);
}

/// Runs a test that is no spawner's.
fn alone(name: &str, test: impl FnOnce()) {
    unhandled::collect();
    watched(name, test);
}

/// Spawners that lose every job, each in its own way.
fn losers() -> [Mischief; 5] {
    let honest = Mischief::honest();
    [
        honest.refuse(100),
        honest.refuse_but_run(100),
        honest.panic(100),
        honest.panic_but_run(100),
        honest.drop_at_once(100),
    ]
}

// Tasks-2
#[test]
fn a_spawner_that_loses_its_jobs_abandons_each_task_and_is_tried_again() {
    alone("a_spawner_that_loses_its_jobs", || {
        for mischief in losers() {
            let stepper = HostileSpawner::stepped_by(2, mischief, 0);
            let registry = TaskRegistry::on(&stepper);
            let drops = Drops::new();
            for _ in 0..3 {
                let held = drops.witness();
                let task = registry.create_task(async move { drop(held) });
                assert!(task.is_finished() && drops.all());
                let task = futures::executor::block_on(cancelled(task));
                assert_eq!(task, CancelKind::Abandoned);
            }
            assert!(registry.is_empty() && registry.create_task_or_return(async {}).is_ok());
            stepper.run_until_idle();
            assert_eq!(stepper.jobs(), 0);
        }
    });
}

// Tasks-2
#[test]
fn an_executor_that_ends_resolves_every_handle() {
    alone("an_executor_that_ends_resolves_every_handle", || {
        let stepper = HostileSpawner::stepped(Mischief::honest(), 0);
        let registry = TaskRegistry::on(&stepper);
        let tasks: Vec<_> = (0..5)
            .map(|_| registry.create_task(pending::<()>()))
            .collect();
        stepper.run_until_idle();
        stepper.shut_down();
        for task in tasks {
            let task = futures::executor::block_on(cancelled(task));
            assert_eq!(task, CancelKind::Abandoned);
        }
        let late = registry.create_task(async {});
        assert_eq!(
            futures::executor::block_on(cancelled(late)),
            CancelKind::Abandoned
        );
        // Also under a thread that waits.
        let pool = HostileSpawner::on_threads("own", 1, Mischief::honest(), 0);
        let task = TaskRegistry::on(&pool).create_task(pending::<()>());
        pool.shut_down();
        pool.join();
        assert!(task.wait().unwrap_err().is_cancelled());
    });
}

// Tasks-2
#[test]
fn over_a_spawner_that_loses_jobs_at_random_every_handle_is_resolved() {
    alone("over_a_spawner_that_loses_jobs_at_random", || {
        for seed in 0..300 {
            let pool = HostileSpawner::stepped_by(2, Mischief::lossy(), seed);
            let (registry, mut rng, drops) =
                (TaskRegistry::on(&pool), Rng::new(seed), Drops::new());
            let mut tasks: Vec<Task<usize>> = Vec::new();
            for n in 0..40 {
                let held = drops.witness();
                let yields = yields(rng.below(4));
                let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    registry.create_task(async move {
                        let _held = held;
                        yields.await;
                        n
                    })
                }));
                tasks.push(made.expect("a panic of the spawner stays inside"));
                match rng.below(6) {
                    0 => tasks.swap_remove(rng.below(tasks.len())).cancel(),
                    1 => drop(tasks.swap_remove(rng.below(tasks.len()))),
                    2 => registry.cancel_all(CancelReason::explicit()),
                    _ => drop(pool.step()),
                }
            }
            while pool.step() {}
            pool.shut_down();
            for task in tasks {
                assert!(task.is_finished(), "seed {seed}");
                let _end = task.wait();
            }
            assert!(registry.is_empty() && drops.all(), "seed {seed}");
        }
    });
}

// Tasks-13
#[test]
fn a_task_that_waits_for_itself_panics() {
    alone("a_task_that_waits_for_itself_panics", || {
        let registry = TaskRegistry::on(&Embedded);
        let (itself, gate) = (
            Arc::new(Mutex::new(None::<Task<Option<String>>>)),
            Gate::new(),
        );
        let (slot, opened) = (Arc::clone(&itself), gate.clone());
        let (tell, told) = std::sync::mpsc::channel();
        let task = registry.create_task(async move {
            opened.wait().await;
            let task = slot.lock().unwrap().take().unwrap();
            tell.send(panic_text_of(|| drop(task.wait()))).unwrap();
            None
        });
        *itself.lock().unwrap() = Some(task);
        gate.open();
        let text = told.recv().unwrap().unwrap();
        assert!(text.contains("waits for itself"), "{text}");
    });
}

// Tasks-13
#[test]
fn waiting_where_nothing_may_block_panics_at_once() {
    alone("waiting_where_nothing_may_block_panics_at_once", || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let registry = TaskRegistry::on(runtime.handle());
        runtime.block_on(async {
            let mut task = registry.create_task(async { 1 });
            let text = panic_text_of(|| drop(task.wait_timeout(std::time::Duration::MAX)));
            assert!(text.unwrap().contains("block the only thread"));
            // Nothing is lost, and what is over needs no blocking.
            registry.wait_idle().await;
            assert_eq!(task.wait().unwrap(), 1);
        });
    });
}

// Tasks-13
#[test]
fn a_blocking_scope_waits_for_tasks_of_its_own_pool() {
    alone("a_blocking_scope_waits_for_tasks", || {
        let pool = HostileSpawner::on_threads("own", 1, Mischief::honest(), 0);
        let registry = TaskRegistry::on(&pool);
        let sum = parallel::on(&pool).scope(|tg| {
            let registry = &registry;
            let keys: Vec<_> = (0..4_u32)
                .map(|n| {
                    tg.spawn(async move { registry.create_task(async move { n }).await.unwrap() })
                })
                .collect();
            keys.into_iter()
                .map(|key| tg.wait(key).unwrap())
                .sum::<u32>()
        });
        assert_eq!(sum, 6);
        pool.shut_down();
        pool.join();
    });
}

// Tasks-3
#[test]
fn a_million_tasks_leave_nothing_and_few_jobs() {
    unhandled::collect();
    watched_for(100, "a_million_tasks_leave_nothing_and_few_jobs", || {
        let stepper = HostileSpawner::stepped(Mischief::honest(), 0);
        let registry = TaskRegistry::on(&stepper);
        for _ in 0..1_000 {
            for n in 0..1_000_u32 {
                drop(registry.create_task(async move { n }));
            }
            assert_eq!(registry.len(), 1_000);
            stepper.run_until_idle();
            assert!(registry.is_empty());
        }
        assert_eq!(stepper.spawned(), 1, "one driver did it all");
        drop(registry);
        stepper.run_until_idle();
        assert_eq!(stepper.jobs(), 0, "and went home with the registry");
    });
}

// Tasks-12, Tasks-1
#[test]
fn a_default_registry_lets_go_of_its_spawner() {
    alone("a_default_registry_lets_go_of_its_spawner", || {
        let drops = Drops::new();
        let held = drops.witness();
        let stepper = HostileSpawner::stepped(Mischief::honest(), 0);
        let jobs = stepper.clone();
        let spawner =
            ingather::spawner::SpawnerHandle::new(ingather::spawner::from_fn(move |job| {
                let _held = &held;
                ingather::Spawner::spawn(&jobs, job)
            }));
        let task = {
            let _current = enter(&spawner);
            create_task(async { 1 })
        };
        drop(spawner);
        assert_eq!(drops.count(), 0);
        stepper.run_until_idle();
        assert_eq!(task.wait().unwrap(), 1);
        stepper.run_until_idle();
        assert!(drops.all(), "no task, no handle, no spawner");
        assert_eq!(stepper.jobs(), 0);
    });
}

// Tasks-12
#[test]
fn a_default_registry_is_held_by_no_stranger() {
    // Who looks for the registry of a spawner comes by those of others. Held for a moment, such a one would outlive its test.
    let tests = || {
        for _ in 0..2_000 {
            let executor = TestExecutor::new();
            executor.block_on(async { create_task(async {}).await.unwrap() });
        }
    };
    watched("a_default_registry_is_held_by_no_stranger", || {
        thread::scope(|threads| (0..4).for_each(|_| drop(threads.spawn(tests))));
    });
}

// Tasks-9
#[test]
fn a_deadline_or_a_token_ends_a_registry_for_good() {
    alone("a_deadline_or_a_token_ends_a_registry", || {
        let token = ingather::CancelToken::new();
        let options = GroupOptions::new().token(&token).on(&Embedded);
        let registry = options.registry();
        let task = registry.create_task(pending::<()>());
        token.cancel();
        assert!(task.wait().unwrap_err().is_cancelled());
        let refused = registry.create_task_or_return(async {}).unwrap_err();
        assert_eq!(refused.reason().kind(), CancelKind::Parent);
        // Also on other spawners.
        let stepper = HostileSpawner::stepped(Mischief::honest(), 0);
        let _current = enter(&stepper);
        let late = registry.sync_within(|| create_task(async {}));
        assert!(late.is_finished());
        assert_eq!(stepper.spawned(), 0);
    });
}

// Tasks-8
#[test]
fn a_shielded_task_is_cancelled_when_its_shield_is_over() {
    alone("a_shielded_task_is_cancelled", || {
        let stepper = HostileSpawner::stepped(Mischief::honest(), 0);
        let (registry, gate, log) = (TaskRegistry::on(&stepper), Gate::new(), Trace::new());
        let (opened, told) = (gate.clone(), log.clone());
        let task = registry.create_task(async move {
            shield(async { opened.wait().await }).await;
            told.log("flushed");
            yields(1).await;
            told.log("never");
        });
        stepper.run_until_idle();
        registry.cancel_all(CancelReason::shutdown());
        stepper.run_until_idle();
        assert!(!task.is_finished());
        gate.open();
        stepper.run_until_idle();
        assert_eq!(log.entries(), ["flushed"]);
        let error = task.wait().unwrap_err();
        assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Shutdown);
    });
}

// Tasks-6
#[test]
fn the_hook_goes_with_the_registry_though_its_destructor_panics() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            boom("in the drop of a hook");
        }
    }
    alone("the_hook_goes_with_the_registry", || {
        let stepper = HostileSpawner::stepped(Mischief::honest(), 0);
        let registry = TaskRegistry::on(&stepper);
        let loud = Loud;
        registry.on_unhandled(move |_| {
            let _loud = &loud;
        });
        let task = registry.create_task(async { 1 });
        drop(registry);
        stepper.run_until_idle();
        assert_eq!(panic_of(|| assert_eq!(task.wait().unwrap(), 1)), None);
        assert_eq!(unhandled::taken("in the drop of a hook").len(), 1);
    });
}
