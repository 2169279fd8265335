//! `explore`: one test under many orders.

use std::fmt::{self, Display};
use std::future::Future;
use std::time::Duration;

use super::TestExecutor;
use crate::panic::{Panic, catch};

/// The environment variable that has [`explore`] run one seed alone.
const VARIABLE: &str = "INGATHER_SEED";

/// Runs a test once for each seed, on a fresh [`TestExecutor`] in the order of that seed.
///
/// A test that passes under one order says little about the others. Here it meets as many as there are seeds, so that a
/// mistake that needs a certain order is found, and found again: the first seed that fails is printed, with how to run it
/// alone. A panic is a failure, and so are a deadlock, a livelock and a leak; see [`TestExecutor::block_on`]. The idea is
/// shuttle's and Hypothesis's.
///
/// With the environment variable `INGATHER_SEED` set to a number, that seed alone is run, whatever `seeds` says.
///
/// Only suspensions are points where the order has a say. A test that draws on something else that changes (the system's
/// clock, threads, the order in a `HashMap`) may not fail again.
///
/// # Panics
///
/// With the first failure, its message followed by the seed. If `INGATHER_SEED` is set to something other than a number.
///
/// # Examples
///
/// ```
/// use ingather::gather;
/// use ingather::testing::{explore, yield_now};
///
/// let explored = explore(0..100, || async {
///     let double = |n| move || async move {
///         yield_now().await;
///         n * 2
///     };
///     // Whichever ends first: the results are in the order of the calls.
///     assert_eq!(gather((1..=3).map(double)).await, [2, 4, 6]);
/// });
/// assert_eq!(explored.runs, 100);
/// ```
#[track_caller]
pub fn explore<S, F>(seeds: S, mut test: impl FnMut() -> F) -> Explored
where
    S: IntoIterator<Item = u64>,
    F: Future<Output = ()>,
{
    let mut explored = Explored::default();
    match asked_for() {
        Some(seed) => run(seed, &mut test, &mut explored),
        None => {
            for seed in seeds {
                run(seed, &mut test, &mut explored);
            }
        }
    }
    explored
}

/// The seed that the environment asks for.
#[track_caller]
fn asked_for() -> Option<u64> {
    let text = std::env::var_os(VARIABLE)?;
    let seed = text.to_str().and_then(|text| text.trim().parse().ok());
    match seed {
        Some(seed) => Some(seed),
        None => panic!("{VARIABLE} is {text:?}: set it to the number of a seed, or unset it"),
    }
}

fn run<F: Future<Output = ()>>(seed: u64, test: &mut impl FnMut() -> F, explored: &mut Explored) {
    let executor = TestExecutor::seeded(seed);
    let result = catch(|| {
        executor.block_on(async { test().await });
        executor.shut_down();
    });
    match result {
        Ok(()) => explored.add(seed, &executor),
        Err(panic) => {
            let after = Failed {
                seed,
                runs: explored.runs,
            };
            fail(executor, panic, &after);
        }
    }
}

/// Goes on with a panic, and says how to have it again.
fn fail(executor: TestExecutor, panic: Panic, failed: &Failed) -> ! {
    // The first panic is the one to tell of, whatever comes out of destructors now.
    if let Err(second) = catch(|| drop(executor)) {
        drop(second);
    }
    // To the output of the test, below what the panic itself has printed there.
    eprintln!("{failed}");
    let message = format!("{}\n{failed}", panic.message());
    drop(panic);
    std::panic::resume_unwind(Box::new(message));
}

/// The seed of a failure, and how to run it again.
struct Failed {
    seed: u64,
    /// How many passed before.
    runs: u64,
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, runs } = self;
        let thread = std::thread::current();
        // The harness names the thread after the test, unless it runs one at a time.
        let test = thread.name().filter(|name| *name != "main").unwrap_or("");
        let command = format!("{VARIABLE}={seed} cargo test {test}");
        write!(
            f,
            "seed {seed} failed, after {runs} that passed; to run it again:\n  {}\n  TestExecutor::run({seed}, ..)",
            command.trim_end()
        )
    }
}

/// What [`explore`] has done.
///
/// # Examples
///
/// ```
/// use ingather::scope;
/// use ingather::testing::explore;
///
/// let explored = explore(0..20, || async {
///     scope(|tg| async move {
///         for _ in 0..3 {
///             tg.spawn(async {});
///         }
///     })
///     .await;
/// });
/// assert_eq!(explored.runs, 20);
/// assert!(explored.longest.is_some_and(|(_seed, polls)| polls <= explored.polls));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many seeds were run.
    pub runs: u64,
    /// How many polls that took altogether.
    pub polls: u64,
    /// How much virtual time passed altogether.
    pub elapsed: Duration,
    /// The seed of the run with the most polls, and how many they were.
    pub longest: Option<(u64, u64)>,
}

impl Explored {
    fn add(&mut self, seed: u64, executor: &TestExecutor) {
        let polls = executor.polls();
        self.runs += 1;
        self.polls += polls;
        self.elapsed = self.elapsed.saturating_add(executor.elapsed());
        if self.longest.is_none_or(|(_, most)| polls > most) {
            self.longest = Some((seed, polls));
        }
    }
}
