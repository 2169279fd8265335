//! `to_thread`, `to_thread_many`: closures on other threads, one after the other and 10,000 at once, on tokio's current-thread
//! runtime and on its two workers; figures are for one closure.
//!
//! Ours is `to_thread` on the default pool, and for many at once `spawn_blocking` of a scope, whose keys are awaited. The peers
//! are tokio's `spawn_blocking` and `unblock` of the crate `blocking`, whose handles are awaited in their order.

use std::future::Future;
use std::hint::black_box;

use ingather::{Spawner, on, to_thread};
use tokio::task::spawn_blocking;

use super::compare;
use crate::child::sum;
use crate::executors::Tokio;
use crate::report::{Report, Row};

const AFTER_ANOTHER: usize = 100;
const AT_ONCE: usize = 10_000;
const ENDS: &str = "a closure that does not panic gives its value";

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let on = Tokio::new(threads);
        let row = |peer| Row {
            work: "to_thread",
            n: AFTER_ANOTHER,
            threads,
            peer,
            units: AFTER_ANOTHER,
        };
        let ours = |_| one_by_one(|value| to_thread(closure(value)));
        compare(
            report,
            row("tokio::task::spawn_blocking"),
            &on,
            ours,
            || one_by_one(async |value| spawn_blocking(closure(value)).await.expect(ENDS)),
        );
        compare(report, row("blocking::unblock"), &on, ours, || {
            one_by_one(|value| blocking::unblock(closure(value)))
        });
    }
}

pub fn many(report: &Report) {
    for threads in [1, 2] {
        let on = Tokio::new(threads);
        let row = |peer| Row {
            work: "to_thread_many",
            n: AT_ONCE,
            threads,
            peer,
            units: AT_ONCE,
        };
        compare(
            report,
            row("tokio::task::spawn_blocking"),
            &on,
            children,
            || {
                let tasks = || values(AT_ONCE).map(|value| spawn_blocking(closure(value)));
                at_once(move || tasks().map(async |task| task.await.expect(ENDS)))
            },
        );
        compare(report, row("blocking::unblock"), &on, children, || {
            at_once(|| values(AT_ONCE).map(|value| blocking::unblock(closure(value))))
        });
    }
}

fn values(n: usize) -> impl Iterator<Item = u64> {
    0..n as u64
}

fn closure(value: u64) -> impl FnOnce() -> u64 + Send + 'static {
    move || black_box(value)
}

async fn one_by_one<F>(call: impl Fn(u64) -> F)
where
    F: Future<Output = u64>,
{
    let mut found = 0;
    for value in values(AFTER_ANOTHER) {
        found += call(value).await;
    }
    check(found, AFTER_ANOTHER);
}

/// All are made, and sent, before one is awaited.
async fn at_once<I>(tasks: impl FnOnce() -> I)
where
    I: Iterator<Item: Future<Output = u64>>,
{
    let tasks: Vec<_> = tasks().collect();
    let mut found = 0;
    for task in tasks {
        found += task.await;
    }
    check(found, AT_ONCE);
}

async fn children<S: Spawner + Clone + 'static>(spawner: S) {
    let found = on(&spawner)
        .scope(async |tg| {
            let keys: Vec<_> = values(AT_ONCE)
                .map(|value| tg.spawn_blocking(closure(value)))
                .collect();
            let mut found = 0;
            for key in keys {
                found += key.await.expect(ENDS);
            }
            found
        })
        .await;
    check(found, AT_ONCE);
}

fn check(found: u64, n: usize) {
    assert_eq!(found, sum(n as u64), "each closure gave its value once");
}
