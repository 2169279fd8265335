//! `TestExecutor`: one thread, an order that a seed decides, and a clock that jumps.
//!
//! - `shared`: the jobs, which are ready, and who holds the clock
//! - `run`: the loop, and stepping by hand
//! - `timers`: the virtual clock
//! - `locals`: jobs that are not `Send`
//! - `threads`: what keeps the clock from jumping
//! - `report`: what is said of a deadlock, a livelock and leaks

mod locals;
mod report;
mod run;
mod shared;
mod threads;
mod timers;

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub(super) use run::elapsed_here;
pub use threads::{BlockingWork, ClockHold};

use crate::clock::ClockHandle;
use crate::error::unhandled::report_panic;
use crate::order::Order;
use crate::spawner::{Job, LocalJob, LocalSpawner, SpawnError, Spawner, SpawnerHandle};
use shared::{Settings, Shared};

/// A deterministic executor with a virtual clock, for tests.
///
/// Its jobs run on one thread and only inside its own loop: in [`block_on`](Self::block_on), [`step`](Self::step),
/// [`run_until_idle`](Self::run_until_idle) and [`advance`](Self::advance). Which of several that are ready goes first is
/// its order: first come first served, last come first served, or drawn by a seed, and it holds for the children inside
/// groups too. The same seed gives the same run. Its clock starts when it is made and does not move by itself: when
/// nothing is ready it jumps to the next timer. When nothing will ever be ready it says who waits for whom.
///
/// It is a [`Spawner`] and a [`LocalSpawner`], and the current one inside: [`scope`](crate::scope),
/// [`gather`](crate::gather) and [`sleep`](crate::clock::sleep) need no other set-up.
///
/// The clock that jumps is trio's `MockClock` with `autojump_threshold` and tokio's `pause`; stepping by hand is Kotlin's
/// `TestScope`; the seeds are shuttle's and madsim's. Use [loom](https://docs.rs/loom) instead for what threads and
/// atomics can do to each other: between two suspensions, a job here is never interrupted.
///
/// Clones are the same executor. When the last is dropped, all jobs are dropped, on that thread, and later ones are
/// refused. Local jobs are dropped so on their own thread only, and at its end otherwise. A job that holds a clone keeps
/// the executor alive: [`shut_down`](Self::shut_down) ends it.
///
/// # Examples
///
/// A sleep of a day, and children in the order of their timers:
///
/// ```
/// use std::time::Duration;
///
/// use ingather::scope;
/// use ingather::testing::{TestExecutor, Trace};
/// use ingather::clock::Clock;
///
/// let executor = TestExecutor::new();
/// let trace = Trace::new();
/// let in_scope = trace.clone();
/// executor.block_on(scope(|tg| async move {
///     for hours in [24, 1, 7] {
///         let trace = in_scope.clone();
///         tg.spawn(async move {
///             let clock = ingather::clock::current_clock();
///             clock.timer(clock.now() + Duration::from_secs(hours * 3600)).await;
///             trace.log(format!("{hours} hours"));
///         });
///     }
/// }));
/// trace.assert(["1 hours", "7 hours", "24 hours"]);
/// assert_eq!(executor.elapsed(), Duration::from_secs(24 * 3600));
/// ```
#[derive(Clone)]
#[must_use = "an executor runs nothing by itself: call `block_on`, or spawn on it and `run_until_idle`"]
pub struct TestExecutor(Arc<Owner>);

/// Ends the executor when it is dropped. Wakers and groups inside hold only what is shared.
struct Owner {
    shared: Arc<Shared>,
    handle: SpawnerHandle,
}

