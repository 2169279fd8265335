//! `tree`, `tree_inline`: groups within groups, two children each, so deep that there are about `n` groups; figures are for
//! one group.
//!
//! Ours are scopes on the spawner of the scope that surrounds them, or inline scopes. The peers: a `JoinSet` in each task, or
//! a `FuturesUnordered`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ingather::kind::Accepts;
use ingather::{Scope, Spawner, inline, on, scope};
use tokio::task::JoinSet;

use super::compare;
use crate::executors::Tokio;
use crate::report::{Report, Row};

const DEPTH: u32 = 16;

/// A node is a function that calls itself, so its future is in a box, on either side.
type Node = Pin<Box<dyn Future<Output = u64> + Send>>;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let row = row("tree", threads, "tokio::JoinSet");
        compare(report, row, &Tokio::new(threads), ours, join_set);
    }
}

pub fn inline(report: &Report) {
    let row = row("tree_inline", 1, "futures::FuturesUnordered");
    let ours = |_| async { check(inline_node(DEPTH).await) };
    let peer = || async { check(node_of_unordered(DEPTH).await) };
    compare(report, row, &Tokio::new(1), ours, peer);
}

fn row(work: &'static str, threads: usize, peer: &'static str) -> Row {
    Row {
        work,
        n: 1 << DEPTH,
        threads,
        peer,
        units: 1 << DEPTH,
    }
}

fn check(leaves: u64) {
    assert_eq!(leaves, 1 << DEPTH, "each leaf was counted once");
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S) {
    let leaves = on(&spawner).scope(|tg| async move {
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
    Box::pin(scope(move |tg| both(tg, our_node, depth - 1)))
}

fn inline_node(depth: u32) -> Node {
    if depth == 0 {
        return Box::pin(async { 1 });
    }
    Box::pin(inline::scope(move |tg| both(tg, inline_node, depth - 1)))
}

fn node_of_unordered(depth: u32) -> Node {
    if depth == 0 {
        return Box::pin(async { 1 });
    }
    Box::pin(async move {
        let set: FuturesUnordered<_> = [depth - 1; 2].map(node_of_unordered).into_iter().collect();
        set.fold(0, async |leaves, below| leaves + below).await
    })
}

/// The body of each of our groups: two trees of this depth.
async fn both<K>(tg: Scope<'_, Infallible, K>, node: fn(u32) -> Node, depth: u32) -> u64
where
    K: Accepts<Node> + Accepts<u64>,
{
    let [left, right] = [(); 2].map(|()| tg.spawn(node(depth)));
    let [left, right] = [left.await, right.await]
        .map(|leaves| leaves.expect("a child that nobody cancels gives its value"));
    left + right
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
