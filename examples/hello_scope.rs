//! A scope: starts children on the embedded default executor, and is over when every child is over.
//!
//! Prints `14 bytes, 3 words`.

use ingather::{GatherIncomplete, block_on, scope};

async fn bytes(text: &str) -> usize {
    text.len()
}

async fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn main() -> Result<(), GatherIncomplete> {
    let text = "all or nothing";
    let (bytes, words) = block_on(scope(|tg| async move {
        let bytes = tg.spawn(bytes(text)); // Key<usize>, from a future
        let words = tg.start_soon(move || words(text)); // Key<usize>, from a callable
        (bytes.await, words.await)
    }));
    let line = format!("{} bytes, {} words", bytes?, words?);
    println!("{line}");
    assert_eq!(line, "14 bytes, 3 words");
    Ok(())
}
