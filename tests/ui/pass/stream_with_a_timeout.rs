//! A stream that can fail ends with an error where it was cut short.

use std::convert::Infallible;
use std::time::Duration;

use futures::TryStreamExt;
use ingather::{GroupOptions, block_on};

pub(crate) fn main() {
    let options = GroupOptions::new().timeout(Duration::from_secs(1));
    let whole = options.try_map_concurrent(1..=3, 2, |n| async move { Ok::<_, Infallible>(n) });
    assert_eq!(block_on(whole.try_collect::<Vec<_>>()).unwrap(), [1, 2, 3]);
}
