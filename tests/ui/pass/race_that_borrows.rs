//! Inside the awaiting task they may.

use ingather::{block_on, inline};

pub(crate) fn main() {
    let name = String::from("near");
    assert_eq!(block_on(inline::race([|| async { name.len() }])), 4);
}
