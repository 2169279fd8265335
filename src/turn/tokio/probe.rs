//! Finds out whether this thread is a worker by what `yield_now` does.
//!
//! A worker keeps the waker of a task that yields until it has looked at its timers and sockets; anywhere else tokio calls it at
//! once. So we have one kept, and look whether it was called. It costs one look at the timers and sockets, once the worker has
//! nothing else to do. As long as it is kept there is no need to try again: tokio calls what it has kept before it sleeps and
//! (since 1.50) before the thread leaves its place to another in `block_in_place`, and drops it at the end of `block_on`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Wake, Waker};

use super::wake_after_look;
use crate::panic::catch;

/// Whether it was called.
#[derive(Default)]
struct Probe(AtomicBool);

impl Wake for Probe {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// How many references there are to a probe that tokio does not keep: our own, and that of the waker.
const NOT_KEPT: usize = 2;

thread_local! {
    static PROBE: (Arc<Probe>, Waker) = {
        let probe = Arc::<Probe>::default();
        (Arc::clone(&probe), Waker::from(probe))
    };
}

/// Does tokio keep what yields on this thread? A worker does, and nobody else, nor a worker in `block_in_place`.
///
/// Not to be asked while a waker is called: that may be one that tokio has kept, and while it calls these it can keep no other.
pub(super) fn keeps_wakers() -> bool {
    let keeps = PROBE.try_with(|(probe, waker)| {
        if Arc::strong_count(probe) > NOT_KEPT {
            return true;
        }
        probe.0.store(false, Relaxed);
        // It panics while tokio calls what it has kept, as a worker does.
        catch(|| wake_after_look(waker)).is_err() || !probe.0.load(Relaxed)
    });
    keeps.unwrap_or(false)
}
