//! Time: clocks, and what waits by them.
//!
//! - `handle`: [`Clock`], what an executor tells of time, and [`ClockHandle`]
//! - `current`: which clock counts here
//! - `driven`: [`driven`](driven()), a clock of timers that only one thread can poll
//! - `deadline`: [`Deadline`], one instant for several steps, which may be never
//! - `alarm`: something to be done once at an instant
//! - `sleep`: [`sleep`], waiting until an instant
//! - `timeout`: [`timeout`](timeout()), waiting for a future no longer than until an instant
//! - `interval`: [`interval`](interval()), instants at equal distances
//! - `real`: the clock of the system, with timers from async-io
//! - `forked`: timers in a process that was forked from the one whose timers had a thread
//! - `no_real`: stands in for `real` where the feature `time` is off
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use ingather::block_on;
//! use ingather::clock::{now, sleep, timeout};
//!
//! block_on(async {
//!     let begin = now();
//!     let slow = timeout(Duration::from_millis(2), sleep(Duration::from_secs(60))).await;
//!     assert!(slow.is_err() && now() - begin >= Duration::from_millis(2));
//! });
//! ```

mod alarm;
mod current;
mod deadline;
#[cfg(not(loom))]
mod driven;
#[cfg(all(feature = "time", not(loom)))]
mod forked;
mod handle;
mod interval;
#[cfg(not(all(feature = "time", not(loom))))]
mod no_real;
#[cfg(all(feature = "time", not(loom)))]
mod real;
mod sleep;
mod timeout;

#[cfg(not(all(feature = "time", not(loom))))]
use no_real as real_clock;
#[cfg(all(feature = "time", not(loom)))]
use real as real_clock;

pub(crate) use alarm::Alarm;
pub use current::{current_clock, try_current_clock};
pub use deadline::Deadline;
#[cfg(not(loom))]
pub use driven::{ClockDriver, driven, driven_by};
pub use handle::{Clock, ClockHandle, Timer};
pub use interval::{Interval, Tick, interval, interval_at};
pub use sleep::{Sleep, now, sleep, sleep_until};
pub use timeout::{TimedOut, Timeout, timeout, timeout_at};
