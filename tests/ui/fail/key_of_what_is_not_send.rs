//! The key of a local child is sent nowhere if its value cannot be.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::LocalGatherGroup;

fn main() {
    let executor = Rc::new(LocalExecutor::new());
    let group = LocalGatherGroup::on_local(&executor);
    let key = group.spawn(async { Rc::new(1) });
    std::thread::spawn(move || drop(key)).join().unwrap();
}
