//! The error of a child need not be printable, comparable or `Sync`.

use std::cell::Cell;

use ingather::{block_on, try_scope};

pub(crate) fn main() {
    let result = block_on(try_scope(|tg| async move {
        let _key = tg.try_spawn(async { Err::<(), _>(Cell::new(1)) });
        Ok(())
    }));
    assert_eq!(
        result.unwrap_err().into_first().into_error().unwrap().get(),
        1
    );
}
