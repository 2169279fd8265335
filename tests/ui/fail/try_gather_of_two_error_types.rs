//! All calls of a `try_gather` fail with one type.

use ingather::{block_on, try_gather};

async fn parse() -> Result<u32, std::num::ParseIntError> {
    "7".parse()
}

async fn read() -> Result<u32, std::io::Error> {
    Ok(7)
}

fn main() {
    let both = block_on(try_gather((|| parse(), || read())));
    assert!(both.is_ok());
}
