//! A result is a value like any other for `spawn`; `try_scope` has a place for errors.

use ingather::{block_on, scope, try_scope};

pub(crate) fn main() {
    let value = block_on(scope(|tg| async move {
        tg.spawn(async { Err::<(), _>("failed") }).await
    }));
    assert_eq!(value, Ok(Err("failed")));
    let error = block_on(try_scope(|tg| async move {
        let _key = tg.try_spawn(async { Err::<(), _>("failed") });
        Ok(())
    }));
    assert_eq!(error.unwrap_err().into_first().into_error(), Some("failed"));
}
