//! tokio's runtime handle and local set as spawners, and its clock.
//!
//! - `handle`: `Handle` as a spawner
//! - `stealing`: jobs that other workers can steal from the one on which they were spawned or woken
//! - `local_set`: `LocalSet` as a local spawner
//! - `clock`: the timers of a runtime as a clock
//! - `here`: the runtime that this thread is in
//! - `worker`: what this thread is to tokio, and having another do a worker's work

mod clock;
mod handle;
mod here;
mod local_set;
mod stealing;
mod worker;

pub(super) use self::here::here;
pub(super) use self::worker::{hand_over, only_thread, serves, start_own};

#[cfg(test)]
mod tests;
