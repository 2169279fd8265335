//! Whether this thread is a worker: what tokio says itself from 1.54 on, and what it lets us know before.

use tokio::task;

use super::probe;

/// The number of the worker that this thread is right now: it runs tasks, or looks at timers and sockets for them. None on any
/// other thread, in `block_in_place` too. Before 1.54 all are number 0.
///
/// Not to be asked while a waker is called: see `probe`.
pub(crate) fn index_of_worker() -> Option<usize> {
    said().index()
}

/// Is it possible that this thread is a worker right now? To be asked anywhere.
pub(super) fn may_be_worker() -> bool {
    said().may_be()
}

/// Whether this tokio has `runtime::worker_index` is decided where that name is looked up, since neither Cargo nor a feature can: what
/// a function imports goes before what the module around it has, and where it imports no such name, that is what counts.
fn said() -> impl Says {
    #[allow(
        unused_imports,
        clippy::wildcard_imports,
        reason = "it may be there, or not"
    )]
    use tokio::runtime::*;
    worker_index()
}

/// Is called where tokio has no such function.
#[allow(dead_code, reason = "it has one, perhaps")]
fn worker_index() -> Nothing {
    Nothing
}

/// What tokio says of this thread.
trait Says {
    fn index(self) -> Option<usize>;
    fn may_be(self) -> bool;
}

impl Says for Option<usize> {
    fn index(self) -> Option<usize> {
        self
    }

    fn may_be(self) -> bool {
        self.is_some()
    }
}

struct Nothing;

impl Says for Nothing {
    fn index(self) -> Option<usize> {
        probe::keeps_wakers().then_some(0)
    }

    fn may_be(self) -> bool {
        // A worker has one also between two tasks. So have threads for blocking work.
        task::try_id().is_some()
    }
}
