//! The callable of a start owns what it captures.

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let port = 8080;
        let server = tg.start(|ready| async {
            ready.started(port).unwrap();
        });
        assert_eq!(server.await.unwrap().1, 8080);
    }));
}
