//! `QueueService`: works off items in the background.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::options::{DropHook, QueueServiceOptions};
use super::worker::Worker;
use crate::context::ContextSnapshot;
use crate::error::unhandled::{drop_quietly, report_callback_panic};
use crate::panic::catch;
use crate::shows::shows;
use crate::std_or_loom::Lock;
use crate::sync::{Event, EventWait, Queue, TryPutError};

/// Works off items in the background, in batches, on a thread of its own.
///
/// Log lines, metrics, mails: [`send`](Self::send) hands an item over and never blocks. [`drain`](Self::drain) ends the service
/// when all has been worked off. A handler that fails or panics costs its batch, not the service. Prefect's `QueueService`.
///
/// Clones are handles on the same service. When the last is dropped, what was sent is still worked off, but nobody waits for
/// that: drain it before the program ends. One service for each key is what [`QueueServices`](super::QueueServices) gives.
///
/// Made by [`QueueServiceOptions::start`]; see there for an example.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use ingather::bridge::QueueServiceOptions;
///
/// let (tell, told) = mpsc::channel();
/// let service = QueueServiceOptions::new()
///     .start(move |lines: Vec<String>| tell.send(lines.concat()).map_err(|_| "nobody reads"))?;
/// for line in ["one ", "two"] {
///     assert!(service.send(line.to_string()).is_ok());
/// }
/// service.drain_blocking();
/// assert_eq!(told.iter().collect::<String>(), "one two");
/// assert!(service.is_closed());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct QueueService<T> {
    handle: Arc<Handle<T>>,
}

/// Closes the service with the last handle.
struct Handle<T> {
    shared: Arc<Shared<T>>,
}

/// What handles and thread share.
pub(super) struct Shared<T> {
    pub(super) items: Queue<T>,
    /// Nothing is taken in any more, and what is there is worked off without delay.
    pub(super) draining: Event,
    over: Event,
    name: String,
    on_drop: Option<DropHook<T>>,
    /// Those that were sent and not worked off.
    unfinished: AtomicUsize,
    dropped: AtomicUsize,
    worker: Lock<Option<ThreadId>>,
}

impl<T> Shared<T> {
    pub(super) fn handled(&self, items: usize) {
        self.unfinished.fetch_sub(items, Ordering::Relaxed);
    }

    fn close(&self) {
        self.items.close();
        self.draining.set();
    }
}

/// The thread has ended, in whatever way: nobody waits for it in vain.
struct Ends<T>(Arc<Shared<T>>);

impl<T> Drop for Ends<T> {
    fn drop(&mut self) {
        self.0.close();
        self.0.over.set();
    }
}

impl<T: Send + 'static> QueueService<T> {
    pub(super) fn start<H, E>(options: QueueServiceOptions<T>, handler: H) -> io::Result<Self>
    where
        H: FnMut(Vec<T>) -> Result<(), E> + Send + 'static,
        E: fmt::Display,
    {
        let shared = Arc::new(Shared {
            items: options
                .capacity
                .map_or_else(Queue::unbounded, Queue::bounded),
            draining: Event::new(),
            over: Event::new(),
            name: options.name.clone(),
            on_drop: options.on_drop,
            unfinished: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            worker: Lock::new(None),
        });
        let worker = Worker {
            shared: Arc::clone(&shared),
            name: format!("the service `{}`", options.name),
            batch: options.batch,
            interval: options.interval,
            handler,
        };
        let context = ContextSnapshot::current();
        let ends = Ends(Arc::clone(&shared));
        let thread = thread::Builder::new().name(options.name);
        thread.spawn(move || {
            let _ends = ends;
            *worker.shared.worker.lock() = Some(thread::current().id());
            context.run(|| worker.run());
        })?;
        let handle = Arc::new(Handle { shared });
        Ok(Self { handle })
    }
}

impl<T> QueueService<T> {
    fn shared(&self) -> &Shared<T> {
        &self.handle.shared
    }

    /// Hands an item over. It never blocks: if there is no room, the item goes to the [drop
    /// hook](QueueServiceOptions::on_drop), and is counted.
    ///
    /// # Errors
    ///
    /// The item, if the service is drained or was.
    pub fn send(&self, item: T) -> Result<(), ServiceClosed<T>> {
        let shared = self.shared();
        // Before the item is there, lest it is worked off first.
        shared.unfinished.fetch_add(1, Ordering::Relaxed);
        let Err(back) = shared.items.try_put(item) else {
            return Ok(());
        };
        shared.handled(1);
        match back {
            TryPutError::Closed(item) => Err(ServiceClosed(item)),
            TryPutError::Full(item) => {
                shared.dropped.fetch_add(1, Ordering::Relaxed);
                match &shared.on_drop {
                    None => drop_quietly("an item for which a service had no room", item),
                    Some(hook) => {
                        if let Err(panic) = catch(|| hook(item)) {
                            report_callback_panic("the drop hook of a service", &panic);
                        }
                    }
                }
                Ok(())
            }
        }
    }

