//! `cancel`: `n` children that wait are cancelled, and it is awaited that they are gone; figures are for one child.
//!
//! The spawning is not timed. Ours is `cancel` and `join` of a `GatherGroup` whose keys are gone; the peer,
//! `JoinSet::shutdown`.

use ingather::{GatherGroup, Spawner};
use tokio::task::JoinSet;

use crate::child::{Never, all_wait, none_waits};
use crate::cost::{Cost, Span};
use crate::executors::{Executor, Tokio};
use crate::report::{Report, Row};

const N: usize = 100_000;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let row = Row {
            work: "cancel",
            n: N,
            threads,
            peer: "tokio::JoinSet::shutdown",
            units: N,
        };
        let on = Tokio::new(threads);
        report.compare(
            row,
            |times| {
                let spawner = on.spawner();
                on.repeat_parts(times, move || ours(spawner.clone()))
            },
            |times| on.repeat_parts(times, join_set),
        );
    }
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S) -> Cost {
    let group = GatherGroup::on(&spawner);
    none_waits();
    for value in 0..N {
        drop(group.spawn(Never::new(value as u64)));
    }
    all_wait(N).await;
    let span = Span::begin();
    group.cancel();
    let tally = group.join().await;
    let cost = span.end();
    assert_eq!(tally.cancelled, N as u64, "each child was cancelled");
    cost
}

async fn join_set() -> Cost {
    let mut set = JoinSet::new();
    none_waits();
    for value in 0..N {
        set.spawn(Never::new(value as u64));
    }
    all_wait(N).await;
    let span = Span::begin();
    set.shutdown().await;
    let cost = span.end();
    assert!(set.is_empty(), "each task was cancelled");
    cost
}
