//! A supervisor: it starts a worker again that failed or panicked, later each time, and gives up if that comes too often.
//!
//! Prints:
//!
//! ```text
//! flaky: 42, after 2 restarts
//! seldom: still at work, after 4 restarts
//! broken: gave up after 3 restarts: no such host
//! buggy: gave up after 3 restarts: divided by zero
//! ```

use std::collections::VecDeque;
use std::fmt::Display;
use std::future::Future;
use std::panic;
use std::time::Duration;

use ingather::clock::{now, sleep};
use ingather::{Outcome, block_on, scope};

/// When a worker is started again.
#[derive(Clone, Copy)]
struct Policy {
    /// So many times,
    restarts: usize,
    /// within so long. What was before is forgiven.
    window: Duration,
    /// After so long, and twice as long each time.
    backoff: Duration,
}

/// What the worker gave in the end, or its last failure; and how often it was started again.
struct Report<T> {
    result: Result<T, String>,
    restarts: usize,
}

/// Runs one worker after the other until one of them gives a value.
///
/// Each is a child of a scope of its own: dropped with the supervisor, and over when the supervisor is.
async fn supervise<W, F, T>(policy: Policy, mut worker: W) -> Report<T>
where
    W: FnMut(usize) -> F,
    F: Future<Output = Result<T, String>> + Send + 'static,
    T: Send + 'static,
{
    scope(|tg| async move {
        let mut failed_at = VecDeque::new();
        let mut restarts = 0;
        loop {
            // A child of this kind fails nobody but itself. Its key tells how it ended.
            let failure = match tg.child().supervised().try_spawn(worker(restarts)).await {
                Ok(Outcome::Ok(value)) => {
                    let result = Ok(value);
                    return Report { result, restarts };
                }
                Ok(Outcome::Err(error)) => error,
                Ok(Outcome::Panicked(panic)) => panic.message().to_owned(),
                // Cancelled, with all of us.
                other => format!("{:?}", other.map(|_| ())),
            };
            let now = now();
            failed_at.push_back(now);
            failed_at.retain(|&at| now - at <= policy.window);
            if failed_at.len() > policy.restarts {
                let result = Err(failure);
                return Report { result, restarts };
            }
            let doubled = u32::try_from(failed_at.len() - 1).unwrap_or(u32::MAX);
            sleep(policy.backoff.saturating_mul(2_u32.saturating_pow(doubled))).await;
            restarts += 1;
        }
    })
    .await
}

async fn flaky(restarts: usize) -> Result<u32, String> {
    if restarts < 2 {
        return Err("not yet".to_owned());
    }
    Ok(42)
}

/// Fails each time after a while, which is longer than its window.
async fn seldom(restarts: usize) -> Result<&'static str, String> {
    sleep(Duration::from_millis(5)).await;
    if restarts < 4 {
        return Err("a hiccup".to_owned());
    }
    Ok("still at work")
}

async fn broken(_restarts: usize) -> Result<u32, String> {
    Err("no such host".to_owned())
}

async fn buggy(_restarts: usize) -> Result<u32, String> {
    panic!("divided by zero")
}

fn print<T: Display>(name: &str, report: Report<T>) -> String {
    let restarts = report.restarts;
    let line = match report.result {
        Ok(value) => format!("{name}: {value}, after {restarts} restarts"),
        Err(failure) => format!("{name}: gave up after {restarts} restarts: {failure}"),
    };
    println!("{line}");
    line
}

fn main() {
    // What the workers panic with is in the reports; nobody needs it on standard error as well.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let lines = work();
    panic::set_hook(hook);

    assert_eq!(lines[0], "flaky: 42, after 2 restarts");
    assert_eq!(lines[1], "seldom: still at work, after 4 restarts");
    assert!(lines[2].ends_with("after 3 restarts: no such host"));
    assert!(lines[3].ends_with("after 3 restarts: divided by zero"));
}

fn work() -> [String; 4] {
    let often = Policy {
        restarts: 3,
        window: Duration::from_secs(60),
        backoff: Duration::from_millis(1),
    };
    let rarely = Policy {
        restarts: 1,
        window: Duration::from_millis(2),
        ..often
    };
    block_on(scope(|tg| async move {
        let flaky = tg.spawn(supervise(often, flaky));
        let seldom = tg.spawn(supervise(rarely, seldom));
        let broken = tg.spawn(supervise(often, broken));
        let buggy = tg.spawn(supervise(often, buggy));
        let cause = "no supervisor is cancelled";
        [
            print("flaky", flaky.await.expect(cause)),
            print("seldom", seldom.await.expect(cause)),
            print("broken", broken.await.expect(cause)),
            print("buggy", buggy.await.expect(cause)),
        ]
    }))
}
