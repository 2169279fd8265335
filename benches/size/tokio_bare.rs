//! The same by what tokio has.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

async fn twice(n: u32) -> u32 {
    yield_now().await;
    n * 2
}

async fn hello() -> u32 {
    let mut set = JoinSet::new();
    set.spawn(twice(1));
    set.spawn(twice(2));
    let pair: u32 = set.join_all().await.iter().sum();
    let mut set = JoinSet::new();
    for n in 3..6 {
        set.spawn(twice(n));
    }
    let three: u32 = set.join_all().await.iter().sum();
    let token = CancellationToken::new();
    let bounded = timeout(
        Duration::from_secs(10),
        token.run_until_cancelled(async {
            let mut set = JoinSet::new();
            set.spawn(twice(6));
            set.join_next().await.and_then(Result::ok).unwrap_or(0)
        }),
    )
    .await;
    token.cancel();
    pair + three + bounded.ok().flatten().unwrap_or(0)
}

fn main() {
    let runtime = Builder::new_multi_thread().enable_time().build().unwrap();
    println!("hello {}", runtime.block_on(hello()));
}
