//! `stream`: `n` children that yield once, 64 of them in flight, each followed by the next as its value is consumed.
//!
//! Ours is a `GatherGroup`, which tells of completions; the keys are in a map, as its documentation shows it. The peer:
//! `JoinSet`. Figures are for one child.

use std::collections::HashMap;

use ingather::{GatherGroup, Spawner};
use tokio::task::JoinSet;

use super::compare;
use crate::child::{Child, sum};
use crate::executors::Tokio;
use crate::report::{Report, Row};

const N: u64 = 100_000;
const IN_FLIGHT: u64 = 64;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let row = Row {
            work: "stream",
            n: N as usize,
            threads,
            peer: "tokio::JoinSet",
            units: N as usize,
        };
        compare(report, row, &Tokio::new(threads), ours, join_set);
    }
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S) {
    let group = GatherGroup::on(&spawner);
    let mut keys = HashMap::new();
    let mut children = (0..N).map(|value| Child::new(value, 1));
    for child in children.by_ref().take(IN_FLIGHT as usize) {
        let key = group.spawn(child);
        keys.insert(key.id(), key);
    }
    let mut found = 0;
    while let Some(done) = group.next().await {
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
    assert_eq!(found, sum(N), "each child gave its value once");
}

async fn join_set() {
    let mut set = JoinSet::new();
    let mut children = (0..N).map(|value| Child::new(value, 1));
    for child in children.by_ref().take(IN_FLIGHT as usize) {
        set.spawn(child);
    }
    let mut found = 0;
    while let Some(value) = set.join_next().await {
        found += value.expect("a task that nobody cancels gives its value");
        if let Some(child) = children.next() {
            set.spawn(child);
        }
    }
    assert_eq!(found, sum(N), "each child gave its value once");
}
