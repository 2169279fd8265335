//! A task can open a scope whose errors are boxed, and pass its error on with `?`.

use std::error::Error;

use ingather::{block_on, try_scope};

type Boxed = Box<dyn Error + Send + Sync>;

pub(crate) fn main() {
    let error = block_on(try_scope(|tg| async move {
        let key = tg.try_spawn(async {
            try_scope(|tg| async move {
                drop(tg.try_spawn(async { Err::<(), Boxed>("failed".into()) }));
                Ok(())
            })
            .await?;
            Ok::<_, Boxed>(())
        });
        drop(key);
        Ok(())
    }));
    assert_eq!(error.unwrap_err().to_string().lines().count(), 1);
}
