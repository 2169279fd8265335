//! Awaiting `&mut key` takes the result and leaves the key behind.

use ingather::{GatherGroup, GatherIncomplete, block_on};

pub(crate) fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let mut key = group.spawn(async { 1 });
        assert_eq!((&mut key).await, Ok(1));
        group.join().await;
        assert_eq!(group.get_result(&key), Err(GatherIncomplete::Taken));
    });
}
