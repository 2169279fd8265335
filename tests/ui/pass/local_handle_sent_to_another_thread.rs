//! The handle on a shared group goes anywhere, and so does a key of a local group whose value does.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::{block_on, local, scope};

pub(crate) fn main() {
    block_on(scope(|tg| async move {
        std::thread::spawn(move || tg.cancel()).join().unwrap();
    }));
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(local::on(&executor).scope(|tg| async move {
        let key = tg.spawn(async { 1 });
        std::thread::spawn(move || drop(key)).join().unwrap();
    })));
}
