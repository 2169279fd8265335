//! A loop in the background of a sync program: tasks go on while the program computes, and all end in order.
//!
//! Prints:
//!
//! ```text
//! the sum of 1 to 100 is 5050
//! meanwhile: 3 heartbeats
//! on the loop's thread: background-1
//! runner `background` was closed, with tasks cancelled
//!   cancelled: `heartbeat`
//! ```

use std::time::Duration;

use ingather::bridge::AsyncRunner;
use ingather::clock::sleep;
use ingather::sync::Queue;

fn main() -> std::io::Result<()> {
    let runner = AsyncRunner::builder().name("background").start()?;
    let beats = Queue::unbounded();
    let beat = beats.clone();
    drop(runner.tasks().named("heartbeat").create_task(async move {
        loop {
            sleep(Duration::from_millis(1)).await;
            let _ = beat.put(()).await;
        }
    }));

    // A task whose value is wanted later.
    let sum = runner.create_task(async { (1..=100).sum::<u32>() });
    for _ in 0..3 {
        beats.get_blocking().expect("the heart beats");
    }
    println!("the sum of 1 to 100 is {}", sum.wait().expect("it adds up"));
    println!("meanwhile: 3 heartbeats");

    let name = runner.call(|| std::thread::current().name().map(str::to_owned));
    println!(
        "on the loop's thread: {}",
        name.ok().flatten().unwrap_or_default()
    );

    let report = runner.close(Duration::from_millis(5));
    println!("{}", report.to_string().lines().next().unwrap_or_default());
    for task in report.cancelled() {
        println!("  cancelled: `{}`", task.name().unwrap_or("?"));
    }
    Ok(())
}
