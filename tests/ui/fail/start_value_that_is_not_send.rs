//! The value of `started` goes from the child's thread to the caller's, so it must be `Send`.

use std::rc::Rc;

fn main() {
    drop(ingather::scope(|tg| async move {
        let _server = tg.start(|ready| {
            let _known = ready.started(Rc::new(80));
            async {}
        });
    }));
}
