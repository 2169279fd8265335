//! Gathered calls own what they need, or share it.

use std::sync::Arc;

use ingather::{block_on, gather};

async fn len(text: Arc<str>) -> usize {
    text.len()
}

pub(crate) fn main() {
    let text: Arc<str> = "shared".into();
    let calls = (0..2).map(|_| {
        let text = Arc::clone(&text);
        move || len(text)
    });
    assert_eq!(block_on(gather(calls)), [6, 6]);
}
