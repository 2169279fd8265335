//! threaded_async's runner: a loop in a thread, a queue that both sides use, and errors that come out at the end.
//!
//! There, `with AsyncRunner() as runner:` starts a loop on a thread, `runner.create_task(..)` gives a handle to wait for, queues and
//! events are used from both sides, and leaving waits, cancels and raises a group of the errors.
//!
//! Prints:
//!
//! ```text
//! doubled: [2, 4, 6, 8]
//! waited for: 4 numbers
//! timed out, and waited for again: done
//! runner `loop` was closed
//!   failed: `ticker`: stopped before its time
//! ```

use std::sync::Arc;
use std::time::Duration;

use ingather::bridge::AsyncRunner;
use ingather::clock::sleep;
use ingather::sync::{Event, Queue};

fn main() -> std::io::Result<()> {
    let runner = AsyncRunner::builder().name("loop").start()?;

    // A queue to the loop, and one back.
    let (to, from) = (Queue::bounded(2), Queue::unbounded());
    let (numbers, doubled) = (to.clone(), from.clone());
    let worker = runner.create_task(async move {
        let mut count = 0;
        while let Ok(n) = numbers.get().await {
            let n: u32 = n;
            doubled.try_put(n * 2).expect("it has no bound");
            count += 1;
        }
        count
    });
    for n in 1..=4 {
        to.put_blocking(n).expect("the worker takes them");
    }
    to.close();
    let count = worker.wait().expect("the worker ends");
    println!("doubled: {:?}", from.drain());
    println!("waited for: {count} numbers");

    // A handle whose wait times out is as good as before.
    let go = Arc::new(Event::new());
    let waits = Arc::clone(&go);
    let mut task = runner.create_task(async move {
        waits.wait().await;
        "done"
    });
    assert!(task.wait_timeout(Duration::from_millis(1)).is_none());
    go.set();
    println!(
        "timed out, and waited for again: {}",
        task.wait().expect("it ends")
    );

    // An error that nobody waits for comes out at the end.
    let tasks = runner.tasks().clone();
    let ticker = runner.tasks().named("ticker").try_create_task(async move {
        while !tasks.is_closed() {
            sleep(Duration::from_millis(1)).await;
        }
        Err::<(), _>("stopped before its time")
    });
    drop(ticker);
    let report = runner.close(Duration::from_secs(10));
    println!("{}", report.to_string().lines().next().unwrap_or_default());
    for failure in report.failures() {
        println!(
            "  failed: `{}`: {}",
            failure.name().unwrap_or("?"),
            failure.fault()
        );
    }
    Ok(())
}
