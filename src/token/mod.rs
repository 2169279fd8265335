//! Cancelling: why something was cancelled, and tokens that tell of it.
//!
//! - `reason`: [`CancelReason`], the first cause, kept for good
//! - `cancel_token`: [`CancelToken`], the handle of one place in a tree of things to cancel
//! - `tree`: the tree itself: who tells whom, and who is freed when
//! - `owner`: what a token belongs to
//! - `who`: which child asks
//! - `places`: a list in which everything keeps its place
//! - `cancelled`: the futures that wait for a token
//! - `handed`: the reasons that were handed out to one child
//! - `until`: a future that gives way to a token
//! - `guard`: what cancels, or withdraws a callback, when it is dropped

mod cancel_token;
mod cancelled;
mod guard;
mod handed;
mod owner;
mod places;
mod reason;
mod tree;
mod until;
pub(crate) mod who;

pub use cancel_token::CancelToken;
pub use cancelled::{Cancelled, CancelledOwned};
pub use guard::{CallbackGuard, DropGuard};
pub(crate) use handed::Told;
pub(crate) use owner::Owner;
pub(crate) use places::Places;
pub(crate) use reason::Handed;
pub use reason::{CancelKind, CancelReason};
pub use until::RunUntilCancelled;
