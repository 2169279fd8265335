//! `join` has no place for errors.

use ingather::{GatherGroup, block_on};

fn main() {
    block_on(async {
        let group = GatherGroup::<String>::fallible();
        group.join().await;
    });
}
