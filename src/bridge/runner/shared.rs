//! The runner that those share who name none.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use super::AsyncRunner;
use crate::group::engine::introspection;

/// The shared runner, started at the first use: `None` if the system starts no thread. What a forked process inherits is never dropped,
/// and another one serves there.
pub(in crate::bridge) fn shared() -> Option<Arc<AsyncRunner>> {
    static SHARED: Mutex<Option<(u32, Arc<AsyncRunner>)>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let process = process::id();
    if let Some((starter, runner)) = &*shared {
        if *starter == process {
            return Some(Arc::clone(runner));
        }
    }
    // Not a group of the test that happens to come first.
    let _of_process = introspection::of_process();
    let runner = AsyncRunner::builder().name("ingather-shared").start();
    let runner = Arc::new(runner.ok()?);
    std::mem::forget(shared.replace((process, Arc::clone(&runner))));
    Some(runner)
}
