//! A race cannot say that it was cut short before anybody won.

use ingather::{CancelToken, GroupOptions, block_on};

fn main() {
    let options = GroupOptions::new().token(&CancelToken::new());
    block_on(options.clone().race([|| async { 7 }]));
    block_on(options.clone().inline().race([|| async { 7 }]));
    block_on(options.inline_local().race([|| async { 7 }]));
}
