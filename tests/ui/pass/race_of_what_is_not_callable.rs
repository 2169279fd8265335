//! A value races through a callable that gives a future of it.

use std::future::ready;

use ingather::{block_on, race};

pub(crate) fn main() {
    let first = block_on(race(vec![1, 2].into_iter().map(|n| move || ready(n))));
    assert_eq!(first, 1);
}
