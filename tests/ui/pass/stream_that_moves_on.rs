//! A stream without a deadline.

use futures::StreamExt;
use ingather::{GroupOptions, block_on};

pub(crate) fn main() {
    let whole = GroupOptions::new().map_concurrent(1..=3, 2, |n| async move { n });
    assert_eq!(block_on(whole.collect::<Vec<_>>()), [1, 2, 3]);
}
