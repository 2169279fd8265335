//! tokio's runtime handle and local set as spawners, and its clock.
//!
//! - `handle`: `Handle` as a spawner
//! - `stealing`: jobs that other workers can steal from the one on which they were spawned or woken
//! - `local_set`: `LocalSet` as a local spawner
//! - `clock`: the timers of a runtime as a clock

mod clock;
mod handle;
mod local_set;
mod stealing;

#[cfg(test)]
mod tests;

use tokio::task::coop;

/// Whether the tokio task that is being polled on this thread has spent its budget.
///
/// The budget is the thread's, and tokio limits it only while one of its tasks is being polled: everywhere else, also
/// on a thread that has merely entered a runtime, there is always some left. Where it is spent, all that is tokio's
/// refuses to make progress until the task returns, whichever runtime the task belongs to.
fn is_budget_spent() -> bool {
    !coop::has_budget_remaining()
}
