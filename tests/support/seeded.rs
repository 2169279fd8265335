//! Numbers from a seed, a spawner whose jobs are run by hand in an order that the seed decides, and virtual time over seeds.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ingather::testing::{HostileSpawner, Mischief, TestExecutor};

use super::watchdog::watched;

/// Runs a test in virtual time, in several orders and with one to three drivers a group. It starts at 0 s.
pub(crate) fn over_seeds<F: Future<Output = ()>>(name: &str, test: impl Fn() -> F) {
    for seed in 0..24 {
        watched(format!("{name} with seed {seed}"), || {
            let drivers = NonZeroUsize::MIN.saturating_add(seed % 3);
            let seed = u64::try_from(seed).expect("it fits");
            let executor = TestExecutor::seeded(seed).with_parallelism(drivers);
            let run = AssertUnwindSafe(|| executor.block_on(test()));
            if let Err(panic) = catch_unwind(run) {
                eprintln!("{name} failed with seed {seed}");
                resume_unwind(panic);
            }
        });
    }
}

/// A small generator: the same seed gives the same numbers.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// splitmix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("it fits");
        usize::try_from(self.next() % end).expect("it fits")
    }

    /// True so many times of a hundred.
    pub(crate) fn chance(&mut self, per_cent: u8) -> bool {
        self.below(100) < usize::from(per_cent)
    }
}

/// A spawner without threads, first come first served: its jobs run when the test says so, on the test's thread.
///
/// It does not know whether it is current, so an owner that is polled by hand leaves the children to its jobs.
pub(crate) fn stepper() -> HostileSpawner {
    HostileSpawner::stepped(Mischief::honest(), 0)
}
