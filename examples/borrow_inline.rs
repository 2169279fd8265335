//! Counts words over slices of one text, without a copy and without a spawner, beside a timer that the body awaits.

use std::collections::BTreeMap;
use std::time::Duration;

use ingather::{block_on, inline};
use smol::Timer;
use smol::future::yield_now;

const TEXT: &str = "\
the quick brown fox jumps over the lazy dog
the dog sleeps
a fox is quick
";

/// Counts the words of one line, and lets the others have a turn after each.
async fn count(line: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for word in line.split_whitespace() {
        *counts.entry(word).or_default() += 1;
        yield_now().await;
    }
    counts
}

fn main() {
    let text = TEXT.to_owned();
    let (counted, total) = block_on(inline::scope(|tg| {
        let text = &text;
        async move {
            let keys: Vec<_> = text.lines().map(|line| tg.spawn(count(line))).collect();
            // The children go on while the body awaits something else.
            Timer::after(Duration::from_millis(20)).await;
            let counted = keys.iter().filter(|key| key.is_finished()).count();
            let mut total = BTreeMap::<&str, usize>::new();
            for key in keys {
                for (word, times) in key.await.expect("a count does not fail") {
                    *total.entry(word).or_default() += times;
                }
            }
            (counted, total)
        }
    }));
    for (word, times) in &total {
        println!("{times} {word}");
    }
    assert_eq!(counted, 3);
    assert_eq!((total["the"], total["fox"], total["sleeps"]), (3, 2, 1));
    assert_eq!(total.values().sum::<usize>(), 16);
}
