//! A scope that cannot fail cannot say that the time was up.

use std::time::Duration;

use ingather::{GroupOptions, block_on};

fn main() {
    let options = GroupOptions::new().timeout(Duration::from_secs(1));
    block_on(options.scope(|_tg| async { 7 }));
}
