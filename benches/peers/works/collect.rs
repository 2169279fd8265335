//! Children are spawned and their values are awaited: `spawn`, `one`, `yield1`, `yield10`; figures are for one child.
//!
//! Ours is a scope whose body awaits the keys. The peers: `JoinSet` until it is empty; one task a child, the handles
//! awaited in turn; and `FuturesUnordered`, which runs in one task.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ingather::{Spawner, on};
use tokio::task::JoinSet;

use super::compare;
use crate::child::{Child, sum};
use crate::executors::{AsyncExecutor, Executor, Tokio};
use crate::report::{Report, Row};

/// Children that are ready at their first poll, from a few to a million.
pub fn spawn(report: &Report) {
    for n in [10, 1_000, 100_000, 1_000_000] {
        for threads in [1, 2] {
            let row = row("spawn", n, threads);
            join_set(report, row, 0);
            tokio_spawn(report, row, 0);
            async_executor_spawn(report, row, 0);
            if threads == 1 && n <= 100_000 {
                unordered(report, row, 0);
            }
        }
    }
}

/// A scope of one child.
pub fn one(report: &Report) {
    for threads in [1, 2] {
        let row = row("one", 1, threads);
        tokio_spawn(report, row, 0);
        async_executor_spawn(report, row, 0);
    }
}

/// Children that yield once.
pub fn yield1(report: &Report) {
    yields(report, "yield1", 1);
}

/// Children that yield ten times.
pub fn yield10(report: &Report) {
    yields(report, "yield10", 10);
}

fn yields(report: &Report, work: &'static str, yields: u32) {
    for n in [1_000, 100_000] {
        for threads in [1, 2] {
            let row = row(work, n, threads);
            tokio_spawn(report, row, yields);
            async_executor_spawn(report, row, yields);
        }
    }
}

fn row(work: &'static str, n: usize, threads: usize) -> Row {
    Row {
        work,
        n,
        threads,
        peer: "",
        units: n,
    }
}

fn children(n: usize, yields: u32) -> impl Iterator<Item = Child> {
    (0..n as u64).map(move |value| Child::new(value, yields))
}

fn check(found: u64, n: usize) {
    assert_eq!(found, sum(n as u64), "each child gave its value once");
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S, n: usize, yields: u32) {
    let found = on(&spawner).scope(move |tg| async move {
        let keys: Vec<_> = children(n, yields).map(|c| tg.spawn(c)).collect();
        let mut found = 0;
        for key in keys {
            found += key
                .await
                .expect("a child that nobody cancels gives its value");
        }
        found
    });
    check(found.await, n);
}

fn join_set(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let mut set = JoinSet::new();
        for child in children(row.n, yields) {
            set.spawn(child);
        }
        let mut found = 0;
        while let Some(value) = set.join_next().await {
            found += value.expect("a task that nobody cancels gives its value");
        }
        check(found, row.n);
    };
    let row = row.against("tokio::JoinSet");
    compare(
        report,
        row,
        &Tokio::new(row.threads),
        move |spawner| ours(spawner, row.n, yields),
        work,
    );
}

fn tokio_spawn(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let tasks: Vec<_> = children(row.n, yields).map(tokio::spawn).collect();
        let mut found = 0;
        for task in tasks {
            found += task
                .await
                .expect("a task that nobody cancels gives its value");
        }
        check(found, row.n);
    };
    let row = row.against("tokio::spawn");
    compare(
        report,
        row,
        &Tokio::new(row.threads),
        move |spawner| ours(spawner, row.n, yields),
        work,
    );
}

fn async_executor_spawn(report: &Report, row: Row, yields: u32) {
    let on = AsyncExecutor::new(row.threads);
    let executor = on.spawner();
    let work = move || {
        let executor = Arc::clone(&executor);
        async move {
            let tasks: Vec<_> = children(row.n, yields)
                .map(|child| async_executor::Executor::spawn(&executor, child))
                .collect();
            let mut found = 0;
            for task in tasks {
                found += task.await;
            }
            check(found, row.n);
        }
    };
    let row = row.against("async_executor::Executor::spawn");
    compare(
        report,
        row,
        &on,
        move |spawner| ours(spawner, row.n, yields),
        work,
    );
}

fn unordered(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let mut set: FuturesUnordered<_> = children(row.n, yields).collect();
        let mut found = 0;
        while let Some(value) = set.next().await {
            found += value;
        }
        check(found, row.n);
    };
    let row = row.against("futures::FuturesUnordered");
    compare(
        report,
        row,
        &Tokio::new(row.threads),
        move |spawner| ours(spawner, row.n, yields),
        work,
    );
}
