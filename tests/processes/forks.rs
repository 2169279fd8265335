//! Calls from sync code in a process that is forked: what was there before is left alone, and something new serves.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ingather::bridge::{AsyncRunner, RunSync, RunnerError};
use ingather::clock::sleep;
use ingather::{block_on, create_task, run_sync, scope};

// Bridge-19
pub(crate) fn run_sync_and_runners() {
    // All that keeps something for later has begun.
    assert_eq!(
        block_on(async { create_task(async { 1 }).await }).ok(),
        Some(1)
    );
    run_sync(sleep(Duration::from_millis(1)));
    assert_eq!(RunSync::new().on_runner().run(async { 1 }).unwrap(), 1);
    let runner = AsyncRunner::start().unwrap();
    let task = runner.create_task(pending::<()>());
    // SAFETY: the child has one thread, and ends by `_exit` without going back to anybody.
    let process = unsafe { libc::fork() };
    assert!(process >= 0, "the system does not fork");
    if process == 0 {
        // SAFETY: it sets a timer of this process, whose signal ends one that waits for ever.
        unsafe { libc::alarm(60) };
        let outcome = catch_unwind(AssertUnwindSafe(|| serves_anew(runner)));
        // SAFETY: it ends this process and touches nothing.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }
    let mut status = 0;
    // SAFETY: `status` is there for the whole call.
    let waited = unsafe { libc::waitpid(process, &raw mut status, 0) };
    assert_eq!(waited, process);
    assert!(libc::WIFEXITED(status), "it hung");
    assert_eq!(libc::WEXITSTATUS(status), 0, "it failed");
    // Here all goes on.
    assert_eq!(runner.run(async { 2 }).unwrap(), 2);
    assert!(!task.is_finished());
}

fn serves_anew(inherited: AsyncRunner) {
    assert_eq!(run_sync(async { 7 }), 7);
    run_sync(sleep(Duration::from_millis(1)));
    let sum = scope(|tg| async move {
        let (a, b) = (tg.spawn(async { 20 }), tg.spawn(async { 22 }));
        a.await.unwrap() + b.await.unwrap()
    });
    assert_eq!(run_sync(sum), 42);
    assert_eq!(RunSync::new().on_runner().run(async { 7 }).unwrap(), 7);
    let fresh = AsyncRunner::start().unwrap();
    assert_eq!(fresh.run(async { 7 }).unwrap(), 7);
    assert!(fresh.close(Duration::from_secs(30)).is_clean());
    // The one that was inherited gives back what it is given, and waits for nothing.
    let Err(RunnerError::Closed(future)) = inherited.run(async { 8 }) else {
        panic!("it has no thread");
    };
    assert_eq!(run_sync(future), 8);
    let Err(RunnerError::Closed(make)) = inherited.run_local(|| async { 9 }) else {
        panic!("it has no thread");
    };
    assert_eq!(run_sync(make()), 9);
    assert!(run_sync(inherited.create_task(async {})).is_err());
    drop(inherited);
}
