//! Cancelling: why something was cancelled.
//!
//! - `reason`: [`CancelReason`], the first cause, kept for good

mod reason;

pub use reason::{CancelKind, CancelReason};
