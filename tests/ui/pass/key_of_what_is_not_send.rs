//! The value of a local child is read where it is.

use std::rc::Rc;

use async_executor::LocalExecutor;
use ingather::{block_on, local};

pub(crate) fn main() {
    let executor = Rc::new(LocalExecutor::new());
    let group = local::on(&executor).group();
    let key = group.spawn(async { Rc::new(1) });
    block_on(executor.run(group.join()));
    assert_eq!(group.get_result(&key), Ok(&Rc::new(1)));
}
