//! A child of a local group runs on its own thread.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::{block_on, local_scope_on};

fn main() {
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(local_scope_on(&executor, |tg| async move {
        let here = Rc::new(1);
        let _key = tg.spawn(async move {
            std::future::ready(()).await;
            drop(here);
        });
    })));
}
