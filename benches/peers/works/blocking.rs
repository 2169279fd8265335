//! `blocking`: children that run on tokio's two workers while the thread that started them waits; figures are for one
//! child.
//!
//! Ours is a blocking scope whose body waits for the keys; its thread polls children, too. Children that are ready at
//! once are compared with one task a child, the handles awaited in `block_on`: those cannot borrow; and with
//! async-scoped, whose children can. 64 children that
//! compute, as many steps together as in `cpu`, are compared with one plain thread a processor.

use std::thread;

use async_scoped::TokioScope;
use ingather::parallel;
use tokio::runtime::Handle;

use super::cpu::compute;
use crate::child::{Child, sum};
use crate::cost::{Cost, Span};
use crate::executors::{Executor, Tokio};
use crate::report::{Report, Row};

const COMPUTING: usize = 64;

pub fn rows(report: &Report) {
    let on = Tokio::new(2);
    let handle = on.spawner();
    for n in [1_000, 100_000] {
        report.compare(
            row(n).against("tokio::spawn"),
            |times| repeat(times, || ready(&handle, n)),
            |times| repeat(times, || tasks(&handle, n)),
        );
    }
    // Its cost for a child grows with their number; 1,000 is as far as it goes in a reasonable time.
    let n = 1_000;
    report.compare(
        row(n).against("async_scoped::TokioScope"),
        |times| repeat(times, || ready(&handle, n)),
        |times| repeat(times, || scoped(&handle, n)),
    );
    let threads = thread::available_parallelism().map_or(2, usize::from);
    report.compare(
        row(COMPUTING).against("std::thread::scope"),
        |times| repeat(times, || computing(&handle)),
        |times| repeat(times, || plain(threads)),
    );
}

fn row(n: usize) -> Row {
    Row {
        work: "blocking",
        n,
        threads: 2,
        peer: "",
        units: n,
    }
}

/// Does a work over and over on this thread.
fn repeat(times: usize, work: impl Fn()) -> Cost {
    let span = Span::begin();
    for _ in 0..times {
        work();
    }
    span.end()
}

fn ready(handle: &Handle, n: usize) {
    let found = parallel::on(handle).scope(|tg| {
        let keys: Vec<_> = (0..n as u64)
            .map(|value| tg.spawn(Child::new(value, 0)))
            .collect();
        keys.into_iter()
            .map(|key| {
                tg.wait(key)
                    .expect("a child that nobody cancels gives its value")
            })
            .sum()
    });
    check(found, n);
}

fn tasks(handle: &Handle, n: usize) {
    let tasks: Vec<_> = (0..n as u64)
        .map(|value| handle.spawn(Child::new(value, 0)))
        .collect();
    let found = handle.block_on(async {
        let mut found = 0;
        for task in tasks {
            found += task
                .await
                .expect("a task that nobody cancels gives its value");
        }
        found
    });
    check(found, n);
}

fn scoped(handle: &Handle, n: usize) {
    let _inside = handle.enter();
    let ((), values) = TokioScope::scope_and_block(|scope| {
        for value in 0..n as u64 {
            scope.spawn(Child::new(value, 0));
        }
    });
    let found = values
        .into_iter()
        .map(|value| value.expect("a task that nobody cancels gives its value"))
        .sum();
    check(found, n);
}

fn check(found: u64, n: usize) {
    assert_eq!(found, sum(n as u64), "each child gave its value once");
}

fn computing(handle: &Handle) {
    parallel::on(handle).scope(|tg| {
        for _ in 0..COMPUTING {
            drop(tg.spawn(async { compute(COMPUTING) }));
        }
    });
}

/// Children are dealt out to so many threads, whose number need not divide theirs.
fn plain(threads: usize) {
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                (first..COMPUTING)
                    .step_by(threads)
                    .for_each(|_| compute(COMPUTING));
            });
        }
    });
}
