//! A tuple of callables, each of its own type.

use ingather::{block_on, gather};

async fn f(n: u32) -> u32 {
    n
}

pub(crate) fn main() {
    assert_eq!(block_on(gather((|| f(1), || async { "two" }))), (1, "two"));
}
