//! Numbers from a seed, and a spawner whose jobs are run by hand, in an order that the seed decides.

use std::num::NonZeroUsize;

use ingather::{Job, SpawnError, Spawner, SpawnerHandle};

use super::hostile::{HONEST, Hostile, Mischief};

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

/// A spawner without threads: its jobs run when the test says so, on the test's thread.
///
/// It does not know whether it is current, so an owner that is polled by hand leaves the children to its jobs.
#[derive(Clone)]
pub(crate) struct Stepper(Hostile);

impl Stepper {
    /// First come first served, one job at a time.
    pub(crate) fn new() -> Self {
        Self::with(1, HONEST, 0)
    }

    /// Jobs in an order that the seed decides.
    pub(crate) fn shuffled(parallelism: usize, seed: u64) -> Self {
        let mischief = Mischief {
            delay: 50,
            ..HONEST
        };
        Self::with(parallelism, mischief, seed)
    }

    pub(crate) fn with(parallelism: usize, mischief: Mischief, seed: u64) -> Self {
        Self(Hostile::without_threads(parallelism, mischief, seed))
    }

    pub(crate) fn handle(&self) -> SpawnerHandle {
        SpawnerHandle::new(self.clone())
    }

    /// Polls one job that is ready. `false` if there is none.
    pub(crate) fn step(&self) -> bool {
        self.0.step()
    }

    /// Polls jobs until none is ready, and says how many polls it took.
    pub(crate) fn run(&self) -> usize {
        std::iter::from_fn(|| self.step().then_some(())).count()
    }

    /// How many jobs were spawned so far.
    pub(crate) fn spawned(&self) -> usize {
        self.0.spawned()
    }

    /// How many jobs are not over.
    pub(crate) fn jobs(&self) -> usize {
        self.0.jobs()
    }

    /// Drops all jobs, on this thread, and refuses those to come.
    pub(crate) fn shut_down(&self) {
        self.0.shut_down();
    }
}

impl Spawner for Stepper {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.0.parallelism()
    }

    fn is_current(&self) -> bool {
        self.0.is_current()
    }

    fn should_yield(&self) -> bool {
        self.0.should_yield()
    }
}
