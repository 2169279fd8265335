//! Time: clocks, and what waits by them.
//!
//! - `clock`: [`Clock`], what an executor tells of time, and [`ClockHandle`]
//! - `current`: which clock counts here
//! - `real`: the clock of the system, with timers from async-io
//! - `no_real`: stands in for `real` where the feature `time` is off

mod clock;
mod current;
#[cfg(not(all(feature = "time", not(loom))))]
mod no_real;
#[cfg(all(feature = "time", not(loom)))]
mod real;

#[cfg(not(all(feature = "time", not(loom))))]
use no_real as real_clock;
#[cfg(all(feature = "time", not(loom)))]
use real as real_clock;

pub use clock::{Clock, ClockHandle, Timer};
pub(crate) use current::provide;
pub use current::{current_clock, try_current_clock};
