//! A `Ready` that is not used says nothing of its value: its type has to be written.

use ingather::{Ready, block_on, scope};

pub(crate) fn main() {
    block_on(scope(|tg| async move {
        let server = tg.start(|_ready: Ready<()>| async {});
        assert!(server.await.is_err());
    }));
}
