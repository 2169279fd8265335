//! A group takes in its own errors, and those of its keys, starts and groups inside.

use ingather::{Scope, block_on, try_scope};

async fn read() -> Result<u32, std::io::Error> {
    Ok(7)
}

fn main() {
    let seven = block_on(try_scope(|tg: Scope<'static, String>| async move {
        Ok(tg.require(read().await).await)
    }));
    assert_eq!(seven.unwrap(), 7);
}
