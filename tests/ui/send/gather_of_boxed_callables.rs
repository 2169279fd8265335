//! A task can gather callables in boxes.

use std::future::Future;
use std::pin::Pin;

use ingather::{block_on, gather, scope};

type Boxed = Pin<Box<dyn Future<Output = u32> + Send>>;
type Call = Box<dyn FnOnce() -> Boxed + Send>;

pub(crate) fn main() {
    let values = block_on(scope(|tg| async move {
        let key = tg.spawn(async {
            let calls: Vec<Call> = vec![
                Box::new(|| Box::pin(async { 1 })),
                Box::new(|| Box::pin(async { 2 })),
            ];
            gather(calls).await
        });
        key.await.unwrap()
    }));
    assert_eq!(values, [1, 2]);
}
