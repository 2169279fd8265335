//! A scope that gives a bare value has no place for an error.

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let _key = tg.try_spawn(async { Err::<(), _>("failed") });
    }));
}
