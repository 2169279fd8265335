//! `memory`: what `n` children that wait take, with what it needs to get their values; figures are bytes for one child
//! over the size of its future.
//!
//! Ours are a `GatherGroup` and its keys. The peers: `JoinSet`; tasks of tokio and of async-executor with their handles.

use ingather::GatherGroup;
use tokio::task::JoinSet;

use crate::child::{Never, all_wait, none_waits};
use crate::cost::{Cost, Span};
use crate::executors::{AsyncExecutor, Executor, Tokio};
use crate::report::{Report, Row};

const N: usize = 100_000;

pub fn rows(report: &Report) {
    // Each side has an executor of its own: what one leaves behind must not be freed on the other's account.
    let tokio = || Tokio::new(1);
    let join_set = || tokio().run(held(|| children().collect::<JoinSet<_>>()));
    compare(report, &tokio(), "tokio::JoinSet", join_set);
    let spawned = || tokio().run(held(|| children().map(tokio::spawn).collect::<Vec<_>>()));
    compare(report, &tokio(), "tokio::spawn", spawned);
    let spawned = || {
        let on = AsyncExecutor::new(1);
        let executor = on.spawner();
        on.run(held(move || {
            let spawn = |child| async_executor::Executor::spawn(&executor, child);
            children().map(spawn).collect::<Vec<_>>()
        }))
    };
    let on = AsyncExecutor::new(1);
    compare(report, &on, "async_executor::Executor::spawn", spawned);
}

fn compare<X>(report: &Report, on: &X, peer: &'static str, theirs: impl FnOnce() -> Cost)
where
    X: Executor<Spawner: Send>,
{
    let row = Row {
        work: "memory",
        n: N,
        threads: 1,
        peer,
        units: N,
    };
    let spawner = on.spawner();
    let ours = || {
        on.run(held(move || {
            let group = GatherGroup::on(&spawner);
            let keys: Vec<_> = children().map(|child| group.spawn(child)).collect();
            (keys, group)
        }))
    };
    report.compare_memory(row, size_of::<Never>(), ours, theirs);
}

fn children() -> impl Iterator<Item = Never> {
    (0..N as u64).map(Never::new)
}

/// What is held when the children wait.
async fn held<T: Send>(spawn: impl FnOnce() -> T + Send) -> Cost {
    none_waits();
    let span = Span::begin();
    let children = spawn();
    all_wait(N).await;
    let cost = span.end();
    drop(children);
    cost
}
