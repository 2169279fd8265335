//! A result that was borrowed through a key lives no longer than the key.

use ingather::{GatherGroup, block_on};

fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let key = group.spawn(async { String::from("a result") });
        group.join().await;
        let text: &String = group.get_result(&key).unwrap();
        drop(key);
        assert_eq!(text, "a result");
    });
}
