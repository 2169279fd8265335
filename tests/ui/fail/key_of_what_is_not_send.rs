//! The key of a local child is sent nowhere if its value cannot be.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::local;

fn main() {
    let executor = Rc::new(LocalExecutor::new());
    let group = local::on(&executor).group();
    let key = group.spawn(async { Rc::new(1) });
    std::thread::spawn(move || drop(key)).join().unwrap();
}
