//! An inline scope for children that are not `Send` stays on its thread, and so does its handle.

use std::rc::Rc;

use ingather::inline;

fn main() {
    let scope = Box::pin(inline::local::scope(|tg| async move {
        std::thread::spawn({
            let tg = tg.clone();
            move || drop(tg.spawn(async { Rc::new(1) }))
        });
        drop(tg.spawn(async { Rc::new(1) }));
    }));
    std::thread::spawn(move || ingather::block_on(scope))
        .join()
        .unwrap();
}
