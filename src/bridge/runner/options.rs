//! How a runner is started.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::AsyncRunner;
use crate::shows::shows;
use crate::spawner::{EventLoop, LoopKind, Spawner, SpawnerHandle};

/// How an [`AsyncRunner`] is started; made by [`AsyncRunner::builder`].
///
/// # Examples
///
/// ```
/// use ingather::bridge::AsyncRunner;
///
/// let runner = AsyncRunner::builder().name("mail").threads(2).start()?;
/// let thread = || std::thread::current().name().map(str::to_owned);
/// assert!(runner.call(thread).unwrap().unwrap().starts_with("mail-"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "it starts nothing before `start`"]
pub struct AsyncRunnerOptions {
    name: Option<Arc<str>>,
    threads: NonZeroUsize,
    pub(super) kind: LoopKind,
}

impl AsyncRunnerOptions {
    pub(super) fn new() -> Self {
        Self {
            name: None,
            threads: NonZeroUsize::MIN,
            kind: LoopKind::Embedded,
        }
    }

    /// Names the runner, its threads after it, and its tasks' group.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Runs the loop on so many threads. None is one.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Runs the tasks on a spawner that is there already, with that one's threads.
    pub fn on<S: Spawner + Clone + 'static>(mut self, spawner: &S) -> Self {
        self.kind = LoopKind::On(SpawnerHandle::of(spawner));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the system starts no thread.
    #[track_caller]
    pub fn start(self) -> io::Result<AsyncRunner> {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let name = self.name.unwrap_or_else(|| {
            let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            format!("ingather-runner-{number}").into()
        });
        let (event_loop, threads) = EventLoop::start(self.kind, name, self.threads)?;
        Ok(AsyncRunner::new(event_loop, threads))
    }
}

shows!([] AsyncRunnerOptions, this => name, threads, kind);
