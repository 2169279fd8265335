//! `stream`, `stream_inline`: `n` children that yield once, 64 of them in flight, each followed by the next as its value is
//! consumed; figures are for one child.
//!
//! On a spawner ours is `map_concurrent(…).unordered()`; and, in rows of its own, a `GatherGroup` that tells of completions, with
//! the keys in a map, as its documentation shows it. The peer: `JoinSet`. Inline, ours is a scope with a limit, whose
//! children hand over their values themselves. The peer: `futures-buffered`.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use futures::{StreamExt, stream};
use futures_buffered::BufferedStreamExt;
use ingather::{GatherGroup, GroupOptions, Spawner, on};
use tokio::task::JoinSet;

use super::compare;
use crate::child::{Child, sum};
use crate::executors::Tokio;
use crate::report::{Report, Row};

const N: u64 = 100_000;
const IN_FLIGHT: usize = 64;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let (on, row) = (Tokio::new(threads), row("stream", threads));
        compare(report, row.against("tokio::JoinSet"), &on, mapped, join_set);
        let with_keys = row.against("tokio::JoinSet, ours a GatherGroup");
        compare(report, with_keys, &on, with_keys_in_a_map, join_set);
    }
}

pub fn inline(report: &Report) {
    let row = row("stream_inline", 1).against("futures_buffered::buffered_unordered");
    compare(report, row, &Tokio::new(1), |_| in_a_scope(), buffered);
}

fn row(work: &'static str, threads: usize) -> Row {
    Row {
        work,
        n: N as usize,
        threads,
        peer: "",
        units: N as usize,
    }
}

fn children() -> impl Iterator<Item = Child> {
    (0..N).map(|value| Child::new(value, 1))
}

fn check(found: u64) {
    assert_eq!(found, sum(N), "each child gave its value once");
}

async fn mapped<S: Spawner + Clone + 'static>(spawner: S) {
    let values = on(&spawner)
        .map_concurrent(children(), IN_FLIGHT, |child| child)
        .unordered();
    check(values.fold(0, async |found, value| found + value).await);
}

async fn in_a_scope() {
    let found = AtomicU64::new(0);
    let scope = GroupOptions::new().limit(IN_FLIGHT).inline().scope(|tg| {
        let found = &found;
        async move {
            for child in children() {
                let counted = async move {
                    found.fetch_add(child.await, Relaxed);
                };
                drop(tg.child().spawn_when_free(counted).await);
            }
        }
    });
    scope.await;
    check(found.into_inner());
}

async fn buffered() {
    let values = stream::iter(children()).buffered_unordered(IN_FLIGHT);
    check(values.fold(0, async |found, value| found + value).await);
}

async fn with_keys_in_a_map<S: Spawner + Clone + 'static>(spawner: S) {
    let group = GatherGroup::on(&spawner);
    let mut keys = HashMap::new();
    let mut children = children();
    for child in children.by_ref().take(IN_FLIGHT) {
        let key = group.spawn(child);
        keys.insert(key.id(), key);
    }
    let mut found = 0;
    while let Some(done) = group.next_if_any().await {
        let key = done.id().and_then(|id| keys.remove(&id));
        let key = key.expect("a completion is that of a key we hold");
        found += group
            .take_result(key)
            .expect("a child that nobody cancels gives its value");
        if let Some(child) = children.next() {
            let key = group.spawn(child);
            keys.insert(key.id(), key);
        }
    }
    group.join().await;
    check(found);
}

async fn join_set() {
    let mut set = JoinSet::new();
    let mut children = children();
    for child in children.by_ref().take(IN_FLIGHT) {
        set.spawn(child);
    }
    let mut found = 0;
    while let Some(value) = set.join_next().await {
        found += value.expect("a task that nobody cancels gives its value");
        if let Some(child) = children.next() {
            set.spawn(child);
        }
    }
    check(found);
}
