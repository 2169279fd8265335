//! Calls of several types are made one.

use ingather::{block_on, race};

async fn number() -> u32 {
    1
}

async fn text() -> &'static str {
    std::future::pending().await
}

pub(crate) fn main() {
    let winner = block_on(race((
        || async { number().await.to_string() },
        || async { text().await.to_owned() },
    )));
    assert_eq!(winner, "1");
}
