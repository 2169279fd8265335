//! `CapacityLimiter`: permits to be held, so many at a time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::line::{Line, Lined, Standing, locked};
use crate::blocked::{park_until_ready, park_until_ready_or};
use crate::error::unhandled::wake_quietly;
use crate::shows::shows;

/// Lets so many users in at a time, in the order in which they came.
///
/// Each holds a [`Permit`], from [`acquire`](Self::acquire) in async code or [`acquire_blocking`](Self::acquire_blocking) on a
/// thread; both wait in one line. [`to_thread_with`](crate::threads::to_thread_with) takes one for each closure and gives it back when
/// that has really ended, however long ago its caller stopped waiting.
///
/// Clones are the same limiter, and so is a permit's. It can be a `static`. The total can be changed at any time, also to 0,
/// which lets nobody in until it is raised. Dropping it gives nothing back: permits do.
///
/// A semaphore of tokio or async-lock differs in this: its permits cannot be counted, or its total not be lowered below what is
/// lent. The idea is that of anyio's `CapacityLimiter`. Code that holds a permit and waits for another of the same limiter
/// may wait for ever, as with any semaphore.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::threads::CapacityLimiter;
///
/// static CONNECTIONS: CapacityLimiter = CapacityLimiter::new(2);
///
/// block_on(async {
///     let one = CONNECTIONS.acquire().await;
///     let two = CONNECTIONS.acquire().await;
///     assert!(CONNECTIONS.try_acquire().is_none());
///     drop(one);
///     assert!(CONNECTIONS.try_acquire().is_some());
///     drop(two);
/// });
/// ```
pub struct CapacityLimiter {
    inner: OnceLock<Arc<Inner>>,
    /// What it begins with.
    total: usize,
}

struct Inner(Mutex<State>);

/// Somebody waits only if no permit is free.
struct State {
    total: usize,
    borrowed: usize,
    line: Line<()>,
}

/// How much of a [`CapacityLimiter`] is in use: a record of one moment.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::threads::CapacityLimiter;
///
/// let limiter = CapacityLimiter::new(2);
/// let permit = block_on(limiter.acquire());
/// let statistics = limiter.statistics();
/// assert_eq!((statistics.borrowed, statistics.total, statistics.waiting), (1, 2, 0));
/// drop(permit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterStatistics {
    /// How many permits there are.
    pub total: usize,
    /// How many are held; more than there are, after the total was lowered.
    pub borrowed: usize,
    /// How many wait for one.
    pub waiting: usize,
}

impl CapacityLimiter {
    /// So many at a time.
    pub const fn new(total: usize) -> Self {
        Self {
            inner: OnceLock::new(),
            total,
        }
    }

    /// One that is in use.
    fn of(inner: &Arc<Inner>) -> Self {
        Self {
            inner: OnceLock::from(Arc::clone(inner)),
            // It has begun.
            total: 0,
        }
    }

    fn inner(&self) -> &Arc<Inner> {
        self.inner.get_or_init(|| {
            Arc::new(Inner(Mutex::new(State {
                total: self.total,
                borrowed: 0,
                line: Line::new(),
            })))
        })
    }

    /// Waits for a permit.
    ///
    /// Dropped, the future leaves the line.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped after its turn has come passes the permit on to the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::block_on;
    /// use ingather::threads::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(1);
    /// let permit = block_on(limiter.acquire());
    /// assert_eq!(limiter.statistics().borrowed, 1);
    /// drop(permit);
    /// assert_eq!(limiter.statistics().borrowed, 0);
    /// ```
    pub fn acquire(&self) -> Acquire {
        Acquire {
            inner: Arc::clone(self.inner()),
            standing: Standing::Outside,
        }
    }

    /// Blocks this thread until it has a permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use ingather::threads::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(1);
    /// let permit = limiter.acquire_blocking();
    /// let waits = thread::spawn({
    ///     let limiter = limiter.clone();
    ///     move || drop(limiter.acquire_blocking())
    /// });
    /// drop(permit);
    /// waits.join().unwrap();
    /// ```
    pub fn acquire_blocking(&self) -> Permit {
        park_until_ready(self.acquire())
    }

    /// Blocks this thread until it has a permit, but no longer than so long. `None`: the time is up, and it has left the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use ingather::threads::CapacityLimiter;
    ///
    /// let nobody = CapacityLimiter::new(0);
    /// assert!(nobody.acquire_timeout(Duration::from_millis(1)).is_none());
    /// assert_eq!(nobody.statistics().waiting, 0);
    /// ```
    pub fn acquire_timeout(&self, limit: Duration) -> Option<Permit> {
        park_until_ready_or(self.acquire(), Instant::now().checked_add(limit))
    }

    /// A permit, if one is free and nobody waits for it. Never blocks.
    pub fn try_acquire(&self) -> Option<Permit> {
        let inner = self.inner();
        inner.state().take(()).then(|| Permit::of(inner))
    }

