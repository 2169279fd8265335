//! The future of an inline scope goes from thread to thread with its task, and its children with it.

use std::rc::Rc;

fn main() {
    let here = Rc::new(1);
    ingather::block_on(ingather::inline::scope(|tg| {
        let here = &here;
        async move { drop(tg.spawn(async move { Rc::strong_count(here) })) }
    }));
}
