//! Any call can win, so all of them give one type.

use ingather::{block_on, race};

async fn number() -> u32 {
    1
}

async fn text() -> &'static str {
    "two"
}

fn main() {
    block_on(race((|| number(), || text())));
}
