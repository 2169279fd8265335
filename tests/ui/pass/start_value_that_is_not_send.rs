//! Children of a local scope stay on one thread, and so does what they say when they have started.

use std::rc::Rc;

pub(crate) fn main() {
    ingather::block_on(ingather::inline::local::scope(|tg| async move {
        let server = tg.start(|ready| {
            let _known = ready.started(Rc::new(80));
            async {}
        });
        let (_server, port) = server.await.unwrap();
        assert_eq!(*port, 80);
    }));
}
