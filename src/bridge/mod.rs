//! Bridges between threads and tasks: who serves whom, and who runs what.
//!
//! - `control`: [`ControlServer`], a thread that serves tasks
//! - `control_client`: [`Client`] and the future of a request; `control_error`: why there is no reply
//! - `reply`: [`Reply`]
//! - `service`: [`QueueService`], which works off items in the background
//! - `service_options`: [`QueueServiceOptions`]; `service_worker`: its thread
//! - `services`: [`QueueServices`], one for each key
//! - `synced`: [`Synced`], an async function with two faces
//!
//! The rules are those of the chapter *Bridge* in the [semantics](crate::docs::semantics).

mod control;
mod control_client;
mod control_error;
mod reply;
mod service;
mod service_options;
mod service_worker;
mod services;
mod synced;

pub use control::ControlServer;
pub use control_client::{Client, Request};
pub use control_error::RequestError;
pub use reply::Reply;
pub use service::{DrainTimedOut, QueueService, ServiceClosed};
pub use service_options::QueueServiceOptions;
pub use services::QueueServices;
pub use synced::{AsyncFunction, Synced, synced};
