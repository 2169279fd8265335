//! The result of a child of a shared group is made on one thread and read on another.

use std::rc::Rc;

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let key = tg.spawn(std::future::ready(()));
        let _ready = key.await;
        let _key = tg.spawn(async { Rc::new(1) });
    }));
}
