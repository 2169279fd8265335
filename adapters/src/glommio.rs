//! glommio: what its executor runs on this thread, and its timers as a clock.

use std::cell::RefCell;
use std::rc::{self, Rc};
use std::time::Instant;

use glommio::executor;
use glommio::timer::sleep;
use ingather::LocalSpawner;
use ingather::clock::{ClockHandle, driven};
use ingather::spawner::{LocalJob, SpawnError};

/// The glommio executor that this thread is in.
///
/// glommio cannot be asked whether there is one, so that this panics where there is none, and is never current by itself.
#[derive(Clone, Copy, Debug)]
pub struct Glommio;

impl LocalSpawner for Glommio {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        glommio::spawn_local(job).detach();
        Ok(())
    }

    /// Asked while one of its tasks is polled, so that there is an executor.
    fn should_yield(&self) -> bool {
        executor().need_preempt()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(clock_of(executor().id()))
    }
}

/// The clock of the executor that asked last on this thread.
struct Kept {
    clock: ClockHandle,
    executor: usize,
    /// The executor has the driver still.
    driver: rc::Weak<()>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

fn clock_of(executor: usize) -> ClockHandle {
    let is_its = |kept: &&Kept| kept.driver.strong_count() > 0 && kept.executor == executor;
    let kept = KEPT.with_borrow(|kept| kept.as_ref().filter(is_its).map(|kept| kept.clock.clone()));
    kept.unwrap_or_else(|| {
        let (clock, driver) = driven(|at| sleep(at.saturating_duration_since(Instant::now())));
        let alive = Rc::new(());
        let kept = Kept {
            clock: clock.clone(),
            executor,
            driver: Rc::downgrade(&alive),
        };
        let driver = async move {
            driver.await;
            drop(alive);
        };
        glommio::spawn_local(driver).detach();
        drop(KEPT.replace(Some(kept)));
        clock
    })
}
