//! A result that was borrowed through a key lives as long as the key, also after the group.

use ingather::{GatherGroup, block_on};

pub(crate) fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let key = group.spawn(async { String::from("a result") });
        group.join().await;
        let text: &String = group.get_result(&key).unwrap();
        drop(group);
        assert_eq!(text, "a result");
        drop(key);
    });
}
