//! `completion`: among `n` children that wait one ends, its value is awaited, and another takes its place.
//!
//! Figures are for one such step; the child that has waited longest is the one that ends. Ours is a scope and its keys. It
//! is compared with itself among 1,000 children, which should not differ, and with `JoinSet`.

use std::sync::Arc;

use ingather::{Spawner, on};
use tokio::task::JoinSet;

use crate::child::{Gate, Waiting, all_wait, none_waits};
use crate::cost::{Cost, Span};
use crate::executors::{Executor, Tokio};
use crate::report::{Report, Row};

const FEW: usize = 1_000;
const STEPS: usize = 10_000;

pub fn rows(report: &Report) {
    for n in [FEW, 16_000, 256_000] {
        let row = Row {
            work: "completion",
            n,
            threads: 1,
            peer: "",
            units: STEPS,
        };
        let on = Tokio::new(1);
        let among = |n: usize, times: usize| {
            let (spawner, gates) = (on.spawner(), Gate::many(n));
            on.repeat_parts(times, move || ours(spawner.clone(), Arc::clone(&gates)))
        };
        report.compare(
            row.against("ingather, n = 1000"),
            |times| among(n, times),
            |times| among(FEW, times),
        );
        report.compare(
            row.against("tokio::JoinSet"),
            |times| among(n, times),
            |times| {
                let gates = Gate::many(n);
                on.repeat_parts(times, move || join_set(Arc::clone(&gates)))
            },
        );
    }
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S, gates: Arc<[Gate]>) -> Cost {
    let n = gates.len();
    none_waits();
    let cost = on(&spawner).scope(|tg| async move {
        let spawn = |gate| tg.spawn(Waiting::new(&gates, gate));
        let mut keys: Vec<_> = (0..n).map(spawn).collect();
        all_wait(n).await;
        let span = Span::begin();
        for gate in (0..n).cycle().take(STEPS) {
            gates[gate].open();
            let value = (&mut keys[gate]).await;
            assert_eq!(value, Ok(gate as u64), "it was this child's gate");
            keys[gate] = spawn(gate);
        }
        let cost = span.end();
        tg.cancel();
        cost
    });
    cost.await
}

async fn join_set(gates: Arc<[Gate]>) -> Cost {
    let n = gates.len();
    none_waits();
    let mut set = JoinSet::new();
    for gate in 0..n {
        set.spawn(Waiting::new(&gates, gate));
    }
    all_wait(n).await;
    let span = Span::begin();
    for gate in (0..n).cycle().take(STEPS) {
        gates[gate].open();
        let value = set.join_next().await;
        let value = value.expect("it is not empty").ok();
        assert_eq!(value, Some(gate as u64), "it was this task's gate");
        set.spawn(Waiting::new(&gates, gate));
    }
    let cost = span.end();
    set.shutdown().await;
    cost
}