    /// Takes no more items, and waits until those that were sent are worked off. Intervals are not waited for. Again, and from
    /// several places at once, it waits for the same.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it waits no more; the service goes on to its end.
    ///
    /// # Panics
    ///
    /// The future, if the service's own handler polls it: it would wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::block_on;
    /// use ingather::bridge::QueueServiceOptions;
    ///
    /// let service = QueueServiceOptions::new().start(|_: Vec<&str>| Ok::<_, String>(()))?;
    /// assert!(service.send("line").is_ok());
    /// block_on(service.drain());
    /// assert!(service.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn drain(&self) -> Draining<'_> {
        self.shared().close();
        Draining {
            over: self.shared().over.wait(),
            worker: &self.shared().worker,
        }
    }

    /// [Drains](Self::drain) the service and blocks this thread meanwhile.
    ///
    /// # Panics
    ///
    /// In its own handler: it would wait for itself. If this is the only thread of a runtime, see
    /// [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn drain_blocking(&self) {
        self.shared().close();
        asserts_no_worker(&self.shared().worker);
        self.shared().over.wait_blocking();
    }

    /// [Drains](Self::drain) the service and blocks this thread meanwhile, but no longer than so long.
    ///
    /// # Errors
    ///
    /// If it was not over in time; in its own handler at once. It goes on to its end, and can be waited for again.
    pub fn drain_timeout(&self, limit: Duration) -> Result<(), DrainTimedOut> {
        self.shared().close();
        if !self.is_worker() && self.shared().over.wait_timeout(limit) {
            return Ok(());
        }
        let left = self.len();
        Err(DrainTimedOut { left })
    }

    fn is_worker(&self) -> bool {
        is_worker(&self.shared().worker)
    }

    /// How many items were sent and are not worked off.
    pub fn len(&self) -> usize {
        self.shared().unfinished.load(Ordering::Relaxed)
    }

    /// Whether all that was sent is worked off.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items found no room so far.
    pub fn dropped(&self) -> usize {
        self.shared().dropped.load(Ordering::Relaxed)
    }

    /// Whether it takes no items any more.
    pub fn is_closed(&self) -> bool {
        self.shared().items.is_closed()
    }
}

/// Is this the thread of the service?
fn is_worker(worker: &Lock<Option<ThreadId>>) -> bool {
    *worker.lock() == Some(thread::current().id())
}

#[track_caller]
fn asserts_no_worker(worker: &Lock<Option<ThreadId>>) {
    assert!(
        !is_worker(worker),
        "a service that is drained by its own handler would wait for itself for ever"
    );
}

/// Waits until a service is drained; made by [`QueueService::drain`].
#[must_use = "the service takes no more items, and nobody waits for its end: await this"]
pub struct Draining<'a> {
    over: EventWait<'a>,
    worker: &'a Lock<Option<ThreadId>>,
}

impl Future for Draining<'_> {
    type Output = ();

    /// # Panics
    ///
    /// In the service's own handler.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        asserts_no_worker(self.worker);
        Pin::new(&mut self.over).poll(cx)
    }
}

shows!([] Draining<'_>, this => over);

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> Clone for QueueService<T> {
    fn clone(&self) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
        }
    }
}

shows!([T] QueueService<T>, this =>
    name: this.shared().name,
    len: this.len(),
    dropped: this.dropped(),
    is_closed: this.is_closed(),
);

/// A service takes no items any more; the item is inside.
///
/// # Examples
///
/// ```
/// use ingather::bridge::QueueServiceOptions;
///
/// let service = QueueServiceOptions::new().start(|_: Vec<&str>| Ok::<_, String>(()))?;
/// service.drain_blocking();
/// let error = service.send("a last line").expect_err("it is closed");
/// assert_eq!(error.into_item(), "a last line");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServiceClosed<T>(pub T);

impl<T> ServiceClosed<T> {
    /// The item.
    pub fn into_item(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for ServiceClosed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceClosed(..)")
    }
}

impl<T> fmt::Display for ServiceClosed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service was drained and takes no items any more")
    }
}

impl<T> Error for ServiceClosed<T> {}

/// A service was not drained in time. It goes on to its end.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use ingather::bridge::QueueServiceOptions;
///
/// let (lets, go) = mpsc::channel::<()>();
/// let service = QueueServiceOptions::new()
///     .start(move |_items: Vec<u32>| go.recv().map_err(|_| "nobody lets it go"))?;
/// assert!(service.send(1).is_ok());
/// let error = service.drain_timeout(Duration::from_millis(1)).expect_err("the handler waits");
/// assert_eq!(error.left(), 1);
/// drop(lets);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainTimedOut {
    pub(super) left: usize,
}

impl DrainTimedOut {
    /// How many items were not worked off then.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl fmt::Display for DrainTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the service was not drained in time: {} items are left",
            self.left
        )
    }
}

impl Error for DrainTimedOut {}
