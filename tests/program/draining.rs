//! Emptying a registry within a bound, by a virtual clock.

use std::future::pending;
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::clock::sleep;
use ingather::tasks::TaskState;
use ingather::testing::{TestExecutor, Trace};
use ingather::{CancelReason, Deadline, GroupOptions, TaskRegistry, current_token, shield};

use crate::support::{ByHand, Gate, HostileSpawner, Kind, Mischief, Site, behaviour, yields};

behaviour!(
    draining_closes_and_waits,
    a_drain_that_is_dropped_can_be_done_again,
    a_task_that_blocks_its_thread_is_stuck,
);
behaviour!(inside: a_drain_takes_no_task_into_its_own_hands);

const SECOND: Duration = Duration::from_secs(1);

// Tasks-14
async fn draining_closes_and_waits(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let tasks: Vec<_> = (0..5)
        .map(|n| {
            registry.create_task(async move {
                yields(n).await;
                n
            })
        })
        .collect();
    let drained = registry.drain(Deadline::NEVER).await;
    assert!(drained.is_clean() && registry.is_closed());
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), n);
    }
    assert!(registry.drain(Deadline::NEVER).await.is_clean());
}

// Tasks-14
async fn a_drain_that_is_dropped_can_be_done_again(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let task = registry.create_task(async move { opened.wait().await });
    let drain = registry.drain(Deadline::NEVER);
    assert!(!registry.is_closed(), "it begins when it is polled");
    let mut drain = ByHand::new(drain);
    assert!(drain.poll().is_pending());
    drop(drain);
    assert!(registry.is_closed() && !task.is_finished());
    gate.open();
    assert!(registry.drain(Deadline::NEVER).await.is_clean());
    task.await.unwrap();
}

// Tasks-14
async fn a_task_that_blocks_its_thread_is_stuck(on: Site) {
    if on.kind == Kind::Test {
        // Its clock does not wait for a thread of somebody else's.
        return;
    }
    // On one thread, which it blocks; the test is elsewhere.
    let pool = HostileSpawner::on_threads("own", 1, Mischief::honest(), u64::from(on.inside));
    let registry = TaskRegistry::on(&pool);
    let (begun, gate) = (Gate::new(), Gate::new());
    let (tells, opened) = (begun.clone(), gate.clone());
    let task = registry.named("stuck").create_task(async move {
        tells.open();
        opened.block();
        pending::<()>().await;
    });
    begun.wait().await;
    let free = registry.create_task(pending::<()>());
    let now = ingather::clock::now();
    let drain = registry.drain(now).patience(Duration::from_millis(20));
    let drained = drain.await;
    assert_eq!((drained.stuck().len(), drained.left()), (1, 1));
    let stuck = &drained.stuck()[0];
    assert_eq!((stuck.name(), stuck.is_polled()), (Some("stuck"), true));
    assert!(matches!(stuck.state(), TaskState::Cancelled(_)));
    assert_eq!(drained.cancelled().len(), 2);
    assert!(!drained.is_clean());
    assert!(drained.to_string().contains("stuck: task `stuck`"));
    assert!(free.is_finished() && !task.is_finished());
    // It comes back in the end, and is dropped then.
    gate.open();
    let error = task.await.unwrap_err();
    assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Deadline);
    pool.shut_down();
    pool.join();
}

// Tasks-11, Tasks-14
async fn a_drain_takes_no_task_into_its_own_hands(on: Site) {
    let spare = matches!(on.kind, Kind::TokioMany | Kind::FuturesPool | Kind::Hostile);
    if !spare {
        // The executor itself might poll the task on the thread that the drain is on.
        return;
    }
    let registry = TaskRegistry::on(&on.spawner);
    let (begun, gate) = (Gate::new(), Gate::new());
    let (tells, opened) = (begun.clone(), gate.clone());
    let task = registry.create_task(async move {
        tells.open();
        opened.block();
    });
    begun.wait().await;
    let drain = registry.drain(ingather::clock::now());
    let drained = drain.patience(Duration::from_millis(20)).await;
    assert_eq!(drained.left(), 1);
    gate.open();
    registry.wait_idle().await;
    // It had no suspension at which to be dropped.
    task.await.unwrap();
}

