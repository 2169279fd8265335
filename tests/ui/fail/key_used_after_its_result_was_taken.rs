//! `take_result` takes the key with the result.

use ingather::{GatherGroup, block_on};

fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let key = group.spawn(async { 1 });
        group.join().await;
        let _one = group.take_result(key);
        let _gone = group.get_result(&key);
    });
}
