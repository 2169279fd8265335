//! The calls of a list give one type, and the error points at the one that does not.

use ingather::{block_on, calls, gather};

async fn one() -> u32 {
    1
}

async fn two() -> String {
    "two".to_owned()
}

pub(crate) fn main() {
    let all = block_on(gather(calls![one(), async { two().await.len() as u32 }]));
    assert_eq!(all.len(), 2);
}
