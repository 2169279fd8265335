//! `inline::gather`: `n` calls of one type that are ready at once, in one task, their values in call order; figures are
//! for one call.
//!
//! The peers: `join_all` of two crates, with the same children.

use ingather::inline;

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
