//! What races are callables, not values.

use ingather::{block_on, race};

fn main() {
    block_on(race(vec![1, 2]));
}
