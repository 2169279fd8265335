//! Prefect's concurrency: gather calls, send blocking work to worker threads, and call back from there.
//!
//! There, `gather(*calls)` awaits all calls, `run_sync_in_worker_thread` and `create_call` send work to threads, and `from_async` and
//! `from_sync` wait for it on either side. Context variables go along.
//!
//! Prints:
//!
//! ```text
//! gather: [1, 4, 9]
//! worker thread: 55, as flow `daily`
//! back from the worker thread: 42
//! the first error: task 3 failed
//! from sync: 16
//! ```

use ingather::threads::from_thread;
use ingather::{ContextVar, block_on, gather, run_sync, to_thread, try_gather};

static FLOW: ContextVar<&str> = ContextVar::named("flow");

async fn square(n: u32) -> u32 {
    n * n
}

/// Blocking work, which knows the flow that it is in.
fn add_up(n: u32) -> String {
    let sum: u32 = (1..=n).sum();
    format!("{sum}, as flow `{}`", FLOW.get().unwrap_or("?"))
}

async fn flow() {
    let squares = gather([1, 2, 3].map(|n| move || square(n))).await;
    println!("gather: {squares:?}");
    println!("worker thread: {}", to_thread(|| add_up(10)).await);

    let answer = to_thread(|| {
        // On a worker thread, with async code to call.
        from_thread::run(async { square(6).await + 6 }).expect("the loop is there")
    });
    println!("back from the worker thread: {}", answer.await);

    let tasks = [1, 2, 3].map(|n| {
        move || async move {
            match n {
                3 => Err(format!("task {n} failed")),
                n => Ok(square(n).await),
            }
        }
    });
    if let Err(errors) = try_gather(tasks).await {
        let first = errors.first().error();
        println!("the first error: {}", first.map_or("none", String::as_str));
    }
}

fn main() {
    block_on(FLOW.scope("daily", flow()));
    println!("from sync: {}", run_sync(square(4)));
}
