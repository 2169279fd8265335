//! compio: what its runtime runs on this thread, and its timers as a clock.

use std::cell::RefCell;
use std::rc::{self, Rc};
use std::task::Waker;

use compio::runtime::Runtime;
use compio::runtime::time::sleep_until;
use ingather::LocalSpawner;
use ingather::clock::{ClockHandle, driven};
use ingather::spawner::{LocalJob, SpawnError};

/// The compio runtime that this thread is in. Outside of one it refuses each job, and has no clock.
#[derive(Clone, Copy, Debug)]
pub struct Compio;

impl LocalSpawner for Compio {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        Runtime::try_with_current(|runtime| runtime.spawn(job).detach())
            .map_err(|_| SpawnError::new("this thread is in no compio runtime"))
    }

    fn is_current(&self) -> bool {
        Runtime::try_with_current(|_| ()).is_ok()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Runtime::try_with_current(clock_of).ok()
    }
}

/// The clock of the runtime that asked last on this thread.
struct Kept {
    clock: ClockHandle,
    /// What tells the runtime from others.
    runtime: Waker,
    /// The runtime has the driver still.
    driver: rc::Weak<()>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

fn clock_of(runtime: &Runtime) -> ClockHandle {
    let waker = runtime.waker();
    let is_its = |kept: &&Kept| kept.driver.strong_count() > 0 && kept.runtime.will_wake(&waker);
    let kept = KEPT.with_borrow(|kept| kept.as_ref().filter(is_its).map(|kept| kept.clock.clone()));
    kept.unwrap_or_else(|| {
        let (clock, driver) = driven(sleep_until);
        let alive = Rc::new(());
        let kept = Kept {
            clock: clock.clone(),
            runtime: waker,
            driver: Rc::downgrade(&alive),
        };
        let driver = async move {
            driver.await;
            drop(alive);
        };
        runtime.spawn(driver).detach();
        drop(KEPT.replace(Some(kept)));
        clock
    })
}
