//! `||` before each future makes callables of them.

use ingather::{block_on, gather};

async fn f(n: u32) -> u32 {
    n
}

pub(crate) fn main() {
    assert_eq!(block_on(gather(vec![|| f(1), || f(2)])), [1, 2]);
}
