//! A `Ready` that is not used says nothing of its value: its type has to be written.

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let server = tg.start(|_ready| async {});
        assert!(server.await.is_err());
    }));
}
