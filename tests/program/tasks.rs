//! Background tasks and the registries that hold them.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::spawner::enter;
use ingather::tasks::{TaskError, TaskState, create_named_task, try_create_task};
use ingather::{
    CancelReason, ContextVar, GroupOptions, Task, TaskRegistry, create_task, current_token,
};

use crate::support::{
    ByHand, Drops, Fault, Gate, Kind, Site, Trace, behaviour, panic_of, panic_text, yields,
};

behaviour!(
    a_task_goes_on_when_handle_registry_and_creator_are_gone,
    a_task_gives_what_it_ended_with,
    a_task_that_is_over_is_let_go_of,
    a_registry_retains_nothing,
    a_task_is_told_apart,
    cancelling_a_task_touches_no_other,
    cancelling_all_touches_none_that_come_later,
    a_closed_registry_gives_futures_back,
    nothing_is_admitted_once_close_has_returned,
    waiting_for_idleness_waits_for_latecomers_too,
    the_registry_that_was_entered_counts,
    the_default_registry_is_the_spawners,
    a_task_on_another_spawner_is_held_all_the_same,
    context_goes_in_and_does_not_come_out,
    a_limit_holds_for_tasks,
);
behaviour!(outside: a_thread_waits_for_a_task);

/// Why a task was cancelled.
pub(crate) async fn cancelled<T, E>(task: Task<T, E>) -> CancelKind {
    let error = task.await.err().expect("it gives no value");
    error.cancelled().expect("it was cancelled").kind()
}

// Tasks-1
async fn a_task_goes_on_when_handle_registry_and_creator_are_gone(on: Site) {
    let (gate, done) = (Gate::new(), Gate::new());
    let (opened, tells) = (gate.clone(), done.clone());
    let spawner = on.spawner.clone();
    let creator = TaskRegistry::on(&on.spawner).create_task(async move {
        let registry = TaskRegistry::on(&spawner);
        drop(registry.create_task(async move {
            opened.wait().await;
            tells.open();
        }));
    });
    creator.await.unwrap();
    yields(5).await;
    gate.open();
    done.wait().await;
}

// Tasks-2, Tasks-4
async fn a_task_gives_what_it_ended_with(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    assert_eq!(registry.create_task(async { 7 }).await.unwrap(), 7);
    let value = registry.try_create_task(async { Ok::<_, String>(8) });
    assert_eq!(value.await.unwrap(), 8);
    let error = registry.try_create_task(async { Err::<(), _>("no luck".to_owned()) });
    assert_eq!(error.await.unwrap_err().into_error().unwrap(), "no luck");
    let payload = registry.create_task(async { std::panic::panic_any(9_u8) });
    let panic = payload.await.unwrap_err().into_panic().unwrap();
    assert_eq!(*panic.into_payload().downcast::<u8>().unwrap(), 9);
    let never = registry.create_task(pending::<()>());
    never.cancel_with(CancelReason::with_message("enough"));
    let Err(TaskError::Cancelled(reason)) = never.await else {
        panic!("it was cancelled")
    };
    assert_eq!(reason.message(), Some("enough"));
    // Once.
    let mut task = ByHand::new(registry.create_task(async {}));
    registry.wait_idle().await;
    assert!(task.poll().is_ready());
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(task.poll())));
    let again = panic_text(again.unwrap_err());
    assert!(again.contains("once"), "{again}");
}

// Tasks-3
async fn a_task_that_is_over_is_let_go_of(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let drops = Drops::new();
    let (held, value) = (drops.witness(), drops.witness());
    let mut task = registry.create_task(async move {
        let _held = held;
        yields(2).await;
        value
    });
    while !task.is_finished() {
        yields(1).await;
    }
    assert_eq!(
        drops.count(),
        1,
        "the future is gone, and the value is kept"
    );
    registry.wait_idle().await;
    let value = (&mut task).await;
    assert_eq!(drops.count(), 1);
    drop(value);
    let kept = drops.witness();
    drop(registry.create_task(async move { kept }));
    registry.wait_idle().await;
    assert!(drops.all(), "nobody can ask for the value");
}

