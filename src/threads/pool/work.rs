//! What a pool's threads do: one piece of work after the other.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use crate::spawner::SpawnerHandle;
use crate::threads::stop::Stop;

/// One piece of work.
pub(in crate::threads) trait Work: Send + Sync {
    /// Does it, on a thread of the pool.
    fn run(self: Arc<Self>);

    /// It will not be done.
    fn refuse(&self, why: Why);

    fn info(&self) -> JobInfo;

    /// What asks it to stop.
    fn stop(&self) -> Option<&Stop>;

    /// Where it was sent from, for calls back.
    fn spawner(&self) -> Option<&SpawnerHandle>;
}

/// Why work is not done.
#[derive(Clone, Debug)]
pub(in crate::threads) enum Why {
    /// The pool was closed.
    Closed,
    /// There is no thread, and none could be started.
    NoThread(Arc<io::Error>),
}

/// One closure on a thread, as its pool tells of it: its name, and the call that sent it there.
///
/// A mere record: dropping it does nothing.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use ingather::threads::BlockingPool;
///
/// let pool = BlockingPool::new(1);
/// let ((begins, begun), (lets, go)) = (mpsc::channel(), mpsc::channel::<()>());
/// let task = pool.exec_named("scan", move || {
///     let _ = begins.send(());
///     go.recv()
/// });
/// assert!(task.is_ok() && begun.recv().is_ok());
/// assert_eq!(pool.running()[0].name(), Some("scan"));
/// drop(lets);
/// ```
#[derive(Clone, Debug)]
pub struct JobInfo {
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
}

impl JobInfo {
    pub(in crate::threads) fn new(
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
    ) -> Self {
        Self { name, location }
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The call that sent it to the pool.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for JobInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "blocking work `{name}` of {}", self.location),
            None => write!(f, "blocking work of {}", self.location),
        }
    }
}
