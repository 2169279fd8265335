//! A child is observed for its error: one that has none is just spawned.

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let key = tg.child().observed().spawn(async { 1 });
        assert_eq!(key.await, Ok(1));
    }));
}
