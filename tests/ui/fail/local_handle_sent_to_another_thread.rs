//! The handle on a local group stays on its thread.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::{block_on, local};

fn main() {
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(local::on(&executor).scope(|tg| async move {
        std::thread::spawn(move || tg.cancel()).join().unwrap();
    })));
}
