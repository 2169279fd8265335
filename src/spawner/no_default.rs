//! Stands in for `embedded` where there is no default spawner.

use super::SpawnerHandle;

pub(super) fn default_handle() -> Option<SpawnerHandle> {
    None
}

/// Calls `wait`, which blocks this thread.
pub(super) fn hand_over(wait: &mut dyn FnMut()) {
    wait();
}

pub(super) fn is_lost() -> bool {
    false
}

/// Nobody is there.
pub(super) struct Presence;

pub(super) fn attend() -> Presence {
    Presence
}

pub(super) fn serves() -> bool {
    false
}
