//! Sums parts of one vector in parallel, without a copy, from code that is not async; and says how long it took.

use std::hint::black_box;
use std::time::{Duration, Instant};

use async_executor::StaticExecutor;
use ingather::parallel;

/// The children are polled by the thread that waits, and by so many others.
fn measure(spawner: &'static StaticExecutor, numbers: &[u64]) -> (u64, Duration) {
    let start = Instant::now();
    let sum = parallel::on(&spawner).scope(|tg| {
        let parts: Vec<_> = numbers
            .chunks(numbers.len() / 16)
            .map(|part| tg.spawn(async move { slow_sum(part) }))
            .collect();
        parts
            .into_iter()
            .map(|part| tg.wait(part).expect("a sum does not fail"))
            .sum()
    });
    (sum, start.elapsed())
}

/// A sum that keeps a processor busy for a while.
fn slow_sum(part: &[u64]) -> u64 {
    (0..20)
        .map(|_| black_box(part).iter().map(|n| black_box(*n)).sum::<u64>())
        .max()
        .unwrap_or(0)
}

fn main() {
    let numbers: Vec<u64> = (1..=1_600_000).collect();
    static ALONE: StaticExecutor = StaticExecutor::new();
    static HELPED: StaticExecutor = StaticExecutor::new();
    // Nobody runs the first: all is left to the thread that waits. The second has a thread of its own.
    std::thread::spawn(|| smol::block_on(HELPED.run(std::future::pending::<()>())));
    let (alone, one) = measure(&ALONE, &numbers);
    let (helped, two) = measure(&HELPED, &numbers);
    println!("one thread:  {one:?}");
    println!(
        "two threads: {two:?}, {:.2} times as fast",
        one.as_secs_f64() / two.as_secs_f64()
    );
    println!("faster on two threads than on one: {}", two < one);
    assert_eq!((alone, helped), (1_280_000_800_000, 1_280_000_800_000));
}
