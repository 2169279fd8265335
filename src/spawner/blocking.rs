//! A thread that is blocked, and the executors that count on it.

use super::{Spawner, current, default_spawner, runtime};

/// Calls `wait`, which blocks this thread, once each executor that runs its jobs on this thread has seen to it that somebody
/// else does what only this thread would do.
///
/// Tokio and the embedded default are asked wherever they are not the current spawner too: a future that they poll need not be
/// one of ours.
pub(crate) fn hand_over(wait: &mut dyn FnMut()) {
    let entered = current::running();
    runtime::hand_over(&mut || {
        default_spawner::hand_over(&mut || match &entered {
            Some(spawner) => spawner.while_blocked(wait),
            None => wait(),
        });
    });
}
