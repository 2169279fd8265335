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