// Tasks-3
async fn a_registry_retains_nothing(on: Site) {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let alive = Arc::new(AtomicUsize::new(0));
    let new = |alive: &Arc<AtomicUsize>| {
        alive.fetch_add(1, Ordering::Relaxed);
        Alive(Arc::clone(alive))
    };
    let registry = TaskRegistry::on(&on.spawner);
    for _ in 0..100 {
        for _ in 0..100 {
            let (held, count) = (new(&alive), Arc::clone(&alive));
            drop(registry.create_task(async move {
                let _held = held;
                count.fetch_add(1, Ordering::Relaxed);
                Alive(count)
            }));
        }
        registry.wait_idle().await;
        assert_eq!(alive.load(Ordering::Relaxed), 0);
        assert_eq!((registry.len(), registry.snapshot().len()), (0, 0));
    }
}

// Tasks-10
async fn a_task_is_told_apart(on: Site) {
    let registry = GroupOptions::new().name("jobs").on(&on.spawner).registry();
    assert_eq!(registry.name(), Some("jobs"));
    let gate = Gate::new();
    let (one, two) = (gate.clone(), gate.clone());
    let plain = registry.create_task(async move { one.wait().await });
    let line = line!() + 1;
    let named = registry.named("second").create_task(async move {
        let _grace = two;
        pending::<()>().await;
    });
    let seen = registry.snapshot();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].id(), seen[1].id()), (plain.id(), named.id()));
    assert_eq!((seen[0].name(), seen[1].name()), (None, Some("second")));
    assert_eq!(named.name().as_deref(), Some("second"));
    assert_eq!(seen[1].location().line(), line);
    assert_eq!(named.location(), seen[1].location());
    assert_eq!(seen[0].state(), &TaskState::Running);
    assert!(seen[0].age() >= seen[1].age());
    assert!(seen[1].to_string().contains("task `second` of tests"));
    assert!(format!("{registry:?}").contains("jobs"));
    assert!(format!("{named:?}").contains("second"));
    gate.open();
    plain.await.unwrap();
    named.cancel();
    registry.wait_idle().await;
    assert!(registry.is_empty());
}

// Tasks-7, Tasks-8
async fn cancelling_a_task_touches_no_other(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let other = registry.create_task(async move { opened.wait().await });
    let task = registry.create_task(pending::<()>());
    let token = registry.create_task(pending::<()>());
    let failing = registry.try_create_task(async { Err::<(), _>("fails alone") });
    assert!(failing.await.is_err());
    task.cancel();
    token.token().cancel();
    assert_eq!(cancelled(task).await, CancelKind::Explicit);
    assert_eq!(cancelled(token).await, CancelKind::Explicit);
    gate.open();
    other.await.unwrap();
    // A task that is over is not cancelled by its token, nor is anybody else.
    let over = registry.create_task(async { 1 });
    registry.wait_idle().await;
    over.token().cancel();
    over.cancel();
    assert_eq!(over.await.unwrap(), 1);
}

// Tasks-8
async fn cancelling_all_touches_none_that_come_later(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    for round in 0..3 {
        let drops = Drops::new();
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let held = drops.witness();
                registry.create_task(async move {
                    let _held = held;
                    pending::<()>().await;
                })
            })
            .collect();
        let survivor = Gate::new();
        registry.cancel_all(CancelReason::with_message("all of them"));
        let opened = survivor.clone();
        let later = registry.create_task(async move { opened.wait().await });
        for task in tasks {
            let error = task.await.unwrap_err();
            let reason = error.cancelled().unwrap();
            assert_eq!(reason.message(), Some("all of them"), "round {round}");
        }
        assert!(drops.all());
        assert!(!later.is_finished());
        survivor.open();
        later.await.unwrap();
        registry.wait_idle().await;
    }
    assert!(registry.is_empty());
}

