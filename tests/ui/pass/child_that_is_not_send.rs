//! A child of a local group runs on its own thread.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::{block_on, local};

pub(crate) fn main() {
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(local::on(&executor).scope(|tg| async move {
        let here = Rc::new(1);
        let _key = tg.spawn(async move {
            std::future::ready(()).await;
            drop(here);
        });
    })));
}
