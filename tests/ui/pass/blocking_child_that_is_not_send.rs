//! What may be shared by threads is.

use std::sync::Arc;

pub(crate) fn main() {
    let here = Arc::new(1);
    let count =
        ingather::parallel::scope(|tg| tg.wait(tg.spawn(async { Arc::strong_count(&here) })));
    assert_eq!(count, Ok(1));
}
