//! One callable is not a collection of callables.

use ingather::{block_on, gather};

async fn f(n: u32) -> u32 {
    n
}

fn main() {
    block_on(gather(|| f(1)));
}
