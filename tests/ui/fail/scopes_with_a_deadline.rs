//! Every form of a scope that cannot fail refuses a deadline or a token.

use std::rc::Rc;
use std::time::Duration;

use async_executor::LocalExecutor;
use ingather::{CancelToken, GroupOptions, block_on};

fn main() {
    let options = GroupOptions::new().token(&CancelToken::new());
    block_on(options.clone().inline().scope(|_tg| async {}));
    block_on(options.clone().inline_local().scope(|_tg| async {}));
    block_on(options.local(&Rc::new(LocalExecutor::new())).scope(|_tg| async {}));
    GroupOptions::new().timeout(Duration::ZERO).parallel().scope(|_tg| {});
}
