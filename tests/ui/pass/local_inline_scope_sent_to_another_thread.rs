//! An inline scope whose children are `Send` goes anywhere.

use std::sync::Arc;

use ingather::inline;

pub(crate) fn main() {
    let scope = Box::pin(inline::scope(|tg| async move {
        drop(tg.spawn(async { Arc::new(1) }));
    }));
    std::thread::spawn(move || ingather::block_on(scope))
        .join()
        .unwrap();
}
