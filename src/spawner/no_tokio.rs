//! Stands in for `tokio` where the feature is off.

use super::SpawnerHandle;

/// Calls `wait`, which blocks this thread.
pub(super) fn hand_over(wait: &mut dyn FnMut()) {
    wait();
}

pub(super) fn only_thread() -> Option<String> {
    None
}

pub(super) fn start_own() -> Option<SpawnerHandle> {
    None
}

pub(super) fn serves() -> Option<String> {
    None
}

/// The runtime that this thread is in.
pub(super) fn here() -> Option<SpawnerHandle> {
    None
}
