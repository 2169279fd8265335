//! Ends a test that hangs: the process says which one it was, and aborts.

use std::io::Write;
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use ingather::bridge::Whereabouts;

/// How long a test may take; `INGATHER_TEST_SECONDS` says otherwise, for sanitizers. None takes a hundredth of it by itself:
/// the rest is for a machine on which dozens of others compute. What hangs does so after two minutes as well.
const SECONDS: u32 = 120;

/// The watchdog counts how often it woke, and not the time: as long as nobody runs at all, no test is late.
const TICKS_A_SECOND: u32 = 10;

/// Are the threads watched? Only where much blocks, so that elsewhere the crate is tested as it is without.
const WATCHES: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"threading");

/// Where the threads are: each that waits in a call of the crate, and what the system tells of all of them.
fn threads() -> String {
    let waits = Whereabouts::of_waiting_threads();
    let waits = waits.iter().map(|wait| format!("  waits {wait}"));
    let all = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let all = all.flatten().map(|task| {
        let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        format!("  thread `{}` in {}", read("comm").trim(), read("wchan"))
    });
    waits.chain(all).collect::<Vec<_>>().join("\n")
}

/// Runs a test, or ends the process.
pub(crate) fn watched<R>(what: impl Into<String>, f: impl FnOnce() -> R) -> R {
    watched_for(SECONDS, what, f)
}

/// Runs a test that is known to take long, or ends the process.
pub(crate) fn watched_for<R>(seconds: u32, what: impl Into<String>, f: impl FnOnce() -> R) -> R {
    let what = what.into();
    let asked = std::env::var("INGATHER_TEST_SECONDS").ok();
    let least = asked.and_then(|text| text.parse().ok()).unwrap_or(0);
    let limit = seconds.max(least);
    if WATCHES {
        Whereabouts::watch_threads();
    }
    let (alive, over) = channel::<()>();
    let dog = thread::Builder::new().name("watchdog".into());
    let dog = dog.spawn(move || {
        let tick = Duration::from_secs(1) / TICKS_A_SECOND;
        let waits = |_| over.recv_timeout(tick) == Err(RecvTimeoutError::Timeout);
        if (0..limit * TICKS_A_SECOND).all(waits) {
            // Not through the test's captured output: nobody would print that any more.
            let _ = writeln!(
                std::io::stderr(),
                "\n{what} hung for {limit} s\n{}",
                threads()
            );
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
