//! Every form of a scope that cannot fail refuses a deadline or a token.

use std::rc::Rc;
use std::time::Duration;

use async_executor::LocalExecutor;
use ingather::{CancelToken, GroupOptions, block_on};

fn main() {
    let options = GroupOptions::new().token(&CancelToken::new());
    block_on(options.clone().inline_scope(|_tg| async {}));
    block_on(options.clone().inline_scope_local(|_tg| async {}));
    block_on(options.local_scope_on(&Rc::new(LocalExecutor::new()), |_tg| async {}));
    GroupOptions::new().timeout(Duration::ZERO).blocking_scope(|_tg| {});
}
