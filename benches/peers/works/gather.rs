//! Gathers of calls, their values in call order; figures are for one call.
//!
//! `inline_gather`: `n` calls of one type that are ready at once, in one task, and two of a tuple. The peers: `join_all` of two crates,
//! and `join!`, with the same children.
//!
//! `inline_race`: two calls in one task, of which the second wins. The peer: `select`.
//!
//! `gather`, `gather_yield1`: a few calls on an executor, a tuple of two and ten of one type, which are ready at once or yield once.
//! The peer: as many tasks, which are then awaited, two of them by `join!`.

use std::future::pending;
use std::pin::pin;

use futures::future::{Either, select};
use ingather::{Spawner, inline, on};
use tokio::spawn;

use super::compare;
use crate::child::{Child, sum};
use crate::executors::Tokio;
use crate::report::{Report, Row};

pub fn inline(report: &Report) {
    for n in [10, 1_000, 100_000] {
        let row = Row {
            work: "inline_gather",
            n,
            threads: 1,
            peer: "",
            units: n,
        };
        let buffered = move || async move { check(futures_buffered::join_all(children(n)).await) };
        let row = row.against("futures_buffered::join_all");
        compare(report, row, &Tokio::new(1), move |_| ours(n), buffered);

        let joined = move || async move { check(futures::future::join_all(children(n)).await) };
        let row = row.against("futures::join_all");
        compare(report, row, &Tokio::new(1), move |_| ours(n), joined);
    }
    let row = Row {
        work: "inline_gather",
        n: 2,
        threads: 1,
        peer: "futures::join!",
        units: 2,
    };
    let joined = || async {
        let (a, b) = futures::join!(Child::new(0, 0), Child::new(1, 0));
        check(vec![a, b]);
    };
    let ours = |_| async {
        let (a, b) = inline::gather((|| Child::new(0, 0), || Child::new(1, 0))).await;
        check(vec![a, b]);
    };
    compare(report, row, &Tokio::new(1), ours, joined);
}

/// The second call wins, once it has yielded.
pub fn races(report: &Report) {
    let row = Row {
        work: "inline_race",
        n: 2,
        threads: 1,
        peer: "futures::future::select",
        units: 2,
    };
    let ours = |_| async {
        let first = inline::race((|| pending(), || Child::new(1, 1))).await;
        assert_eq!(first, 1, "the second wins");
    };
    let selects = || async {
        let (loser, winner) = (pin!(pending::<u64>()), pin!(Child::new(1, 1)));
        let Either::Right((first, _loser)) = select(loser, winner).await else {
            unreachable!("the first is pending");
        };
        assert_eq!(first, 1, "the second wins");
    };
    compare(report, row, &Tokio::new(1), ours, selects);
}

pub fn ready(report: &Report) {
    on_tokio(report, "gather", 0);
}

pub fn yield1(report: &Report) {
    on_tokio(report, "gather_yield1", 1);
}

fn on_tokio(report: &Report, work: &'static str, yields: u32) {
    for threads in [1, 2] {
        let tokio = Tokio::new(threads);
        let row = |n, peer| Row {
            work,
            n,
            threads,
            peer,
            units: n,
        };
        let two = move |s| two(s, yields);
        let peer = move || two_tasks(yields);
        compare(report, row(2, "tokio::spawn, join!"), &tokio, two, peer);
        let ten = move |s| ten(s, yields);
        let peer = move || ten_tasks(yields);
        compare(report, row(10, "tokio::spawn, awaited"), &tokio, ten, peer);
    }
}

async fn two<S: Spawner + Clone + 'static>(spawner: S, yields: u32) {
    let calls = (move || Child::new(0, yields), move || Child::new(1, yields));
    let (a, b) = on(&spawner).gather(calls).await;
    assert_eq!(a + b, sum(2), "each gave its value");
}

async fn two_tasks(yields: u32) {
    let (a, b) = futures::join!(spawn(Child::new(0, yields)), spawn(Child::new(1, yields)));
    let both = a.expect("it is not cancelled") + b.expect("it is not cancelled");
    assert_eq!(both, sum(2), "each gave its value");
}

async fn ten<S: Spawner + Clone + 'static>(spawner: S, yields: u32) {
    let calls = (0..10).map(|value| move || Child::new(value, yields));
    check(on(&spawner).gather(calls).await);
}

async fn ten_tasks(yields: u32) {
    let tasks: Vec<_> = (0..10)
        .map(|value| spawn(Child::new(value, yields)))
        .collect();
    let mut values = Vec::with_capacity(10);
    for task in tasks {
        values.push(task.await.expect("it is not cancelled"));
    }
    check(values);
}

fn children(n: usize) -> impl Iterator<Item = Child> {
    (0..n as u64).map(|value| Child::new(value, 0))
}

fn check(values: Vec<u64>) {
    let n = values.len() as u64;
    assert_eq!(
        values.into_iter().sum::<u64>(),
        sum(n),
        "each gave its value once"
    );
}

async fn ours(n: usize) {
    check(inline::gather(children(n).map(|child| move || child)).await);
}
