//! What an executor tells of time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::error::unhandled::Quiet;
use crate::shows::shows;

/// A future that is ready once a clock has come to an instant.
///
/// Polled, it has the task woken then, whatever else is polled meanwhile. Dropped, it releases the clock at once.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::clock::{Clock, Timer, current_clock};
///
/// let clock = current_clock();
/// let timer: Timer = clock.timer(clock.now()); // due already
/// block_on(timer);
/// ```
pub type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and makes timers: the system's clock, an executor's own, or a virtual one in a test.
///
/// A [`Spawner`](crate::Spawner) names its clock in [`Spawner::clock`](crate::Spawner::clock), a local one in
/// [`LocalSpawner::clock`](crate::LocalSpawner::clock). Timers that only one thread can poll make one by [`driven`](super::driven()). Code that waits finds it
/// through [`current_clock`](super::current_clock), and so runs under any of them unchanged.
///
/// A virtual clock counts from an [`Instant`] of its own choice; instants of different clocks cannot be compared.
///
/// # What is expected of an implementation
///
/// - [`now`](Clock::now) never goes back.
/// - A timer wakes the task that polled it last, once its instant has come, on any thread. It does not wake it again
///   and again before: a thread that polls timers outside of an executor would do nothing else.
/// - Wakers are called, and dropped, while no lock is held that `now` and timers need: a waker may ask for the time,
///   and poll, make or drop timers, the one that it was given to among them.
///
/// # Examples
///
/// A clock that the program winds by hand:
///
/// ```
/// use std::future::pending;
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
///
/// use ingather::clock::{Clock, Timer};
///
/// struct Stopped(Instant);
///
/// impl Clock for Stopped {
///     fn now(&self) -> Instant {
///         self.0
///     }
///
///     fn timer(&self, at: Instant) -> Timer {
///         let over = at <= self.0;
///         Box::pin(async move { if !over { pending::<()>().await } })
///     }
/// }
///
/// let clock = Stopped(Instant::now());
/// assert_eq!(clock.now(), clock.now());
/// ```
pub trait Clock: Send + Sync {
    /// The instant that it is.
    fn now(&self) -> Instant;

    /// A future that is ready once [`now`](Self::now) has come to `at`; at once if it has.
    fn timer(&self, at: Instant) -> Timer;
}

/// Any [`Clock`], with its type erased and cheap to clone.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
///
/// use ingather::clock::{Clock, ClockHandle, Timer, current_clock};
/// use ingather::spawner::{SpawnError, enter};
/// use ingather::{Job, Spawner};
///
/// struct AtStart(Instant);
///
/// impl Clock for AtStart {
///     fn now(&self) -> Instant {
///         self.0
///     }
///
///     fn timer(&self, _at: Instant) -> Timer {
///         Box::pin(std::future::pending())
///     }
/// }
///
/// #[derive(Clone)]
/// struct Frozen(ClockHandle);
///
/// impl Spawner for Frozen {
///     fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
///         Err(SpawnError::new("frozen"))
///     }
///
///     fn clock(&self) -> Option<ClockHandle> {
///         Some(self.0.clone())
///     }
/// }
///
/// let start = Instant::now();
/// let _guard = enter(&Frozen(ClockHandle::new(AtStart(start))));
/// assert_eq!(current_clock().now(), start);
/// ```
#[derive(Clone)]
pub struct ClockHandle(Arc<dyn Clock>);

impl ClockHandle {
    /// Erases the type of a clock.
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self(Arc::new(Quiet::new("a clock", clock)))
    }
}

impl<C: Clock> Clock for Quiet<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn timer(&self, at: Instant) -> Timer {
        (**self).timer(at)
    }
}

impl Clock for ClockHandle {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn timer(&self, at: Instant) -> Timer {
        self.0.timer(at)
    }
}

shows!([] ClockHandle, ..);
