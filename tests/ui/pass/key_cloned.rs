//! The id of a child can be copied.

use ingather::{GatherGroup, block_on};

pub(crate) fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let key = group.spawn(async { 1 });
        let (first, second) = (key.id(), key.id());
        assert!(first == second && key == second);
        group.join().await;
    });
}