    /// Changes how many permits there are. Those who wait get the new ones in their order; of fewer, none is taken back.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(0);
    /// assert!(limiter.try_acquire().is_none());
    /// limiter.set_total(1);
    /// assert!(limiter.try_acquire().is_some());
    /// ```
    pub fn set_total(&self, total: usize) {
        self.inner().change(|state| state.total = total);
    }

    /// How many permits there are, are held and are waited for, at one moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(5);
    /// let _permit = limiter.try_acquire();
    /// let now = limiter.statistics();
    /// assert_eq!((now.total, now.borrowed, now.waiting), (5, 1, 0));
    /// ```
    pub fn statistics(&self) -> LimiterStatistics {
        let state = self.inner().state();
        LimiterStatistics {
            total: state.total,
            borrowed: state.borrowed,
            waiting: state.line.len(),
        }
    }
}

impl CapacityLimiter {
    /// A permit beyond the total, if need be, for what is running already. Nobody gets one before it fits in again.
    pub(crate) fn take_over(&self) -> Permit {
        let inner = self.inner();
        inner.state().borrowed += 1;
        Permit::of(inner)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.inner(), other.inner())
    }

    /// One permit comes back of which there is no [`Permit`]: whom to wake, which has got it.
    pub(super) fn give_back(&self) -> Option<Waker> {
        self.inner().pass_on()
    }
}

impl Clone for CapacityLimiter {
    fn clone(&self) -> Self {
        Self::of(self.inner())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }

    /// Changes something, and serves those who can be served then.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut served = Vec::new();
        {
            let mut state = self.state();
            change(&mut state);
            while state.borrowed < state.total {
                let Some((_, waker, ())) = state.line.serve() else {
                    break;
                };
                state.borrowed += 1;
                served.push(waker);
            }
        }
        for waker in served {
            wake_quietly(waker);
        }
    }

    /// One permit comes back.
    fn give_back(&self) {
        self.pass_on().map(wake_quietly);
    }

    /// The same, and the caller wakes the one that has got it.
    fn pass_on(&self) -> Option<Waker> {
        let mut state = self.state();
        let passes_on = state.borrowed <= state.total;
        let next = passes_on.then(|| state.line.serve()).flatten();
        if next.is_none() {
            state.borrowed -= 1;
        }
        next.map(|(_, waker, ())| waker)
    }
}

impl Lined for State {
    type Who = ();

    fn was_ready() -> ! {
        panic!("the future of a permit was polled after it was ready")
    }

    fn line(&mut self) -> &mut Line<()> {
        &mut self.line
    }

    fn take(&mut self, (): ()) -> bool {
        let is_free = self.borrowed < self.total;
        self.borrowed += usize::from(is_free);
        is_free
    }
}

/// The future of [`CapacityLimiter::acquire`].
#[must_use = "a permit is waited for only if this is awaited"]
pub struct Acquire {
    inner: Arc<Inner>,
    standing: Standing,
}

impl Acquire {
    /// Takes a permit, or stands in line for one with a waker of the crate's: whether it was taken.
    pub(super) fn take_or_wait(&mut self, waker: impl FnOnce() -> Waker) -> bool {
        self.standing.take_or_wait(&self.inner.0, (), waker)
    }

    /// Leaves the line. If its turn had come somebody else has the permit, whom the caller wakes.
    pub(super) fn give_up(mut self) -> Option<Waker> {
        let was_served = self.standing.leave(&self.inner.0);
        was_served.then(|| self.inner.pass_on()).flatten()
    }
}

impl Future for Acquire {
    type Output = Permit;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        let this = &mut *self;
        let served = this.standing.poll(&this.inner.0, (), cx);
        served.map(|()| Permit::of(&this.inner))
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if self.standing.leave(&self.inner.0) {
            self.inner.give_back();
        }
    }
}

/// One of the permits of a [`CapacityLimiter`]. Dropping it gives it back: the first in line has it then.
///
/// It can be held across an `.await`, sent to another thread and dropped there.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use ingather::threads::CapacityLimiter;
///
/// let limiter = CapacityLimiter::new(1);
/// let permit = limiter.try_acquire().unwrap();
/// thread::spawn(move || drop(permit)).join().unwrap();
/// assert!(limiter.try_acquire().is_some());
/// ```
#[must_use = "a permit that is dropped is given back at once"]
pub struct Permit(Arc<Inner>);

impl Permit {
    /// One that was taken.
    fn of(inner: &Arc<Inner>) -> Self {
        Self(Arc::clone(inner))
    }

    pub(crate) fn limiter(&self) -> CapacityLimiter {
        CapacityLimiter::of(&self.0)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CapacityLimiter");
        let state = self.inner().0.try_lock().ok();
        let seen = state.map(|state| (state.total, state.borrowed, state.line.len()));
        if let Some((total, borrowed, waiting)) = seen {
            out.field("total", &total)
                .field("borrowed", &borrowed)
                .field("waiting", &waiting);
        }
        out.finish()
    }
}

shows!([] Acquire, this => (this.standing));

shows!([] Permit, ..);
