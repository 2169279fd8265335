//! `AsyncRunner`: an event loop on a thread of its own.
//!
//! - `options`: [`AsyncRunnerOptions`], how one is started; `on_tokio`: with a tokio runtime inside
//! - `calls`: what runs on it, and waiting for that
//! - `local`: futures that cannot go to another thread
//! - `close`: its end; `report`: [`ShutdownReport`], how it went
//! - `shared`: the runner that those share who name none
//! - `error`: [`RunnerError`], why a call gave nothing

mod calls;
mod close;
mod error;
mod local;
#[cfg(feature = "tokio")]
mod on_tokio;
mod options;
mod report;
mod shared;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(in crate::bridge) use calls::wait_for;
pub use error::RunnerError;
pub use options::AsyncRunnerOptions;
pub use report::{ShutdownKind, ShutdownReport};
pub(in crate::bridge) use shared::shared;

use crate::log;
use crate::program::Heard;
use crate::shows::shows;
use crate::spawner::{EventLoop, LoopThread, Spawner, SpawnerHandle, loop_here};
use crate::std_or_loom::Lock;
use crate::tasks::TaskRegistry;

/// The name of the runner whose thread this is.
pub(in crate::bridge) fn runner_here() -> Option<String> {
    loop_here().map(|name| name.as_ref().to_owned())
}

/// An event loop on a thread of its own, for sync code that has async work to do: start it, hand it futures, wait for what they give.
///
/// Any thread may use it through a reference. [`create_task`](Self::create_task) starts a future on the loop and gives its
/// [`Task`](crate::Task); [`run`](Self::run) waits for it; [`call`](Self::call) calls a closure there. Everything ends with the runner:
/// [`close`](Self::close) takes no more, waits until a deadline, cancels what is left, and says in a [`ShutdownReport`] how that went.
/// Dropping it closes it with no time to spare.
///
/// It differs from [`run_sync`](crate::run_sync), which polls its future on the calling thread and needs no runner, in that the work
/// goes on while nobody waits, and in that it is all on one thread. The shape is that of threaded_async's runner and of asyncio's
/// `Runner`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::bridge::AsyncRunner;
///
/// let runner = AsyncRunner::start()?;
/// let task = runner.create_task(async { 6 * 7 });
/// assert_eq!(runner.run(async { "hello" }).unwrap(), "hello");
/// assert_eq!(task.wait().unwrap(), 42);
///
/// let report = runner.close(Duration::from_secs(5));
/// assert!(report.is_clean());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropping it closes it"]
pub struct AsyncRunner {
    event_loop: EventLoop,
    handle: SpawnerHandle,
    registry: TaskRegistry,
    heard: Arc<Heard>,
    /// Taken when it is closed.
    threads: Lock<Option<Vec<LoopThread>>>,
}

/// How many runners there are, and above how many each new one is warned of.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static WARN_ABOVE: AtomicUsize = AtomicUsize::new(500);

impl AsyncRunner {
    /// Starts a runner with one thread, on an executor like the embedded default.
    ///
    /// # Errors
    ///
    /// If the system starts no thread.
    #[track_caller]
    pub fn start() -> io::Result<Self> {
        AsyncRunnerOptions::new().start()
    }

    /// A runner with a name, several threads, or another executor.
    pub fn builder() -> AsyncRunnerOptions {
        AsyncRunnerOptions::new()
    }

    /// Warns of each new runner while there are more than so many: 500 unless this is said. That many are started by a call that should
    /// use one of them.
    pub fn warn_above(runners: usize) {
        WARN_ABOVE.store(runners, Ordering::Relaxed);
    }

    #[track_caller]
    fn new(event_loop: EventLoop, threads: Vec<LoopThread>) -> Self {
        let live = LIVE.fetch_add(1, Ordering::Relaxed) + 1;
        if live > WARN_ABOVE.load(Ordering::Relaxed) {
            let at = std::panic::Location::caller();
            log::warning(&format_args!(
                "there are {live} runners, each with threads of its own, with the one that was started at {at}: share one, or \
                 close those that are not needed any more"
            ));
        }
        let handle = SpawnerHandle::new(event_loop.clone());
        let options = crate::group::GroupOptions::new().name(Arc::clone(event_loop.name()));
        let registry = options.on(&handle).registry();
        let heard = Heard::of(&registry);
        Self {
            event_loop,
            handle,
            registry,
            heard,
            threads: Lock::new(Some(threads)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.event_loop.name()
    }

    /// Does this code run on its thread?
    pub fn is_current(&self) -> bool {
        self.event_loop.is_current()
    }

    /// Its loop as a spawner: for scopes, groups and whatever else names one. It takes no jobs once the runner was closed.
    pub fn spawner(&self) -> SpawnerHandle {
        self.handle.clone()
    }

    /// The registry of its tasks.
    pub fn tasks(&self) -> &TaskRegistry {
        &self.registry
    }
}

impl Drop for AsyncRunner {
    fn drop(&mut self) {
        self.close_at_drop();
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

shows!([] AsyncRunner, this => name: this.name(), tasks: this.registry, ..);
