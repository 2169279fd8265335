//! The calls of a race run elsewhere, and may not borrow.

use ingather::{block_on, race};

fn main() {
    let name = String::from("near");
    block_on(race([|| async { name.len() }]));
}
