//! A child of a shared group may run on any thread.

use std::rc::Rc;

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let here = Rc::new(1);
        let _key = tg.spawn(async move {
            std::future::ready(()).await;
            drop(here);
        });
    }));
}
