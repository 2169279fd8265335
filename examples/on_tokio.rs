//! A scope on tokio: children run on the runtime's worker threads and use its timers and channels.
//!
//! Prints `got 1, 2, 3`.

use std::time::Duration;

use ingather::on;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::channel;
use tokio::time::sleep;

async fn numbers() -> Vec<String> {
    on(&Handle::current())
        .scope(|tg| async move {
            let (sender, mut receiver) = channel(1);
            tg.spawn(async move {
                for n in 1..=3 {
                    sleep(Duration::from_millis(1)).await;
                    sender.send(n).await.expect("the body receives");
                }
            });
            // Ends when the child, which holds the sender, is over.
            let mut numbers = Vec::new();
            while let Some(n) = receiver.recv().await {
                numbers.push(n.to_string());
            }
            numbers
        })
        .await
}

fn main() -> std::io::Result<()> {
    let runtime = Builder::new_multi_thread().enable_time().build()?;
    let numbers = runtime.block_on(numbers());
    let line = format!("got {}", numbers.join(", "));
    println!("{line}");
    assert_eq!(line, "got 1, 2, 3");
    Ok(())
}
