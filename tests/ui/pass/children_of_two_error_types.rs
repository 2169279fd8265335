//! All children of a scope fail with one type.

use ingather::{block_on, try_scope};

async fn parse() -> Result<u32, std::num::ParseIntError> {
    "7".parse()
}

async fn read() -> Result<u32, std::io::Error> {
    Ok(7)
}

pub(crate) fn main() {
    let all = block_on(try_scope(|tg| async move {
        tg.try_spawn(parse());
        tg.try_spawn(async { read().await.map_err(|_| "7x".parse::<u32>().unwrap_err()) });
        Ok(())
    }));
    assert!(all.is_ok());
}
