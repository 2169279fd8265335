//! `Event`: a flag that threads and tasks can wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::signal::{Signal, Waiting};
use crate::shows::shows;

/// A flag that threads and tasks can wait for: Python's `threading.Event`, and `asyncio.Event`, in one.
///
/// [`set`](Self::set) releases all who wait, and all who come until [`clear`](Self::clear). It never blocks, whatever
/// executor they run on (Primitives-3). An event can be a `static`; otherwise share it in an [`Arc`](std::sync::Arc).
///
/// It carries no value: for one use a [`promise`](super::promise()). For "stop", with a reason and with children that follow,
/// use a [`CancelToken`](crate::CancelToken).
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use ingather::block_on;
/// use ingather::sync::Event;
///
/// static READY: Event = Event::new();
///
/// let thread = thread::spawn(|| READY.wait_blocking());
/// READY.set();
/// thread.join().unwrap();
/// block_on(READY.wait());
/// ```
pub struct Event {
    /// Odd while it is set: each set and each clear that changes something counts one up.
    changes: AtomicUsize,
    signal: Signal,
}

impl Event {
    /// An event that is not set.
    pub const fn new() -> Self {
        Self {
            changes: AtomicUsize::new(0),
            signal: Signal::new(),
        }
    }

    /// Sets the flag and releases all who wait. Nothing if it is set.
    ///
    /// Who waited before is released also if [`clear`](Self::clear) follows at once.
    pub fn set(&self) {
        if self.change(true) {
            self.signal.tell_all();
        }
    }

    /// Takes the flag back: who comes from now on waits for the next [`set`](Self::set). Nothing if it is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::sync::Event;
    ///
    /// let event = Event::new();
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    pub fn clear(&self) {
        self.change(false);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        is_set(self.changes())
    }

    /// Waits until the event is set. It counts from this call on: a set that comes before the first poll releases it too, also
    /// if a clear follows.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub fn wait(&self) -> EventWait<'_> {
        EventWait {
            event: self,
            since: self.changes(),
            waiting: Waiting::new(),
        }
    }

    /// Blocks this thread until the event is set.
    ///
    /// # Panics
    ///
    /// If it is not set and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn wait_blocking(&self) {
        let since = self.changes();
        self.signal.block(|| self.has_come(since));
    }

    /// Blocks this thread until the event is set, but no longer than so long: whether it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::sync::Event;
    ///
    /// let event = Event::new();
    /// assert!(!event.wait_timeout(Duration::from_millis(1)));
    /// event.set();
    /// assert!(event.wait_timeout(Duration::ZERO));
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        let since = self.changes();
        let come = self.signal.block_for(limit, || self.has_come(since));
        come.is_some()
    }

    fn changes(&self) -> usize {
        // SeqCst, here and below: between listening and looking again a change must not slip through.
        self.changes.load(Ordering::SeqCst)
    }

    /// Whether there was something to change.
    fn change(&self, to: bool) -> bool {
        let step = |changes: usize| (is_set(changes) != to).then(|| changes.wrapping_add(1));
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        self.changes.fetch_update(set, fetch, step).is_ok()
    }

    /// Has it been set since?
    fn has_come(&self, since: usize) -> Option<()> {
        let changes = self.changes();
        (is_set(changes) || changes != since).then_some(())
    }
}

fn is_set(changes: usize) -> bool {
    changes % 2 == 1
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Event");
        out.field("is_set", &self.is_set()).finish()
    }
}

/// Waits until an event is set; made by [`Event::wait`].
///
/// Once it was ready it stays so. Dropped, it leaves nothing behind.
#[must_use = "a future does nothing unless it is awaited"]
pub struct EventWait<'a> {
    event: &'a Event,
    since: usize,
    waiting: Waiting,
}

impl Future for EventWait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (event, since) = (this.event, this.since);
        let poll = this
            .waiting
            .poll(&event.signal, cx, || event.has_come(since));
        if poll.is_ready() {
            // Whatever comes: it stays ready.
            this.since = since.wrapping_sub(1);
        }
        poll
    }
}

shows!([] EventWait<'_>, this => (this.event));
