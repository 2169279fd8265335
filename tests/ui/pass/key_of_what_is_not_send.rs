//! The value of a local child is read where it is.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::{LocalGatherGroup, block_on};

fn main() {
    let executor = Rc::new(LocalExecutor::new());
    let group = LocalGatherGroup::on_local(&executor);
    let key = group.spawn(async { Rc::new(1) });
    block_on(executor.run(group.join()));
    assert_eq!(group.get_result(&key), Ok(&Rc::new(1)));
}
