//! All calls of a `try_gather` fail with one type.

use ingather::{block_on, try_gather};

async fn parse() -> Result<u32, std::num::ParseIntError> {
    "7".parse()
}

async fn read() -> Result<u32, std::io::Error> {
    Ok(7)
}

pub(crate) fn main() {
    let both = block_on(try_gather((|| parse(), || async { read().await.map_err(|_| "7x".parse::<u32>().unwrap_err()) })));
    assert!(both.is_ok());
}
