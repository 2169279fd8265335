//! Every form of a scope can be cut short where its output says so.

use std::rc::Rc;
use std::time::Duration;

use async_executor::LocalExecutor;
use ingather::{CancelToken, GroupOptions, block_on};

pub(crate) fn main() {
    let options = GroupOptions::new().token(&CancelToken::new());
    block_on(options.clone().inline().scope_or_cut(|_tg| async {})).unwrap();
    block_on(options.clone().inline_local().scope_or_cut(|_tg| async {})).unwrap();
    let executor = Rc::new(LocalExecutor::new());
    let local = options.local(&executor).scope_or_cut(|_tg| async {});
    block_on(executor.run(local)).unwrap();
    let options = GroupOptions::new().timeout(Duration::ZERO);
    options.parallel().scope_or_cut(|_tg| {}).unwrap();
}
