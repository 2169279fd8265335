//! A thread that is blocked, and the executors that count on it.

use std::cell::Cell;

use super::{Spawner, current, default_spawner, runtime};

thread_local! {
    /// This thread is the only one of a runtime, and is blocked: what blocks it now stands on other ground.
    static ON_OWN_GROUND: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn is_on_own_ground() -> bool {
    ON_OWN_GROUND.try_with(Cell::get).unwrap_or(false)
}

/// Calls `wait`, which blocks this thread, once each executor that runs its jobs on this thread has seen to it that somebody
/// else does what only this thread would do.
///
/// Tokio and the embedded default are asked wherever they are not the current spawner too: a future that they poll need not be
/// one of ours.
pub(crate) fn hand_over(wait: &mut dyn FnMut()) {
    if is_on_own_ground() {
        return wait();
    }
    let entered = current::running();
    runtime::hand_over(&mut || {
        default_spawner::hand_over(&mut || match &entered {
            Some(spawner) => spawner.while_blocked(wait),
            None => wait(),
        });
    });
}

/// Says whether what blocks this thread stands on ground of its own: what was so before.
pub(super) fn set_on_own_ground(is: bool) -> bool {
    ON_OWN_GROUND
        .try_with(|place| place.replace(is))
        .unwrap_or(is)
}