// Tasks-9
async fn a_closed_registry_gives_futures_back(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let before = registry.create_task(async move { opened.wait().await });
    registry.close();
    assert!(registry.is_closed());
    let refused = registry.create_task_or_return(async { 5 }).unwrap_err();
    assert_eq!(refused.reason().kind(), CancelKind::Closed);
    assert_eq!(refused.into_future().await, 5);
    let refused = registry
        .named("x")
        .try_create_task_or_return(async { Err::<(), _>("6") });
    assert_eq!(refused.unwrap_err().into_future().await, Err("6"));
    let drops = Drops::new();
    let held = drops.witness();
    let log = Trace::new();
    let polled = log.clone();
    let late = registry.create_task(async move {
        polled.log("polled");
        drop(held);
    });
    assert!(drops.all() && late.is_finished());
    assert_eq!(cancelled(late).await, CancelKind::Closed);
    registry.sync_within(|| {
        let late = create_task(async {});
        assert!(late.is_finished());
    });
    assert_eq!(registry.len(), 1);
    gate.open();
    before.await.unwrap();
    registry.wait_idle().await;
    assert!(log.entries().is_empty());
}

// Tasks-9
async fn nothing_is_admitted_once_close_has_returned(on: Site) {
    if on.kind == Kind::Test {
        // Nothing there happens at the same time as what other threads do.
        return;
    }
    for _ in 0..20 {
        let registry = TaskRegistry::on(&on.spawner);
        let begun = Gate::new();
        let others: Vec<_> = (0..3)
            .map(|_| {
                let (registry, begun) = (registry.clone(), begun.clone());
                std::thread::spawn(move || {
                    begun.open();
                    let mut taken = 0;
                    while registry.create_task_or_return(async {}).is_ok() {
                        taken += 1;
                    }
                    taken
                })
            })
            .collect();
        begun.wait().await;
        registry.close();
        registry.wait_idle().await;
        assert!(registry.create_task_or_return(async {}).is_err());
        let taken: usize = others
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        assert!(registry.is_empty(), "of {taken}");
    }
}

// Tasks-11
async fn waiting_for_idleness_waits_for_latecomers_too(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    registry.wait_idle().await;
    let log = Trace::new();
    let (gate, inner, told) = (Gate::new(), registry.clone(), log.clone());
    let opened = gate.clone();
    drop(registry.create_task(async move {
        opened.wait().await;
        told.log("early");
        drop(inner.create_task(async move {
            yields(3).await;
            told.log("late");
        }));
    }));
    let mut idle = ByHand::new(registry.wait_idle());
    assert!(idle.poll().is_pending());
    // Dropped, it leaves everything as it is.
    drop(idle);
    gate.open();
    registry.wait_idle().await;
    assert_eq!(log.entries(), ["early", "late"]);
}

// Tasks-12
async fn the_registry_that_was_entered_counts(on: Site) {
    let (outer, inner) = (TaskRegistry::on(&on.spawner), TaskRegistry::on(&on.spawner));
    let gate = Gate::new();
    let create = {
        let gate = gate.clone();
        move || {
            let opened = gate.clone();
            create_task(async move { opened.wait().await })
        }
    };
    let lens = || (outer.len(), inner.len());
    let (in_scope, from_task) = (create.clone(), create.clone());
    let _one = outer.sync_within(&create);
    assert_eq!(lens(), (1, 0));
    let _two = outer.sync_within(|| inner.sync_within(&create));
    assert_eq!(lens(), (1, 1));
    // Children and tasks inherit it, and `current` says which.
    let scoped = ingather::on(&on.spawner)
        .scope(|tg| async move { tg.spawn(async move { (in_scope(),) }).await.unwrap() });
    let _three = outer.within(scoped).await;
    assert_eq!(lens(), (2, 1));
    let task =
        outer.sync_within(|| create_task(async move { (from_task(), TaskRegistry::current()) }));
    let (_four, current) = task.await.unwrap();
    assert_eq!(current.len(), 3);
    gate.open();
    outer.wait_idle().await;
    inner.wait_idle().await;
}

