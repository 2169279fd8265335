//! What is gathered are callables that give futures, not the futures.

use ingather::{block_on, gather};

async fn f(n: u32) -> u32 {
    n
}

fn main() {
    block_on(gather(vec![f(1), f(2)]));
}
