//! `HostileSpawner`: an executor from well-behaved to lossy. What it does amiss is decided by a seed.
//!
//! - `mischief`: [`Mischief`], how often it does what
//! - `pool`: its queue, its threads and its jobs

mod mischief;
mod pool;

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;

pub use mischief::Mischief;

use crate::shows::shows;
use crate::spawner::{Job, SpawnError, Spawner};
use pool::Pool;

/// A spawner that refuses jobs, drops them, delays them and polls them without need, as often as a [`Mischief`] says.
///
/// For testing that code survives whatever a [`Spawner`] may do, and that nobody waits for ever: this crate's own tests run
/// on it. On one thread and stepped by hand the same seed does the same; on threads of its own only the dice are the same.
/// For testing one's own logic use a [`TestExecutor`](super::TestExecutor), which loses nothing and has a clock.
///
/// Clones are the same executor. When the last is dropped it is [shut down](Self::shut_down).
///
/// # Examples
///
/// A gather that survives a spawner which loses half of its jobs, or says that it did not:
///
/// ```
/// use ingather::testing::{ByHand, HostileSpawner, Mischief};
/// use ingather::cancel::CancelKind;
/// use ingather::{GatherGroup, GatherIncomplete};
///
/// for seed in 0..100 {
///     let spawner = HostileSpawner::stepped(Mischief::honest().drop_halfway(50), seed);
///     let group = GatherGroup::on(&spawner);
///     let key = group.spawn(async { 7 });
///     spawner.run_until_idle();
///     match ByHand::new(key).poll() {
///         std::task::Poll::Ready(Ok(value)) => assert_eq!(value, 7),
///         std::task::Poll::Ready(Err(GatherIncomplete::Cancelled(reason))) => {
///             assert_eq!(reason.kind(), CancelKind::Abandoned);
///         }
///         other => panic!("seed {seed}: {other:?}"),
///     }
/// }
/// ```
#[derive(Clone)]
#[must_use = "a spawner runs nothing by itself: spawn on it, enter it or pass it on"]
pub struct HostileSpawner(Arc<Owner>);

/// Shuts it down when it is dropped. Threads and wakers hold only the pool.
struct Owner(Arc<Pool>);

impl HostileSpawner {
    /// Without threads: its jobs run in calls of [`step`](Self::step). It claims to run one at a time.
    ///
    /// # Panics
    ///
    /// If what the mischief does at a spawn sums up to more than 100 per cent.
    #[track_caller]
    pub fn stepped(mischief: Mischief, seed: u64) -> Self {
        Self::stepped_by(1, mischief, seed)
    }

    /// Like [`stepped`](Self::stepped), and claims to run so many jobs at the same time.
    ///
    /// # Panics
    ///
    /// As [`stepped`](Self::stepped), and if `parallelism` is 0.
    #[track_caller]
    pub fn stepped_by(parallelism: usize, mischief: Mischief, seed: u64) -> Self {
        let Some(parallelism) = NonZeroUsize::new(parallelism) else {
            panic!("a spawner that runs no job at a time runs none: say 1 or more");
        };
        let sum = mischief.at_spawn();
        if sum > 100 {
            panic!("what is done at a spawn sums up to {sum} per cent: 100 is all there is");
        }
        Self(Arc::new(Owner(Pool::new(parallelism, mischief, seed))))
    }

    /// On so many threads of its own, named `name-1` and so on, until it is shut down.
    ///
    /// # Panics
    ///
    /// As [`stepped`](Self::stepped), and if `threads` is 0 or a thread cannot be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::on;
    /// use ingather::testing::{HostileSpawner, Mischief};
    ///
    /// let spawner = HostileSpawner::on_threads("mild", 2, Mischief::mild(), 1);
    /// let sum = ingather::block_on(on(&spawner).gather((|| async { 1 }, || async { 2 })));
    /// assert_eq!(sum, (1, 2));
    /// spawner.shut_down();
    /// spawner.join();
    /// ```
    #[track_caller]
    pub fn on_threads(name: &str, threads: usize, mischief: Mischief, seed: u64) -> Self {
        let hostile = Self::stepped_by(threads, mischief, seed);
        hostile.pool().start(name, threads);
        hostile
    }

    /// Polls one job on this thread, or drops it if that is its fate. `false` if none is ready.
    pub fn step(&self) -> bool {
        self.pool().step()
    }

    /// Steps until none is ready, and says how many steps it took.
    ///
    /// A job that always wakes itself keeps it here for ever.
    pub fn run_until_idle(&self) -> usize {
        std::iter::from_fn(|| self.step().then_some(())).count()
    }

    /// How many jobs it was given and kept, be it for a while.
    #[must_use]
    pub fn spawned(&self) -> usize {
        self.pool().spawned()
    }

    /// How many of them are not over.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.pool().jobs()
    }

    /// Drops all jobs, on this thread, those that are being polled at the end of their poll, and refuses those to come.
    ///
    /// Its threads end when they have nothing in hand.
    pub fn shut_down(&self) {
        self.pool().shut_down();
    }

    /// Waits for its threads to end: after [`shut_down`](Self::shut_down), and for ever without it.
    ///
    /// # Panics
    ///
    /// If it is called from one of them.
    #[track_caller]
    pub fn join(&self) {
        if !self.pool().join() {
            panic!("a thread of the spawner cannot wait for itself: join from outside");
        }
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.0.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

impl Spawner for HostileSpawner {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let pool = self.pool();
        if pool.is_closed() {
            return Err(SpawnError::shut_down());
        }
        let mischief = pool.mischief;
        let (dice, polls) = pool.roll();
        let mut dice = dice;
        let mut falls_on = |per_cent: u8| {
            let falls = dice < usize::from(per_cent);
            dice = dice.wrapping_sub(usize::from(per_cent));
            falls
        };
        if falls_on(mischief.refuse) {
            Err(SpawnError::new("refused"))
        } else if falls_on(mischief.refuse_but_run) {
            pool.admit(job, None, true);
            Err(SpawnError::new("refused, and run"))
        } else if falls_on(mischief.panic) {
            panics("in spawn")
        } else if falls_on(mischief.panic_but_run) {
            pool.admit(job, None, true);
            panics("in spawn, and run")
        } else if falls_on(mischief.drop_at_once) {
            drop(job);
            Ok(())
        } else if falls_on(mischief.drop_halfway) {
            pool.admit(job, Some(polls), true);
            Ok(())
        } else if falls_on(mischief.inline) {
            let task = pool.admit(job, None, false);
            pool.run(&task);
            Ok(())
        } else {
            pool.admit(job, None, true);
            Ok(())
        }
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.pool().parallelism
    }

    fn is_current(&self) -> bool {
        let mischief = &self.pool().mischief;
        let truth = mischief.knows_itself && self.pool().runs_here();
        truth != self.pool().chance(mischief.lie)
    }

    fn should_yield(&self) -> bool {
        let pool = self.pool();
        pool.chance(pool.mischief.turn_over)
    }
}

shows!([] HostileSpawner, this => mischief: this.pool().mischief, ..);

/// Without the noise of the panic hook: it is on purpose, and happens often.
fn panics(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}
