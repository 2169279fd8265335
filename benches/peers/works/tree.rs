//! `tree`: groups within groups, two children each, so deep that there are about `n` groups; figures are for one group.
//!
//! Ours are scopes on the spawner of the scope that surrounds them. The peer: a `JoinSet` in each task.

use std::future::Future;
use std::pin::Pin;

use ingather::{Spawner, scope, scope_on};
use tokio::task::JoinSet;

use super::compare;
use crate::executors::Tokio;
use crate::report::{Report, Row};

const DEPTH: u32 = 16;

/// A node is a function that calls itself, so its future is in a box, on either side.
type Node = Pin<Box<dyn Future<Output = u64> + Send>>;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let row = Row {
            work: "tree",
            n: 1 << DEPTH,
            threads,
            peer: "tokio::JoinSet",
            units: 1 << DEPTH,
        };
        compare(report, row, &Tokio::new(threads), ours, join_set);
    }
}

fn check(leaves: u64) {
    assert_eq!(leaves, 1 << DEPTH, "each leaf was counted once");
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S) {
    let leaves = scope_on(&spawner, |tg| async move {
        let tree = tg.spawn(our_node(DEPTH));
        tree.await
            .expect("a child that nobody cancels gives its value")
    });
    check(leaves.await);
}

fn our_node(depth: u32) -> Node {
    if depth == 0 {
        return Box::pin(async { 1 });
    }
    Box::pin(scope(move |tg| async move {
        let left = tg.spawn(our_node(depth - 1));
        let right = tg.spawn(our_node(depth - 1));
        let [left, right] = [left.await, right.await]
            .map(|leaves| leaves.expect("a child that nobody cancels gives its value"));
        left + right
    }))
}

async fn join_set() {
    check(node_of_join_sets(DEPTH).await);
}

fn node_of_join_sets(depth: u32) -> Node {
    if depth == 0 {
        return Box::pin(async { 1 });
    }
    Box::pin(async move {
        let mut set = JoinSet::new();
        set.spawn(node_of_join_sets(depth - 1));
        set.spawn(node_of_join_sets(depth - 1));
        let mut leaves = 0;
        while let Some(below) = set.join_next().await {
            leaves += below.expect("a task that nobody cancels gives its value");
        }
        leaves
    })
}
