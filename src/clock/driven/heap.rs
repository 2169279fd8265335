//! The timers of a clock that is driven: a heap behind a lock, and who drives it.
//!
//! 1. An entry stands from the first poll of a timer that is not due until it is due or dropped.
//! 2. Who drives looks at the entries and says until when it waits in one step. Who sets an earlier one afterwards wakes it.
//! 3. Wakers are cloned, called and dropped, and the time is asked for, with the lock released.
//!
//! ```text
//!            next: nothing is due
//!   busy ────────────────────────────▶ waiting
//!    ▲ ▲                                 │ │
//!    │ ╰─────────────────────────────────╯ │   set: an earlier one; it is woken
//!    │                                     │
//!    ╰──────────── nobody ◀────────────────╯   the driver is dropped, or the thread finds no entry
//!      set: a thread
//! ```

use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::log;
use crate::panic::catch;
use crate::park::Parker;
use crate::std_or_loom::Lock;

pub(super) struct Heap {
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    entries: Lock<Entries>,
}

struct Entries {
    /// By instant, then in the order in which they were set.
    waiting: BTreeMap<(Instant, u64), Waker>,
    last: u64,
    drives: Drives,
    /// Neither a handle to the clock nor a timer is left.
    released: bool,
}

/// Who wakes what is due.
enum Drives {
    /// Somebody who has not begun, is looking at the entries, or is on its way to do so.
    Busy,
    /// Somebody who is woken by this before `until`.
    Waiting {
        waker: Waker,
        until: Option<Instant>,
    },
    Nobody,
}

/// What there is to do for who drives.
pub(super) enum Next {
    /// Something was due, and is woken. More may be.
    Due,
    /// Nothing is before that instant, or at all.
    Until(Option<Instant>),
    /// Nothing ever will be.
    Released,
}

impl Heap {
    pub(super) fn new(now: Box<dyn Fn() -> Instant + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            now,
            entries: Lock::new(Entries {
                waiting: BTreeMap::new(),
                last: 0,
                drives: Drives::Busy,
                released: false,
            }),
        })
    }

    pub(super) fn now(&self) -> Instant {
        (self.now)()
    }

    /// An instant, or one so long from now if that is earlier.
    pub(super) fn at_most(&self, at: Instant, time: Duration) -> Instant {
        self.now().checked_add(time).map_or(at, |end| at.min(end))
    }

    /// Wakes what is due. If nothing is, `waker` is who waits from now on.
    pub(super) fn next(&self, waker: &Waker) -> Next {
        let (waker, now) = (waker.clone(), self.now());
        let mut due = Vec::new();
        let (old, next) = {
            let mut entries = self.entries.lock();
            while let Some(first) = entries.waiting.first_entry() {
                if first.key().0 > now {
                    break;
                }
                due.push(first.remove());
            }
            let until = entries.waiting.keys().next().map(|(at, _)| *at);
            let (drives, next) = match due.is_empty() {
                true if entries.released => (Drives::Busy, Next::Released),
                true => (Drives::Waiting { waker, until }, Next::Until(until)),
                false => (Drives::Busy, Next::Due),
            };
            (mem::replace(&mut entries.drives, drives), next)
        };
        drop_waker_of(old);
        for waker in due {
            wake_quietly(waker);
        }
        next
    }

    /// Sets an entry, and gives the waker that it had.
    fn set(self: &Arc<Self>, number: &mut u64, at: Instant, waker: Waker) -> Option<Waker> {
        let (old, drives) = {
            let mut entries = self.entries.lock();
            if *number == 0 {
                entries.last += 1;
                *number = entries.last;
            }
            let old = entries.waiting.insert((at, *number), waker);
            let is_late = match &entries.drives {
                Drives::Busy => false,
                Drives::Waiting { until, .. } => until.is_none_or(|until| at < until),
                Drives::Nobody => true,
            };
            let drives = is_late.then(|| mem::replace(&mut entries.drives, Drives::Busy));
            (old, drives)
        };
        match drives {
            None | Some(Drives::Busy) => {}
            Some(Drives::Waiting { waker, .. }) => {
                wake_quietly(waker);
            }
            Some(Drives::Nobody) => self.start_thread(),
        }
        old
    }

    /// Nobody drives any more. If there are entries, a thread does, and if not, once there are.
    fn is_left(self: &Arc<Self>) {
        let (old, has_entries) = {
            let mut entries = self.entries.lock();
            let has_entries = !entries.waiting.is_empty();
            let drives = if has_entries {
                Drives::Busy
            } else {
                Drives::Nobody
            };
            (mem::replace(&mut entries.drives, drives), has_entries)
        };
        drop_waker_of(old);
        if has_entries {
            self.start_thread();
        }
    }

    #[cold]
    fn start_thread(self: &Arc<Self>) {
        let heap = Arc::clone(self);
        let builder = thread::Builder::new().name("ingather-clock".into());
        let started = builder.spawn(move || {
            if let Err(panic) = catch(|| heap.drive_here()) {
                report_panic("a clock", panic);
                heap.entries.lock().drives = Drives::Nobody;
            }
        });
        if started.is_err() {
            // The next that is set tries again.
            self.entries.lock().drives = Drives::Nobody;
            log::error(
                &"the driver of a clock was dropped, and no thread can be started in its place: its timers wait",
            );
        }
    }

    /// Drives on this thread until there are no entries.
    fn drive_here(&self) {
        let parker = Parker::new();
        let waker = Waker::from(Arc::clone(&parker));
        loop {
            match self.next(&waker) {
                Next::Due => {}
                Next::Until(Some(at)) => {
                    let left = at.saturating_duration_since(self.now());
                    if let Some(end) = Instant::now().checked_add(left) {
                        parker.park_until(end);
                    } else {
                        parker.park();
                    }
                }
                Next::Until(None) | Next::Released => {
                    let mut entries = self.entries.lock();
                    if entries.waiting.is_empty() {
                        let old = mem::replace(&mut entries.drives, Drives::Nobody);
                        drop(entries);
                        drop_waker_of(old);
                        return;
                    }
                }
            }
        }
    }
}

