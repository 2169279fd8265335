//! A value is gathered through a callable that gives a future of it.

use std::future::ready;

use ingather::{block_on, gather};

pub(crate) fn main() {
    let values = block_on(gather(vec![1, 2].into_iter().map(|n| move || ready(n))));
    assert_eq!(values, [1, 2]);
}
