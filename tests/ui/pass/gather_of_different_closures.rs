//! Different functions are gathered in a tuple, or with their futures in boxes.

use std::future::Future;
use std::pin::Pin;

use ingather::{block_on, gather};

async fn one() -> u32 {
    1
}

async fn two() -> u32 {
    2
}

type Boxed = Pin<Box<dyn Future<Output = u32> + Send>>;

pub(crate) fn main() {
    assert_eq!(block_on(gather((|| one(), || two()))), (1, 2));
    let calls: Vec<fn() -> Boxed> = vec![|| Box::pin(one()), || Box::pin(two())];
    assert_eq!(block_on(gather(calls)), [1, 2]);
}