// Tasks-14
#[test]
fn what_is_left_at_the_deadline_is_cancelled() {
    let executor = TestExecutor::new();
    let trace = Trace::new();
    executor.block_on(async {
        let registry = TaskRegistry::new();
        for (name, seconds) in [("quick", 1), ("slow", 100)] {
            let trace = trace.clone();
            drop(registry.named(name).create_task(async move {
                sleep(SECOND * seconds).await;
                trace.log(name);
            }));
        }
        let deadline = Deadline::after(10 * SECOND);
        let drained = registry
            .drain(deadline)
            .reason(CancelReason::shutdown())
            .await;
        assert_eq!(executor.elapsed(), 10 * SECOND);
        let names: Vec<_> = drained.cancelled().iter().map(|task| task.name()).collect();
        assert_eq!(names, [Some("slow")]);
        assert_eq!(drained.cancelled()[0].age(), 10 * SECOND);
        assert!(drained.stuck().is_empty() && !drained.is_clean());
        // In the past: at once.
        let registry = TaskRegistry::new();
        let task = registry.create_task(pending::<()>());
        assert_eq!(registry.drain(deadline).await.cancelled().len(), 1);
        assert_eq!(executor.elapsed(), 10 * SECOND);
        let error = task.await.unwrap_err();
        assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Deadline);
    });
    trace.assert(["quick"]);
}

// Tasks-14, Tasks-8
#[test]
fn cancelled_tasks_have_their_grace_and_then_patience() {
    let executor = TestExecutor::new();
    let trace = Trace::new();
    executor.block_on(async {
        let registry = GroupOptions::new().grace(5 * SECOND).registry();
        let create = |name: &'static str, seconds| {
            let trace = trace.clone();
            registry.named(name).create_task(async move {
                let reason = current_token().cancelled().await;
                sleep(SECOND * seconds).await;
                trace.log(format!("{name} {:?}", reason.kind()));
            })
        };
        let (tidy, lazy) = (create("tidy", 3), create("lazy", 30));
        let shielded = {
            let trace = trace.clone();
            registry.named("shielded").create_task(async move {
                shield(sleep(7 * SECOND)).await;
                trace.log("never, it is over when its shield is");
            })
        };
        let stuck = registry
            .named("held")
            .create_task(shield(sleep(20 * SECOND)));
        let deadline = Deadline::after(SECOND);
        let drained = registry.drain(deadline).patience(4 * SECOND).await;
        // The deadline, the grace, and patience.
        assert_eq!(executor.elapsed(), 10 * SECOND);
        assert_eq!(drained.cancelled().len(), 4);
        let names: Vec<_> = drained.stuck().iter().map(|task| task.name()).collect();
        assert_eq!((names, drained.left()), (vec![Some("held")], 1));
        assert!(tidy.await.is_ok());
        assert!(lazy.await.unwrap_err().is_cancelled());
        let _end = shielded.await;
        let _end = stuck.await;
        assert_eq!(executor.elapsed(), 20 * SECOND);
    });
    assert_eq!(
        trace.entries().first().map(String::as_str),
        Some("tidy Deadline")
    );
}

// Tasks-10
#[test]
fn ages_are_by_the_clock_of_the_spawner() {
    let executor = TestExecutor::new();
    executor.block_on(async {
        let registry = TaskRegistry::new();
        let mut tasks = Vec::new();
        for _ in 0..3 {
            tasks.push(registry.create_task(pending::<()>()));
            sleep(10 * SECOND).await;
        }
        let ages: Vec<_> = registry.snapshot().iter().map(|task| task.age()).collect();
        assert_eq!(ages, [30 * SECOND, 20 * SECOND, 10 * SECOND]);
        registry.cancel_all(CancelReason::explicit());
        registry.wait_idle().await;
    });
}
