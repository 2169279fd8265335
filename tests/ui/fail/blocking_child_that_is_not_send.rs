//! The children of a blocking scope run on other threads.

use std::rc::Rc;

fn main() {
    let here = Rc::new(1);
    ingather::parallel::scope(|tg| drop(tg.spawn(async { Rc::strong_count(&here) })));
}
