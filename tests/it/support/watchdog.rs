//! Ends a test that hangs: the process says which one it was, and aborts.

use std::io::Write;
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long a test may take; `INGATHER_TEST_SECONDS` says otherwise, for sanitizers.
const SECONDS: u64 = 20;

/// Runs a test, or ends the process.
pub(crate) fn watched<R>(what: impl Into<String>, f: impl FnOnce() -> R) -> R {
    watched_for(SECONDS, what, f)
}

/// Runs a test that is known to take long, or ends the process.
pub(crate) fn watched_for<R>(seconds: u64, what: impl Into<String>, f: impl FnOnce() -> R) -> R {
    let what = what.into();
    let asked = std::env::var("INGATHER_TEST_SECONDS").ok();
    let least = asked.and_then(|text| text.parse().ok()).unwrap_or(0);
    let limit = Duration::from_secs(seconds.max(least));
    let (alive, over) = channel::<()>();
    let dog = thread::Builder::new().name("watchdog".into());
    let dog = dog.spawn(move || {
        if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // Not through the test's captured output: nobody would print that any more.
            let _ = writeln!(std::io::stderr(), "\n{what} hung for {limit:?}");
            abort();
        }
    });
    let result = f();
    drop(alive);
    dog.expect("a thread can be started")
        .join()
        .expect("the watchdog does not panic");
    result
}
