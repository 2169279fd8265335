//! `try_join` has.

use ingather::{GatherGroup, block_on};

pub(crate) fn main() {
    block_on(async {
        let group = GatherGroup::<String>::fallible();
        assert!(group.try_join().await.is_ok());
    });
}
