//! One callable is gathered in an array or a tuple of one.

use ingather::{block_on, gather};

async fn f(n: u32) -> u32 {
    n
}

pub(crate) fn main() {
    assert_eq!(block_on(gather([|| f(1)])), [1]);
    assert_eq!(block_on(gather((|| f(1),))), (1,));
}
