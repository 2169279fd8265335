//! The same on async-executor, with threads of its own and timers of async-io.

use std::thread;
use std::time::Duration;

use async_executor::StaticExecutor;
use async_io::Timer;
use event_listener::Event;
use futures_lite::future::{block_on, or, yield_now};

static EXECUTOR: StaticExecutor = StaticExecutor::new();

async fn twice(n: u32) -> u32 {
    yield_now().await;
    n * 2
}

async fn hello() -> u32 {
    let (a, b) = (EXECUTOR.spawn(twice(1)), EXECUTOR.spawn(twice(2)));
    let pair = a.await + b.await;
    let mut three = 0;
    for task in [3, 4, 5].map(|n| EXECUTOR.spawn(twice(n))) {
        three += task.await;
    }
    let token = Event::new();
    let cancelled = token.listen();
    let work = async { EXECUTOR.spawn(twice(6)).await };
    let cut = async {
        cancelled.await;
        0
    };
    let late = async {
        Timer::after(Duration::from_secs(10)).await;
        0
    };
    let bounded = or(work, or(cut, late)).await;
    token.notify(usize::MAX);
    pair + three + bounded
}

fn main() {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..threads {
        thread::Builder::new()
            .name("worker".into())
            .spawn(|| block_on(EXECUTOR.run(std::future::pending::<()>())))
            .unwrap();
    }
    println!("hello {}", async_io::block_on(hello()));
}
