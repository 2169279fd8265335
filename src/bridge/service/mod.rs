//! Services: items that are worked off in the background.
//!
//! - `queue_service`: [`QueueService`], one of them
//! - `options`: [`QueueServiceOptions`], how one is started
//! - `worker`: its thread
//! - `keyed`: [`QueueServices`], one for each key

mod keyed;
mod options;
mod queue_service;
mod worker;

pub use keyed::QueueServices;
pub use options::QueueServiceOptions;
pub use queue_service::{DrainTimedOut, Draining, QueueService, ServiceClosed};
