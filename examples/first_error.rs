//! The first error: it cancels the siblings, all are waited for, and it comes out with the child's name.
//!
//! Prints:
//!
//! ```text
//! group `startup`: no such file (child `config` spawned at examples/first_error.rs:LINE:COLUMN)
//! the listener was dropped: true
//! ```

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ingather::{GroupOptions, block_on};

/// Says when it is dropped.
struct Listener(Arc<AtomicBool>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn listen(_listener: Listener) -> Result<(), &'static str> {
    pending().await
}

async fn read_config() -> Result<String, &'static str> {
    Err("no such file")
}

fn main() {
    let dropped = Arc::new(AtomicBool::new(false));
    let listener = Listener(Arc::clone(&dropped));
    let result = block_on(
        GroupOptions::new()
            .name("startup")
            .try_scope(|tg| async move {
                tg.try_spawn(listen(listener));
                let config = tg.named("config").try_spawn(read_config());
                // The key tells that its child failed. The error itself is the group's, and comes out below.
                Ok(config.await)
            }),
    );

    let error = result.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    assert!(text.starts_with("group `startup`: no such file (child `config` spawned at "));
    assert_eq!(error.len(), 1); // the listener was cancelled, which is no failure

    let dropped = dropped.load(Ordering::Relaxed);
    println!("the listener was dropped: {dropped}");
    assert!(dropped);
}
