//! `cpu`: `n` children that compute, for some 30 ms together, and never yield; on two threads; figures are for one child.
//!
//! The ideal that they are compared with: two plain threads, each with half of the work.

use std::hint::black_box;
use std::thread;

use ingather::{Spawner, on};

use crate::cost::{Cost, Span};
use crate::executors::{AsyncExecutor, Executor, Tokio};
use crate::report::{Report, Row};

/// The steps of all children together.
const STEPS: usize = 16_000_000;

pub fn rows(report: &Report) {
    for n in [2, 64] {
        compare(report, &Tokio::new(2), n);
        compare(report, &AsyncExecutor::new(2), n);
    }
}

fn compare<X: Executor<Spawner: Send>>(report: &Report, on: &X, n: usize) {
    let row = Row {
        work: "cpu",
        n,
        threads: 2,
        peer: "std::thread::scope",
        units: n,
    };
    report.compare(
        row,
        |times| {
            let spawner = on.spawner();
            on.repeat(times, move || ours(spawner.clone(), n))
        },
        |times| (0..times).map(|_| threads(n)).sum(),
    );
}

/// What one of `n` children computes.
pub fn compute(n: usize) {
    let mut x = 1_u64;
    for _ in 0..STEPS / n {
        x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S, n: usize) {
    on(&spawner)
        .scope(move |tg| async move {
            for _ in 0..n {
                drop(tg.spawn(async move { compute(n) }));
            }
        })
        .await;
}

fn threads(n: usize) -> Cost {
    let span = Span::begin();
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| (0..n / 2).for_each(|_| compute(n)));
        }
    });
    span.end()
}
