//! Gathered calls are children: they cannot borrow from the caller.

use ingather::{block_on, gather};

async fn len(text: &str) -> usize {
    text.len()
}

fn main() {
    let text = String::from("the caller's own");
    block_on(gather([|| len(&text)]));
}
