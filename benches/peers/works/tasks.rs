//! `create_task`: `n` background tasks are created and it is awaited that all are over; figures are for one task.
//!
//! Ours is `TaskRegistry::create_task` and `wait_idle`; the peer, `TaskTracker::spawn` and `wait`, which is `tokio::spawn` with
//! a count. Rows differ in what becomes of the handles: they are dropped at once; all are awaited afterwards; each is awaited before the
//! next task is created. In the last row of each group ours is the function `create_task`, which looks for its registry.
//!
//! `tasks_held`: the bytes that a registry holds when `n` tasks are over, compared with itself after the first thousand.

use std::fmt::Debug;
use std::future::Future;

use ingather::spawner::{SpawnerHandle, enter};
use ingather::{Spawner, TaskRegistry, create_task};
use tokio_util::task::TaskTracker;

use super::compare;
use crate::child::{Child, sum};
use crate::cost::{Cost, Span};
use crate::executors::{Executor, Tokio};
use crate::report::{Report, Row};

const N: usize = 100_000;
const DROPPED: &str = "TaskTracker::spawn, handles dropped";
const AWAITED: &str = "TaskTracker::spawn, handles awaited";
const IN_TURN: &str = "TaskTracker::spawn, one after the other";
const FUNCTION: &str = "TaskTracker::spawn, ours the function";
const FEW: usize = 1_000;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let on = Tokio::new(threads);
        let row = |n, peer| Row {
            work: "create_task",
            n,
            threads,
            peer,
            units: n,
        };
        compare(
            report,
            row(N, DROPPED),
            &on,
            |s| dropped(s, N),
            || tracker_dropped(N),
        );
        compare(
            report,
            row(N, AWAITED),
            &on,
            |s| awaited(s, N),
            || tracker_awaited(N),
        );
        compare(
            report,
            row(FEW, IN_TURN),
            &on,
            |s| in_turn(s, FEW),
            || tracker_in_turn(FEW),
        );
        compare(
            report,
            row(N, FUNCTION),
            &on,
            |s| function(s, N),
            || tracker_dropped(N),
        );
    }
}

pub fn held_rows(report: &Report) {
    let n = report.amount(200_000, 10_000_000);
    let row = Row {
        work: "tasks_held",
        n,
        threads: 1,
        peer: "itself after 1000",
        units: 1,
    };
    let after = |n| {
        let on = Tokio::new(1);
        let spawner = on.spawner();
        on.run(held(spawner, n))
    };
    report.compare_memory(row, 0, || after(n), || after(FEW));
}

/// What is held when `n` tasks are over, a thousand of them at a time.
async fn held<S: Spawner + Clone + 'static>(spawner: S, n: usize) -> Cost {
    let span = Span::begin();
    let registry = TaskRegistry::on(&spawner);
    for _ in 0..n / FEW {
        for child in children(FEW) {
            drop(registry.create_task(child));
        }
        registry.wait_idle().await;
    }
    let cost = span.end();
    assert!(registry.is_empty(), "each task is over");
    cost
}

fn children(n: usize) -> impl Iterator<Item = Child> {
    (0..n as u64).map(|value| Child::new(value, 0))
}

async fn dropped<S: Spawner + Clone + 'static>(spawner: S, n: usize) {
    let registry = TaskRegistry::on(&spawner);
    for child in children(n) {
        drop(registry.create_task(child));
    }
    registry.wait_idle().await;
    assert!(registry.is_empty(), "each task is over");
}

async fn tracker_dropped(n: usize) {
    let tracker = TaskTracker::new();
    for child in children(n) {
        drop(tracker.spawn(child));
    }
    tracker.close();
    tracker.wait().await;
    assert!(tracker.is_empty(), "each task is over");
}

async fn awaited<S: Spawner + Clone + 'static>(spawner: S, n: usize) {
    let registry = TaskRegistry::on(&spawner);
    let tasks: Vec<_> = children(n)
        .map(|child| registry.create_task(child))
        .collect();
    each_gave_its_value(tasks).await;
}

async fn tracker_awaited(n: usize) {
    let tracker = TaskTracker::new();
    let tasks: Vec<_> = children(n).map(|child| tracker.spawn(child)).collect();
    each_gave_its_value(tasks).await;
}

async fn each_gave_its_value<T, E>(tasks: Vec<T>)
where
    T: Future<Output = Result<u64, E>>,
    E: Debug,
{
    let (n, mut found) = (tasks.len() as u64, 0);
    for task in tasks {
        found += task
            .await
            .expect("a task that nobody cancels gives its value");
    }
    assert_eq!(found, sum(n), "each task gave its value once");
}

async fn in_turn<S: Spawner + Clone + 'static>(spawner: S, n: usize) {
    let registry = TaskRegistry::on(&spawner);
    for child in children(n) {
        let value = registry.create_task(child).await;
        value.expect("a task that nobody cancels gives its value");
    }
}

async fn tracker_in_turn(n: usize) {
    let tracker = TaskTracker::new();
    for child in children(n) {
        let value = tracker.spawn(child).await;
        value.expect("a task that nobody cancels gives its value");
    }
}

/// Looks the registry up at each task.
async fn function<S: Spawner + Clone + 'static>(spawner: S, n: usize) {
    let spawner = SpawnerHandle::new(spawner);
    let registry = {
        let _current = enter(&spawner);
        for child in children(n) {
            drop(create_task(child));
        }
        TaskRegistry::current()
    };
    registry.wait_idle().await;
    assert!(registry.is_empty(), "each task is over");
}
