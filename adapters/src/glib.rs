//! GLib: a `MainContext`, as in each program with GTK.

use std::time::{Duration, Instant};

use futures_channel::oneshot;
use glib::source::timeout_source_new;
use glib::{ControlFlow, MainContext, Priority, Source};
use ingather::clock::{Clock, ClockHandle, Timer};
use ingather::spawner::{Job, LocalJob, SpawnError};
use ingather::{LocalSpawner, Spawner};

/// A main context: jobs run on the thread that iterates it, between the events of the program.
#[derive(Clone, Debug)]
pub struct Glib(pub MainContext);

impl Spawner for Glib {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        drop(self.0.spawn(job));
        Ok(())
    }

    fn is_current(&self) -> bool {
        self.0.is_owner()
    }

    /// The thread that owns the context is the only one that drives it.
    fn may_block(&self) -> bool {
        !self.0.is_owner()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(ClockHandle::new(self.clone()))
    }
}

impl LocalSpawner for Glib {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        if !self.0.is_owner() {
            return Err(SpawnError::new("this thread does not own the context"));
        }
        drop(self.0.spawn_local(job));
        Ok(())
    }

    fn is_current(&self) -> bool {
        self.0.is_owner()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Spawner::clock(self)
    }
}

/// Timers are sources of the context, whichever thread waits for them.
impl Clock for Glib {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn timer(&self, at: Instant) -> Timer {
        let context = self.0.clone();
        Box::pin(async move {
            loop {
                let left = at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                let (rings, rung) = oneshot::channel::<()>();
                let mut rings = Some(rings);
                let source = Timeout(timeout_source_new(
                    whole_milliseconds(left),
                    None,
                    Priority::DEFAULT,
                    move || {
                        drop(rings.take());
                        ControlFlow::Break
                    },
                ));
                source.0.attach(Some(&context));
                // The sender is dropped, which is as good as a message.
                let _ = rung.await;
            }
        })
    }
}

/// GLib counts milliseconds in 32 bits: rounded up, and at most an hour in one go.
fn whole_milliseconds(left: Duration) -> Duration {
    (left + Duration::from_micros(999)).min(Duration::from_secs(3600))
}

/// A source that goes with its timer.
struct Timeout(Source);

impl Drop for Timeout {
    fn drop(&mut self) {
        self.0.destroy();
    }
}
