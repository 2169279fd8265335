//! The program around groups: background tasks, callbacks, leaving a `run`, context, and the test kit.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `context`, `contexts`, `context_ends`: context variables and snapshots, what of them goes with children, and when
//! - `testing`: the test kit
//! - `exit_stack`: what is done on the way out, and what cannot hold it up
//! - `runs`, `run_tasks`, `shutdown_callbacks`: how the program leaves
//! - `tasks`, `task_failures`: background tasks and their registries, and where their failures end
//! - `task_attacks`, `draining`: hostile tasks and spawners, and emptying a registry within a bound

#[path = "../support/mod.rs"]
mod support;

mod context;
mod context_ends;
mod contexts;
mod draining;
mod exit_stack;
mod run_tasks;
mod runs;
mod shutdown_callbacks;
mod task_attacks;
mod task_failures;
mod tasks;
mod testing;
