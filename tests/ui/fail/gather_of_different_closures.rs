//! A `Vec` has one type of callable, and different functions give futures of different types.

use ingather::{block_on, gather};

async fn one() -> u32 {
    1
}

async fn two() -> u32 {
    2
}

fn main() {
    block_on(gather(vec![|| one(), || two()]));
}
