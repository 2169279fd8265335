//! A gather that cannot fail cannot say which results are missing.

use std::time::Duration;

use ingather::{GroupOptions, block_on};

fn main() {
    let options = GroupOptions::new().timeout(Duration::from_secs(1));
    block_on(options.clone().gather([|| async { 7 }]));
    block_on(options.clone().inline().gather([|| async { 7 }]));
    block_on(options.inline_local().gather([|| async { 7 }]));
}
