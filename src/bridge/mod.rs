//! Bridges between threads and tasks: who serves whom, and who runs what.
//!
//! - `run_sync`: [`run_sync()`], running a future to its end from sync code
//! - `runner`: [`AsyncRunner`], an event loop on a thread of its own
//! - `control`: [`ControlServer`], a thread that serves tasks
//! - `service`: [`QueueService`], which works off items in the background
//! - `synced`: [`Synced`], an async function with two faces
//! - `whereabouts`: [`Whereabouts`], where code runs, in words
//!
//! The rules are those of the chapter *Bridge* in the [semantics](crate::docs::semantics).
//!
//! # Examples
//!
//! ```
//! use ingather::bridge::AsyncRunner;
//!
//! // A sync program that keeps an event loop for its async parts.
//! let runner = AsyncRunner::start()?;
//! let answer = runner.run(async { 6 * 7 });
//! assert_eq!(answer.ok(), Some(42));
//! # Ok::<(), std::io::Error>(())
//! ```

mod control;
mod run_sync;
mod runner;
mod service;
mod synced;
mod whereabouts;

pub use control::{Client, ControlServer, Reply, Request, RequestError};
pub use run_sync::{OnRunner, RunSync, RunSyncError, WouldBlock, run_sync};
pub use runner::{AsyncRunner, AsyncRunnerOptions, RunnerError, ShutdownKind, ShutdownReport};
pub use service::{
    DrainTimedOut, Draining, QueueService, QueueServiceOptions, QueueServices, ServiceClosed,
};
pub use synced::{AsyncFunction, Synced, synced};
pub use whereabouts::Whereabouts;
