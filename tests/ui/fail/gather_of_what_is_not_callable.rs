//! What is gathered are callables, not values.

use ingather::{block_on, gather};

fn main() {
    block_on(gather(vec![1, 2]));
}
