//! Children that run in the task that awaits them: `inline`, `inline_yield1`; figures are for one child.
//!
//! Ours is an inline scope whose body awaits the keys. The peers: two sets that are consumed until they are empty,
//! `join_all`, and moro, whose scope is of our kind. Both sides are one task of tokio's current-thread runtime.

use futures::future::{join_all, ready as ready_now};
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use futures_buffered::FuturesUnorderedBounded;
use ingather::inline;

use super::compare;
use crate::child::{Child, sum};
use crate::executors::Tokio;
use crate::report::{Report, Row};

/// Children that are ready at their first poll.
pub fn ready(report: &Report) {
    rows(report, "inline", 0);
}

/// Children that yield once.
pub fn yield1(report: &Report) {
    rows(report, "inline_yield1", 1);
}

fn rows(report: &Report, work: &'static str, yields: u32) {
    for n in [10, 1_000, 100_000] {
        let row = Row {
            work,
            n,
            threads: 1,
            peer: "",
            units: n,
        };
        unordered(report, row, yields);
        buffered(report, row, yields);
        joined(report, row, yields);
        moro(report, row, yields);
    }
}

fn children(n: usize, yields: u32) -> impl Iterator<Item = Child> {
    (0..n as u64).map(move |value| Child::new(value, yields))
}

fn check(found: u64, n: usize) {
    assert_eq!(found, sum(n as u64), "each child gave its value once");
}

async fn ours(n: usize, yields: u32) {
    let found = inline::scope(|tg| async move {
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

fn against_ours<F: Future<Output = ()> + Send>(
    report: &Report,
    row: Row,
    yields: u32,
    peer: impl Fn() -> F + Clone + Send + 'static,
) {
    let ours = move |_| ours(row.n, yields);
    compare(report, row, &Tokio::new(1), ours, peer);
}

/// Consumes a set until it is empty.
async fn drain(set: impl Stream<Item = u64>) -> u64 {
    set.fold(0, |found, value| ready_now(found + value)).await
}

fn unordered(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let set: FuturesUnordered<_> = children(row.n, yields).collect();
        check(drain(set).await, row.n);
    };
    against_ours(
        report,
        row.against("futures::FuturesUnordered"),
        yields,
        work,
    );
}

fn buffered(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let set: FuturesUnorderedBounded<_> = children(row.n, yields).collect();
        check(drain(set).await, row.n);
    };
    against_ours(
        report,
        row.against("futures_buffered::FuturesUnorderedBounded"),
        yields,
        work,
    );
}

fn moro(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let found = moro::async_scope!(|scope| {
            let tasks: Vec<_> = children(row.n, yields).map(|c| scope.spawn(c)).collect();
            let mut found = 0;
            for task in tasks {
                found += task.await;
            }
            found
        });
        check(found.await, row.n);
    };
    against_ours(report, row.against("moro"), yields, work);
}

fn joined(report: &Report, row: Row, yields: u32) {
    let work = move || async move {
        let values = join_all(children(row.n, yields)).await;
        check(values.into_iter().sum(), row.n);
    };
    against_ours(report, row.against("futures::join_all"), yields, work);
}
