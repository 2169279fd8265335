//! Where nothing says with what children fail the type of the handle does.

use std::time::Duration;

use ingather::{GroupOptions, Scope, block_on};

pub(crate) fn main() {
    let options = GroupOptions::new().timeout(Duration::from_millis(1));
    let late = block_on(options.try_scope(|tg: Scope| async move {
        loop {
            let _ = tg.spawn(async {}).await;
        }
    }));
    assert!(late.is_err());
}
