//! The error of a child of a shared group goes to another thread.

use std::rc::Rc;

use ingather::{block_on, try_scope};

fn main() {
    let _result = block_on(try_scope(|tg| async move {
        let _key = tg.try_spawn(async { Err::<(), _>(Rc::new(1)) });
        Ok(())
    }));
}
