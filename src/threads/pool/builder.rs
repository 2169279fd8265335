//! `PoolBuilder`: what a pool is told when it is made.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::BlockingPool;
use super::shared::Settings;
use crate::shows::shows;

/// What a [`BlockingPool`] is told when it is made; from [`BlockingPool::builder`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ingather::threads::BlockingPool;
///
/// let pool = BlockingPool::builder()
///     .name("disk")
///     .threads(4)
///     .idle_for(Duration::from_secs(60))
///     .build();
/// let name = pool.exec(|| std::thread::current().name().map(String::from)).unwrap();
/// assert!(name.wait().unwrap().unwrap().starts_with("disk-"));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct PoolBuilder(Settings);

impl PoolBuilder {
    pub(super) fn new() -> Self {
        Self(Settings {
            name: "ingather-blocking".into(),
            threads: 250,
            idle_for: Duration::from_secs(10),
            start: None,
        })
    }

    /// How many threads there may be at a time: 250 unless it is said.
    ///
    /// # Panics
    ///
    /// If there are to be none.
    #[track_caller]
    pub fn threads(mut self, threads: usize) -> Self {
        assert!(
            threads > 0,
            "a pool without threads would do nothing: give it one or more"
        );
        self.0.threads = threads;
        self
    }

    /// Names the pool, and each thread with a number behind it: `ingather-blocking` unless it is said.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.0.name = name.into();
        self
    }

    /// How long a thread stays without work: ten seconds unless it is said.
    pub fn idle_for(mut self, time: Duration) -> Self {
        self.0.idle_for = time;
        self
    }

    /// Has the threads come from somewhere else: `start` is given what a thread of the pool does, and has it called on one.
    ///
    /// With the blocking threads of a runtime all of a program's are counted in one place. `start` is called by the thread that sends
    /// work, and by the pool's threads; it does not call what it is given by itself. An error, a panic, or dropping what it was
    /// given, now or later, means that there is no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use ingather::threads::BlockingPool;
    ///
    /// let runtime = tokio::runtime::Runtime::new().unwrap();
    /// let handle = runtime.handle().clone();
    /// let pool = BlockingPool::builder()
    ///     .threads(8)
    ///     .threads_from(move |thread| {
    ///         drop(handle.spawn_blocking(thread));
    ///         Ok(())
    ///     })
    ///     .build();
    /// assert_eq!(pool.exec(|| 7).unwrap().wait().unwrap(), 7);
    /// pool.close().wait();
    /// # }
    /// ```
    pub fn threads_from<S>(mut self, start: S) -> Self
    where
        S: Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync + 'static,
    {
        self.0.start = Some(Arc::new(start));
        self
    }

    /// The pool.
    #[must_use = "a pool does nothing until it is given work"]
    pub fn build(self) -> BlockingPool {
        BlockingPool::open(self.0)
    }
}

shows!([] PoolBuilder, this =>
    name: this.0.name,
    threads: this.0.threads,
    idle_for: this.0.idle_for,
    ..
);
