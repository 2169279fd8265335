//! That of a local inline scope stays.

use std::rc::Rc;

pub(crate) fn main() {
    let here = Rc::new(1);
    let count = ingather::block_on(ingather::inline::local::scope(|tg| {
        let here = &here;
        async move { tg.spawn(async move { Rc::strong_count(here) }).await }
    }));
    assert_eq!(count, Ok(1));
}
