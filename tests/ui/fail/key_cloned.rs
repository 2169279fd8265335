//! There is one key for each child.

use ingather::{GatherGroup, block_on};

fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let key = group.spawn(async { 1 });
        let _second = key.clone();
        group.join().await;
    });
}
