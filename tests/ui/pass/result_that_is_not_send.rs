//! The result of a child of a shared group need not be `Sync`.

use std::cell::Cell;

use ingather::{block_on, scope};

pub(crate) fn main() {
    let key = block_on(scope(
        |tg| async move { tg.spawn(async { Cell::new(1) }).await },
    ));
    assert_eq!(key.unwrap().get(), 1);
}
