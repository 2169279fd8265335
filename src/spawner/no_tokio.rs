//! Stands in for `tokio` where the feature is off.

/// Calls `wait`, which blocks this thread.
pub(super) fn hand_over(wait: &mut dyn FnMut()) {
    wait();
}