fn drop_waker_of(drives: Drives) {
    if let Drives::Waiting { waker, .. } = drives {
        drop_quietly("a waker", waker);
    }
}

/// The place of the driver. Dropped, it is free.
pub(super) struct Seat(pub(super) Arc<Heap>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.is_left();
    }
}

/// What the handles to the clock and its timers have in common: the last of them ends the driver.
pub(super) struct Users(Arc<Heap>);

impl Users {
    pub(super) fn new(heap: Arc<Heap>) -> Arc<Self> {
        Arc::new(Self(heap))
    }

    pub(super) fn heap(&self) -> &Heap {
        &self.0
    }

    pub(super) fn timer(self: &Arc<Self>, at: Instant) -> DrivenTimer {
        DrivenTimer {
            users: Arc::clone(self),
            at,
            number: 0,
        }
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        let drives = {
            let mut entries = self.0.entries.lock();
            entries.released = true;
            match entries.drives {
                Drives::Waiting { .. } => mem::replace(&mut entries.drives, Drives::Busy),
                Drives::Busy | Drives::Nobody => return,
            }
        };
        if let Drives::Waiting { waker, .. } = drives {
            wake_quietly(waker);
        }
    }
}

pub(super) struct DrivenTimer {
    users: Arc<Users>,
    at: Instant,
    /// Its place among those for the same instant; 0 before it was set.
    number: u64,
}

impl Future for DrivenTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let heap = &this.users.0;
        if heap.now() >= this.at {
            return Poll::Ready(());
        }
        let old = heap.set(&mut this.number, this.at, cx.waker().clone());
        if let Some(old) = old {
            drop_quietly("a waker", old);
        }
        Poll::Pending
    }
}

impl Drop for DrivenTimer {
    fn drop(&mut self) {
        if self.number > 0 {
            let heap = &self.users.0;
            let waker = heap.entries.lock().waiting.remove(&(self.at, self.number));
            if let Some(waker) = waker {
                drop_quietly("a waker", waker);
            }
        }
    }
}
