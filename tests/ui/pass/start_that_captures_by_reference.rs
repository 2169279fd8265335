//! The callable of a start owns what it captures.

use ingather::{block_on, scope};

pub(crate) fn main() {
    block_on(scope(|tg| async move {
        let port = 8080;
        let server = tg.start(move |ready| async move {
            ready.started(port).unwrap();
        });
        assert_eq!(server.await.unwrap().1, 8080);
    }));
}
