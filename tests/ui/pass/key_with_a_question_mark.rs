//! Why a key has no value is no error of the children's type: `value` ends the body instead.

use ingather::{block_on, try_scope};

async fn fetch() -> Result<u32, String> {
    Ok(7)
}

pub(crate) fn main() {
    let seven = block_on(try_scope(|tg| async move {
        let seven = tg.try_spawn(fetch());
        Ok::<u32, String>(seven.value().await)
    }));
    assert_eq!(seven.unwrap(), 7);
}