impl TestExecutor {
    /// First come first served.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::TestExecutor;
    ///
    /// assert_eq!(TestExecutor::new().block_on(async { 7 }), 7);
    /// ```
    #[expect(
        clippy::new_without_default,
        reason = "it has an identity, and a clock that starts"
    )]
    pub fn new() -> Self {
        Self::with_order(Order::Fifo, None)
    }

    /// Last come first served: the order that code which counts on fairness least expects.
    pub fn lifo() -> Self {
        Self::with_order(Order::Lifo, None)
    }

    /// In an order that the seed decides, always the same for one seed.
    pub fn seeded(seed: u64) -> Self {
        Self::with_order(Order::Drawn(seed), Some(seed))
    }

    fn with_order(order: Order, seed: Option<u64>) -> Self {
        let shared = Shared::new(order, seed);
        let handle = SpawnerHandle::new(Inside(Arc::clone(&shared)));
        Self(Arc::new(Owner { shared, handle }))
    }

    /// Runs a future to its end on a fresh [`seeded`](Self::seeded) executor.
    ///
    /// # Panics
    ///
    /// As [`block_on`](Self::block_on).
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::TestExecutor;
    /// use ingather::gather;
    ///
    /// let squares = TestExecutor::run(17, gather((1..=3).map(|n| move || async move { n * n })));
    /// assert_eq!(squares, [1, 4, 9]);
    /// ```
    #[track_caller]
    pub fn run<F: Future>(seed: u64, future: F) -> F::Output {
        Self::seeded(seed).block_on(future)
    }

    /// Says how many polls there may be without the clock moving, before it is a livelock; a million if nothing is said.
    pub fn with_step_limit(self, polls: u64) -> Self {
        self.with(|settings| settings.step_limit = polls)
    }

    /// Says whether the clock jumps to the next timer when nothing is ready, as it does if nothing is said.
    ///
    /// Otherwise it moves only by [`advance`](Self::advance), and a future that waits for a timer in
    /// [`block_on`](Self::block_on) is a deadlock.
    pub fn with_autojump(self, jumps: bool) -> Self {
        self.with(|settings| settings.autojump = jumps)
    }

    /// Says whether [`block_on`](Self::block_on) panics about what is left behind when its future is over, as it does if
    /// nothing is said.
    ///
    /// Left behind are: children that are not over, of groups that were forgotten or given away; results that are kept
    /// for keys which nobody uses; jobs that are not over; timers; threads of [`blocking`](Self::blocking); and guards of
    /// [`hold_clock`](Self::hold_clock). Groups count if they were opened during the call, the others in any case.
    pub fn with_leak_check(self, checks: bool) -> Self {
        self.with(|settings| settings.leak_check = checks)
    }

    /// The same as [`with_leak_check(false)`](Self::with_leak_check).
    pub fn allow_leaks(self) -> Self {
        self.with_leak_check(false)
    }

    /// Says whether an inline gather whose calls need no group is polled without one, as on other executors; it is not if
    /// nothing is said.
    ///
    /// Otherwise each gather opens its group at once, so that the order decides among its calls, and reports name those that wait.
    /// Either way the calls give the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::inline;
    /// use ingather::testing::TestExecutor;
    ///
    /// for in_place in [false, true] {
    ///     let executor = TestExecutor::new().with_gathers_in_place(in_place);
    ///     assert_eq!(executor.block_on(inline::gather([|| async { 1 }])), [1]);
    /// }
    /// ```
    pub fn with_gathers_in_place(self, in_place: bool) -> Self {
        self.with(|settings| settings.gathers_in_place = in_place)
    }

    /// Says how many jobs it claims to poll at the same time; one if nothing is said, which is the truth.
    ///
    /// A group then has so many driver jobs, for the order to choose from.
    pub fn with_parallelism(self, parallelism: NonZeroUsize) -> Self {
        self.with(|settings| settings.parallelism = parallelism)
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.0.shared.state.lock().settings);
        self
    }

    /// The instant that it is on its clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.shared.timers.now()
    }

    /// How far the clock has come since the executor was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.shared.timers.elapsed()
    }

    /// How many jobs are not over. The future of [`block_on`](Self::block_on) is not among them.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.0.shared.state.lock().jobs()
    }

    /// How many jobs it was given so far.
    #[must_use]
    pub fn spawned(&self) -> usize {
        self.0.shared.state.lock().spawned()
    }

    /// How many polls there have been so far, of jobs and of futures in [`block_on`](Self::block_on).
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.0.shared.state.lock().polls()
    }

    /// Whether this thread is running it now, and no other executor inside of it.
    ///
    /// Here as well as in both traits, so that both can be in scope.
    #[must_use]
    pub fn is_current(&self) -> bool {
        run::is_innermost(&self.0.shared)
    }

    /// Its clock, which there always is.
    ///
    /// Here as well as in both traits, so that both can be in scope.
    #[must_use]
    pub fn clock(&self) -> Option<ClockHandle> {
        self.0.handle.clock()
    }

    /// Drops all jobs, on this thread in the order of their spawns, and refuses those to come.
    ///
    /// A job that is being polled is dropped at the end of its poll. Local jobs of another thread are dropped at its end.
    /// A future in [`block_on`](Self::block_on) goes on.
    ///
    /// # Panics
    ///
    /// If the destructor of a job panics: with the first such panic, when all have been dropped.
    pub fn shut_down(&self) {
        if let Some(panic) = self.0.shared.shut_down() {
            panic.resume();
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn handle(&self) -> &SpawnerHandle {
        &self.0.handle
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        match self.shared.shut_down() {
            None => {}
            Some(panic) if thread::panicking() => report_panic("a job", panic),
            Some(panic) => panic.resume(),
        }
    }
}

impl Spawner for TestExecutor {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.handle.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.0.handle.parallelism()
    }

    fn is_current(&self) -> bool {
        self.0.handle.is_current()
    }

    fn may_block(&self) -> bool {
        self.0.handle.may_block()
    }

    fn clock(&self) -> Option<ClockHandle> {
        self.0.handle.clock()
    }
}

impl LocalSpawner for TestExecutor {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.0.shared.spawn_local(job)
    }

    fn is_current(&self) -> bool {
        self.0.handle.is_current()
    }

    fn clock(&self) -> Option<ClockHandle> {
        self.0.handle.clock()
    }
}

impl fmt::Debug for TestExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        let mut debug = f.debug_struct("TestExecutor");
        if let Some(seed) = shared.seed {
            debug.field("seed", &seed);
        }
        if let Some(state) = shared.state.try_lock() {
            debug.field("jobs", &state.jobs());
            debug.field("ready", &state.ready());
            debug.field("polls", &state.polls());
        }
        if let Some(elapsed) = shared.timers.try_elapsed() {
            debug.field("elapsed", &elapsed);
        }
        debug.finish_non_exhaustive()
    }
}

/// The executor as its own jobs see it: it does not keep the executor alive.
struct Inside(Arc<Shared>);

impl Spawner for Inside {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.0.settings().parallelism
    }

    fn is_current(&self) -> bool {
        run::is_innermost(&self.0)
    }

    fn may_block(&self) -> bool {
        !self.0.is_run_here()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(self.0.clock.clone())
    }
}
