//! Numbers from a seed, and a spawner whose jobs are run by hand, in an order that the seed decides.

use ingather::testing::{HostileSpawner, Mischief};

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
