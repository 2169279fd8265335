//! monoio: what its runtime runs on this thread, and its timers as a clock.
//!
//! monoio needs its feature `sync`: without it a task must not be woken by another thread, as `to_thread` and cancels from elsewhere
//! do. A runtime needs `enable_timer`.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Instant;

use ingather::LocalSpawner;
use ingather::clock::{Clock, ClockHandle, Timer, driven};
use ingather::spawner::{LocalJob, SpawnError};
use monoio::time::sleep_until;

/// The monoio runtime that this thread is in.
///
/// monoio cannot be asked whether there is one, so that this panics where there is none, and is never current by itself.
#[derive(Clone, Copy, Debug)]
pub struct Monoio;

impl LocalSpawner for Monoio {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        // A dropped handle leaves the task alone.
        drop(monoio::spawn(job));
        Ok(())
    }

    fn clock(&self) -> Option<ClockHandle> {
        let kept = KEPT.with_borrow(Weak::upgrade).unwrap_or_else(|| {
            let (clock, driver) = driven(|at: Instant| sleep_until(at.into()));
            drop(monoio::spawn(driver));
            let kept = Arc::new(clock);
            KEPT.set(Arc::downgrade(&kept));
            kept
        });
        Some(ClockHandle::new(Shared(kept)))
    }
}

thread_local! {
    /// The clock of the runtime, as long as somebody has it: monoio cannot be asked which runtime this is, and keeps a task, as the
    /// driver is one, for as long as it has a waker.
    static KEPT: RefCell<Weak<ClockHandle>> = const { RefCell::new(Weak::new()) };
}

struct Shared(Arc<ClockHandle>);

impl Clock for Shared {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn timer(&self, at: Instant) -> Timer {
        self.0.timer(at)
    }
}
