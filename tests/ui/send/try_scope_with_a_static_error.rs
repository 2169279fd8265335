//! A task can open a scope whose errors are static texts.

use ingather::{block_on, scope, try_scope};

pub(crate) fn main() {
    let error = block_on(scope(|tg| async move {
        let key = tg.spawn(async {
            try_scope(|tg| async move {
                drop(tg.try_spawn(async { Err::<(), _>("failed") }));
                std::future::pending::<Result<(), &'static str>>().await
            })
            .await
        });
        key.await.unwrap().unwrap_err()
    }));
    assert_eq!(error.first().error(), Some(&"failed"));
}
