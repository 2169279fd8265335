//! A scope on smol: children run on smol's global executor and use its timers and channels.
//!
//! Prints `got 1, 2, 3`.

use std::time::Duration;

use ingather::on;
use ingather::spawner::Smol;

fn main() {
    let numbers = smol::block_on(on(&Smol).scope(|tg| async move {
        let (sender, receiver) = smol::channel::bounded(1);
        tg.spawn(async move {
            for n in 1..=3 {
                smol::Timer::after(Duration::from_millis(1)).await;
                sender.send(n).await.expect("the body receives");
            }
        });
        // Ends when the child, which holds the sender, is over.
        let mut numbers = Vec::new();
        while let Ok(n) = receiver.recv().await {
            numbers.push(n.to_string());
        }
        numbers
    }));
    let line = format!("got {}", numbers.join(", "));
    println!("{line}");
    assert_eq!(line, "got 1, 2, 3");
}
