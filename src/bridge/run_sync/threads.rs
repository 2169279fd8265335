//! `OnRunner`: the form of `run_sync` that polls its future on another thread.

use std::future::Future;
use std::thread;
use std::time::Duration;

use crate::bridge::runner::{RunnerError, shared, wait_for};
use crate::park::park_until_ready;
use crate::shows::shows;
use crate::spawner::{SpawnError, from_fn};
use crate::tasks::{Task, TaskRefused, TaskRegistry};

/// Runs futures from sync code on another thread; made by [`RunSync::on_runner`](super::RunSync::on_runner) and
/// [`RunSync::new_thread`](super::RunSync::new_thread).
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ingather::bridge::{RunSync, RunnerError};
///
/// // A future that blocks its thread, which no timeout of an executor ends.
/// let stubborn = async { std::thread::sleep(Duration::from_millis(200)) };
/// let before = Instant::now();
/// let run = RunSync::new().timeout(Duration::from_millis(5)).new_thread().run(stubborn);
/// assert!(matches!(run, Err(RunnerError::TimedOut)));
/// assert!(before.elapsed() < Duration::from_millis(150));
/// ```
#[must_use = "it runs nothing before `run` or `detach`"]
pub struct OnRunner {
    timeout: Option<Duration>,
    on_new_thread: bool,
}

impl OnRunner {
    pub(super) fn shared(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            on_new_thread: false,
        }
    }

    pub(super) fn new_thread(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            on_new_thread: true,
        }
    }

    /// Blocks this thread until the future is over, there. When the time is over it returns, and cancels the future.
    ///
    /// # Errors
    ///
    /// If the time is over; if there is no thread for it.
    ///
    /// # Panics
    ///
    /// With what the future panics with.
    #[track_caller]
    pub fn run<F>(self, future: F) -> Result<F::Output, RunnerError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let timeout = self.timeout;
        match self.detach(future) {
            Ok(task) => wait_for(task, timeout),
            Err(refused) => Err(RunnerError::Closed(refused.into_future())),
        }
    }

    /// Starts the future there, and leaves it to itself.
    ///
    /// # Errors
    ///
    /// If it was not taken. The future is in the error.
    #[track_caller]
    pub fn detach<F>(self, future: F) -> Result<Task<F::Output>, TaskRefused<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match shared() {
            // From within the shared runner the call would wait for its own thread.
            Some(runner) if !self.on_new_thread && !runner.is_current() => {
                runner.create_task_or_return(future)
            }
            _ => {
                let registry = thread_for_one();
                let task = registry.create_task_or_return(future);
                // The thread ends with the task.
                registry.close();
                task
            }
        }
    }
}

/// A registry that starts a thread.
fn thread_for_one() -> TaskRegistry {
    TaskRegistry::on(&from_fn(|job| {
        let thread = thread::Builder::new().name("ingather-sync".into());
        let started = thread.spawn(|| park_until_ready(job));
        started.map(drop).map_err(|error| {
            SpawnError::new(format!(
                "cannot start a thread ({error}); make room for one and try again"
            ))
        })
    }))
}

shows!([] OnRunner, this => timeout, on_new_thread);
