//! Two children, three calls, a deadline and a token, by ingather on the embedded default.

use std::time::Duration;

use futures_lite::future::yield_now;
use ingather::{CancelToken, GroupOptions, block_on, gather, scope};

async fn twice(n: u32) -> u32 {
    yield_now().await;
    n * 2
}

async fn hello() -> u32 {
    let pair = scope(|tg| async move {
        let (a, b) = (tg.spawn(twice(1)), tg.spawn(twice(2)));
        a.await.unwrap_or(0) + b.await.unwrap_or(0)
    })
    .await;
    let three: u32 = gather([|| twice(3), || twice(4), || twice(5)])
        .await
        .iter()
        .sum();
    let token = CancelToken::new();
    let bounded = GroupOptions::new()
        .timeout(Duration::from_secs(10))
        .token(&token)
        .try_scope(|tg| async move {
            let key = tg.spawn(twice(6));
            Ok::<_, String>(key.await.unwrap_or(0))
        })
        .await;
    token.cancel();
    pair + three + bounded.unwrap_or(0)
}

fn main() {
    println!("hello {}", block_on(hello()));
}
