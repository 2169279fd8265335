//! `QueueServiceOptions`: what a service may be told before it starts.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::queue_service::QueueService;
use crate::shows::shows;

/// Called with each item for which there is no room.
pub(super) type DropHook<T> = Arc<dyn Fn(T) + Send + Sync>;

/// What a [`QueueService`] may be told before it starts.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use ingather::bridge::QueueServiceOptions;
///
/// let (tell, told) = mpsc::channel();
/// let service = QueueServiceOptions::new()
///     .name("log")
///     .batch(64)
///     .interval(Duration::from_millis(2))
///     .capacity(1_000)
///     .on_drop(|line: &str| eprintln!("no room for {line}"))
///     .start(move |lines| tell.send(lines.len()).map_err(|_| "nobody reads"))
///     .unwrap();
/// for _ in 0..100 {
///     service.send("a line").unwrap();
/// }
/// service.drain_timeout(Duration::from_secs(5)).unwrap();
/// assert_eq!(told.iter().sum::<usize>(), 100);
/// ```
#[must_use = "options do nothing: start a service from them"]
pub struct QueueServiceOptions<T> {
    pub(super) name: String,
    pub(super) batch: NonZeroUsize,
    pub(super) interval: Duration,
    pub(super) capacity: Option<usize>,
    pub(super) on_drop: Option<DropHook<T>>,
}

impl<T: Send + 'static> QueueServiceOptions<T> {
    /// One item at a time, no interval, no bound.
    pub fn new() -> Self {
        Self {
            name: String::from("ingather-service"),
            batch: NonZeroUsize::MIN,
            interval: Duration::ZERO,
            capacity: None,
            on_drop: None,
        }
    }

    /// The name of its thread, and of the service where it is reported.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The handler gets at most so many items at once.
    ///
    /// # Panics
    ///
    /// If that is none.
    #[track_caller]
    pub fn batch(mut self, most: usize) -> Self {
        self.batch = NonZeroUsize::new(most).expect("a batch has at least one item");
        self
    }

    /// So much time passes between the begin of a batch and that of the next; meanwhile items are collected. While it is drained
    /// the service does not wait for that.
    pub fn interval(mut self, least: Duration) -> Self {
        self.interval = least;
        self
    }

    /// At most so many items wait; those for which there is no room are dropped, through [`on_drop`](Self::on_drop).
    pub fn capacity(mut self, most: usize) -> Self {
        self.capacity = Some(most);
        self
    }

    /// What is called with each item for which there is no room, on the thread that sends it. A panic is reported and goes no
    /// further.
    pub fn on_drop(mut self, hook: impl Fn(T) + Send + Sync + 'static) -> Self {
        self.on_drop = Some(Arc::new(hook));
        self
    }

    /// Starts the service: a thread that calls the handler with items, in the order in which they were sent.
    ///
    /// An error or panic of the handler goes to the unhandled hook, see [`set_unhandled_hook`](crate::error::set_unhandled_hook), and the
    /// service goes on with the next batch. The handler sees the [context variables](crate::ContextVar) that are set here.
    ///
    /// # Errors
    ///
    /// If the system starts no thread.
    ///
    /// # Panics
    ///
    /// If the [capacity](Self::capacity) is zero.
    #[track_caller]
    pub fn start<H, E>(self, handler: H) -> io::Result<QueueService<T>>
    where
        H: FnMut(Vec<T>) -> Result<(), E> + Send + 'static,
        E: fmt::Display,
    {
        QueueService::start(self, handler)
    }
}

impl<T: Send + 'static> Default for QueueServiceOptions<T> {
    fn default() -> Self {
        Self::new()
    }
}

shows!([T] QueueServiceOptions<T>, this => name, batch, interval, capacity, ..);