// Tasks-12
async fn the_default_registry_is_the_spawners(on: Site) {
    // A handle of its own, so that this test has its own default registry.
    let inner = on.spawner.clone();
    let spawner = ingather::spawner::SpawnerHandle::new(ingather::spawner::from_fn(move |job| {
        ingather::Spawner::spawn(&inner, job)
    }));
    let gate = Gate::new();
    let task = {
        let _current = enter(&spawner);
        assert!(TaskRegistry::current().is_empty());
        let opened = gate.clone();
        let task = create_named_task("first", async move {
            opened.wait().await;
            // In the task its spawner is current, and so is its registry.
            let second = try_create_task(pending::<Result<(), &str>>());
            TaskRegistry::current().len() == 2 && !second.is_finished()
        });
        let current = TaskRegistry::current();
        assert_eq!(
            (current.len(), current.spawner().same_as(&spawner)),
            (1, true)
        );
        assert_eq!(current.snapshot()[0].name(), Some("first"));
        task
    };
    gate.open();
    assert!(task.await.unwrap());
    let _current = enter(&spawner);
    TaskRegistry::current().cancel_all(CancelReason::shutdown());
}

// Tasks-12
async fn a_task_on_another_spawner_is_held_all_the_same(on: Site) {
    let registry = TaskRegistry::on(&ingather::spawner::Embedded);
    let (gate, log, site) = (Gate::new(), Trace::new(), on.clone());
    for _ in 0..3 {
        let (opened, log, site) = (gate.clone(), log.clone(), site.clone());
        let _task = registry.sync_within(|| {
            let _current = enter(&on.spawner);
            create_task(async move {
                opened.wait().await;
                log.log(if site.is_here() { "here" } else { "elsewhere" });
            })
        });
    }
    assert_eq!((registry.len(), registry.snapshot().len()), (3, 3));
    gate.open();
    registry.wait_idle().await;
    assert_eq!(log.entries(), ["here"; 3]);
    registry.close();
    let _current = enter(&on.spawner);
    let late = registry.sync_within(|| create_task(async {}));
    assert!(late.is_finished());
}

// Tasks-12
async fn context_goes_in_and_does_not_come_out(on: Site) {
    static WHO: ContextVar<u32> = ContextVar::new();
    let registry = TaskRegistry::on(&on.spawner);
    let task = WHO.sync_scope(1, || {
        registry.create_task(async { (WHO.get(), current_token()) })
    });
    let (who, token) = task.await.unwrap();
    assert_eq!((who, WHO.get()), (Some(1), None));
    assert!(!token.is_cancelled());
    // A registry is in no scope, wherever it was opened: a cancel of that does not reach it.
    let spawner = on.spawner.clone();
    let gate = Gate::new();
    let opened = gate.clone();
    let task = ingather::on(&on.spawner).scope(|tg| async move {
        let task = TaskRegistry::on(&spawner).create_task(async move {
            opened.wait().await;
            current_token().is_cancelled()
        });
        tg.cancel();
        (task,)
    });
    let (task,) = task.await;
    gate.open();
    assert!(!task.await.unwrap());
}

// Tasks-10
async fn a_limit_holds_for_tasks(on: Site) {
    let registry = GroupOptions::new().limit(2).on(&on.spawner).registry();
    let gate = Gate::new();
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let opened = gate.clone();
            registry.create_task(async move {
                opened.wait().await;
                n
            })
        })
        .collect();
    let waiting = |task: &ingather::tasks::TaskInfo| *task.state() == TaskState::Waiting;
    assert_eq!(
        registry
            .snapshot()
            .iter()
            .filter(|task| waiting(task))
            .count(),
        2
    );
    gate.open();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), n);
    }
}

// Tasks-13
async fn a_thread_waits_for_a_task(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    assert_eq!(registry.create_task(async { 1 }).wait().unwrap(), 1);
    let gate = Gate::new();
    let opened = gate.clone();
    let mut task = registry.create_task(async move {
        opened.wait().await;
        2
    });
    assert!(task.wait_timeout(Duration::ZERO).is_none());
    assert!(task.wait_timeout(Duration::from_millis(1)).is_none());
    gate.open();
    assert_eq!(task.wait_timeout(Duration::MAX).unwrap().unwrap(), 2);
    let failing = registry.try_create_task(async { Err::<(), _>(Fault("3").0) });
    assert_eq!(failing.wait().unwrap_err().into_error(), Some("3"));
    let boom = registry.create_task(async { crate::support::boom("4") });
    let panic: TaskError = boom.wait().unwrap_err();
    let resumed = panic_of(|| panic.into_panic().unwrap().resume());
    assert_eq!(resumed, Some("4"));
}
