//! A task can own a group whose errors are boxed.

use std::error::Error;

use ingather::{GatherGroup, block_on, scope};

type Boxed = Box<dyn Error + Send + Sync>;

pub(crate) fn main() {
    let text = block_on(scope(|tg| async move {
        let key = tg.spawn(async {
            let group = GatherGroup::<Boxed>::fallible();
            let value = group.spawn(async { "value" });
            let waited = group.child().spawn_when_free(async { "waited" }).await;
            let observed = group.child().observed().try_spawn(async { Err::<(), Boxed>("observed".into()) });
            assert_eq!((value.await, waited.await), (Ok("value"), Ok("waited")));
            drop(observed.await);
            drop(group.try_spawn(async { Err::<(), Boxed>("failed".into()) }));
            while group.next_if_any().await.is_some() {}
            group.try_join().await.unwrap_err().to_string()
        });
        key.await.unwrap()
    }));
    assert!(text.starts_with("failed (child spawned at"));
}
