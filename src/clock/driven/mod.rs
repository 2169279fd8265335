//! `driven`: a clock of timers that only one thread can poll, and the future that waits for the earliest of them on that thread.
//!
//! - `heap`: the timers of such a clock, set and dropped on any thread, and who drives them

mod heap;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use self::heap::{Heap, Next, Seat, Users};
use super::{Clock, ClockHandle, Timer};
use crate::error::unhandled::wake_quietly;
use crate::shows::shows;

/// Makes a clock out of timers that only one thread can poll, as those of compio, monoio and glommio are.
///
/// The clock can go to any thread, and timers of it are set, moved and dropped on any. The [`ClockDriver`] is a future for the thread of
/// the runtime: **spawn it there**. It sleeps by `sleep_until` up to the earliest of the timers, one sleep for all of them, is woken
/// when an earlier one is set, and wakes what is due. It ends when the last handle to the clock and the last timer of it are gone.
///
/// A local spawner names such a clock in [`LocalSpawner::clock`](crate::LocalSpawner::clock). Where timers can be polled on any thread a
/// [`Clock`] made of them has no need of a driver.
///
/// The time is that of [`Instant::now`]; [`driven_by`] takes another. A sleep that ends a little early is begun anew, and none is longer
/// than a year.
///
/// # A driver that goes
///
/// A runtime that ends drops its tasks, and the driver with them. Timers that are left do not hang: from then on a thread of its own
/// wakes what is due, as long as there are timers. A driver that is kept and never polled is not noticed, as with a job.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use futures::executor::LocalPool;
/// use futures::task::LocalSpawnExt;
/// use ingather::clock::{Clock, driven};
///
/// let mut pool = LocalPool::new();
/// // `async_io::Timer` stands for a timer that only this thread can poll.
/// let (clock, driver) = driven(|at: Instant| async_io::Timer::at(at));
/// pool.spawner().spawn_local(driver)?;
///
/// let end = clock.now() + Duration::from_millis(2);
/// pool.run_until(clock.timer(end));
/// assert!(clock.now() >= end);
/// # Ok::<(), futures::task::SpawnError>(())
/// ```
pub fn driven<S, F>(sleep_until: S) -> (ClockHandle, ClockDriver<S, F>)
where
    S: FnMut(Instant) -> F,
    F: Future,
{
    driven_by(Instant::now, sleep_until)
}

/// Makes a clock as [`driven`] does, for a runtime whose time is not that of the system: one that a test stops, for example.
///
/// Both go by the same time: `sleep_until` is called with instants of `now`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::clock::{Clock, driven_by};
/// use ingather::testing::TestExecutor;
/// use ingather::{LocalSpawner, Spawner};
///
/// let executor = TestExecutor::new();
/// let time = executor.clock().unwrap();
/// let timers = time.clone();
/// let (clock, driver) = driven_by(move || time.now(), move |at| timers.timer(at));
/// executor.spawn_local(Box::pin(driver))?;
///
/// executor.block_on(async move {
///     clock.timer(clock.now() + Duration::from_secs(3600)).await;
/// });
/// assert_eq!(executor.elapsed(), Duration::from_secs(3600));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
pub fn driven_by<N, S, F>(now: N, sleep_until: S) -> (ClockHandle, ClockDriver<S, F>)
where
    N: Fn() -> Instant + Send + Sync + 'static,
    S: FnMut(Instant) -> F,
    F: Future,
{
    let heap = Heap::new(Box::new(now));
    let driver = ClockDriver {
        sleep_until,
        sleep: None,
        until: None,
        seat: Seat(Arc::clone(&heap)),
    };
    let users = Users::new(heap);
    (ClockHandle::new(Driven(users)), driver)
}

/// No sleep is longer: some runtimes refuse to wait for thousands of years.
const A_WHILE: Duration = Duration::from_secs(365 * 24 * 3600);

/// Looks so often at the timers in one poll, while some are due each time.
const ROUNDS: usize = 16;

pin_project! {
    /// Waits for the timers of a clock on the thread that can poll them; made by [`driven`] and [`driven_by`].
    ///
    /// Dropped, it leaves the timers to a thread of their own; see [`driven`].
    #[must_use = "the timers of the clock wait for ever unless this is polled: spawn it on the runtime"]
    pub struct ClockDriver<S, F> {
        sleep_until: S,
        #[pin]
        sleep: Option<F>,
        // What the sleep is for.
        until: Option<Instant>,
        seat: Seat,
    }
}

impl<S, F> Future for ClockDriver<S, F>
where
    S: FnMut(Instant) -> F,
    F: Future,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        for _ in 0..ROUNDS {
            let until = match this.seat.0.next(cx.waker()) {
                Next::Due => continue,
                Next::Until(until) => until,
                Next::Released => return Poll::Ready(()),
            };
            if *this.until != until {
                this.sleep.set(None);
                *this.until = until;
            }
            let Some(at) = until else {
                return Poll::Pending;
            };
            if this.sleep.is_none() {
                let at = this.seat.0.at_most(at, A_WHILE);
                this.sleep.set(Some((this.sleep_until)(at)));
            }
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                ready!(sleep.poll(cx).map(drop));
            }
            this.sleep.set(None);
        }
        wake_quietly(cx.waker().clone());
        Poll::Pending
    }
}

shows!([S, F] ClockDriver<S, F>, ..);

/// The clock. It and its timers keep the driver from ending.
struct Driven(Arc<Users>);

impl Clock for Driven {
    fn now(&self) -> Instant {
        self.0.heap().now()
    }

    fn timer(&self, at: Instant) -> Timer {
        Box::pin(self.0.timer(at))
    }
}
