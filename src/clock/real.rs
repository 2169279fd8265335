//! The clock of the system, with timers from async-io.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::forked::{ForkedTimer, are_timers_lost};
use super::{Clock, ClockHandle, Timer};

/// As long as the system is asked to wait in one go: some refuse to wait for thousands of years.
const A_WHILE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

struct System;

impl Clock for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn timer(&self, at: Instant) -> Timer {
        if are_timers_lost() {
            return Box::pin(ForkedTimer::new(at));
        }
        Box::pin(async move {
            loop {
                let next = at.min(Instant::now() + A_WHILE);
                async_io::Timer::at(next).await;
                if next == at {
                    return;
                }
            }
        })
    }
}

pub(super) fn real_clock() -> Option<ClockHandle> {
    static SYSTEM: OnceLock<ClockHandle> = OnceLock::new();
    Some(SYSTEM.get_or_init(|| ClockHandle::new(System)).clone())
}
