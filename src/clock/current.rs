//! Which clock counts here: that of the current spawner, or the system's.

use super::ClockHandle;
use super::real_clock;
use crate::spawner::{clock_of_current, clock_of_runtime};

/// The clock that [`sleep`](super::sleep), [`timeout`](super::timeout) and all deadlines go by here.
///
/// In a body or child of a [local](crate::local) group it is the clock of its spawner, if that has one of its own: that of the runtime
/// in a `LocalSet`, for example. Else it is the clock of the current spawner, if that has one: tokio's, or the virtual one of a
/// `TestExecutor`. Else it is the system's, with timers from async-io. In a tokio task that this crate did not spawn it is the
/// system's as well: what is made there may be waited for where it blocks the runtime. If tokio's clock is to count, one that was
/// paused for example, [`enter`](crate::spawner::enter) the handle, or set a deadline of a group, which goes by its spawner's clock.
/// Without the feature `time`, which brings the system's, it is tokio's there. In a call that blocks its thread, such as
/// [`run_sync`](crate::run_sync), clocks of local spawners do not count.
///
/// # Panics
///
/// If there is none: the current spawner has none, this is no tokio runtime, and the feature `time` is off.
///
/// # Examples
///
/// ```
/// use ingather::clock::{Clock, current_clock, now};
/// use ingather::testing::TestExecutor;
///
/// let executor = TestExecutor::new();
/// executor.block_on(async {
///     let clock = current_clock(); // the virtual one, which stands still while code runs
///     assert_eq!(clock.now(), now());
/// });
/// ```
#[track_caller]
pub fn current_clock() -> ClockHandle {
    match try_current_clock() {
        Some(clock) => clock,
        None => panic!(
            "there is no clock: turn on the feature `time` of ingather, or run on a spawner that has a clock of its own"
        ),
    }
}

/// The clock that counts here, if there is one; see [`current_clock`].
///
/// # Examples
///
/// ```
/// use ingather::clock::{Clock, try_current_clock};
/// use std::time::Instant;
///
/// /// The time by the clock of the executor, where there is one.
/// fn stamp() -> Instant {
///     try_current_clock().map_or_else(Instant::now, |clock| clock.now())
/// }
///
/// assert!(stamp() <= stamp());
/// ```
pub fn try_current_clock() -> Option<ClockHandle> {
    clock_of_current()
        .or_else(real_clock::real_clock)
        .or_else(clock_of_runtime)
}
