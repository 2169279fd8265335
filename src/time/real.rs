//! The clock of the system, with timers from async-io.

use std::sync::OnceLock;
use std::time::Instant;

use super::{Clock, ClockHandle, Timer};

struct System;

impl Clock for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn timer(&self, at: Instant) -> Timer {
        Box::pin(async move {
            async_io::Timer::at(at).await;
        })
    }
}

pub(super) fn real_clock() -> Option<ClockHandle> {
    static SYSTEM: OnceLock<ClockHandle> = OnceLock::new();
    Some(SYSTEM.get_or_init(|| ClockHandle::new(System)).clone())
}
