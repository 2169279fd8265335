//! Which clock counts here: that of the current spawner, or the system's.

use std::sync::OnceLock;

use super::ClockHandle;
use super::real_clock;

/// Asks the current spawner for its clock. Whoever knows what a spawner is hands it in, since that is a layer above.
static OF_SPAWNER: OnceLock<fn() -> Option<ClockHandle>> = OnceLock::new();

/// Says who knows the clock of the current spawner.
pub(crate) fn provide(of_spawner: fn() -> Option<ClockHandle>) {
    OF_SPAWNER.get_or_init(|| of_spawner);
}

/// The clock that [`sleep`](super::sleep), [`timeout`](super::timeout) and all deadlines go by here.
///
/// It is the clock of the current spawner, if that has one of its own: tokio's, or the virtual one of a
/// `TestExecutor`. Else it is the system's, with timers from async-io. The current spawner is the one that
/// [`current_spawner`](crate::current_spawner) tells of: in a tokio task that this crate did not spawn, name the handle
/// or [`enter`](crate::enter) it, if tokio's clock is to count.
///
/// # Panics
///
/// If there is none: the current spawner has none, and the feature `time`, which brings the system's, is off.
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
pub fn try_current_clock() -> Option<ClockHandle> {
    let own = OF_SPAWNER.get().and_then(|of_spawner| of_spawner());
    own.or_else(real_clock::real_clock)
}
