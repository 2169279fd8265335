//! Joining, and the first of several calls: a joiner is notified of each end, and says when the rest is not needed.
//!
//! - `joiner`: the ways to join: when the rest is not needed, and what the results are made into
//! - `calls_of`: what can be joined: calls that all give the same type
//! - `completion_queue`: what children tell, in the order in which they end
//! - `completion_sender`: a child that tells its owner of its end
//! - `join`: the scope behind a join
//! - `joined`: what it gives
//! - `raced`: calls that race without a group, and what becomes of those that lose
//! - `functions`: joins and races on a spawner
//! - `options`: joins and races from [`GroupOptions`](crate::GroupOptions)

mod calls_of;
pub(in crate::gather) mod completion_queue;
pub(in crate::gather) mod completion_sender;
mod functions;
mod join;
mod joined;
pub mod joiner;
mod options;
mod raced;

pub use calls_of::CallsOf;
pub use functions::{first_ok, quorum, race};
pub use join::{FirstOk, JoinWith, Joining, Quorum, Race, StartJoin};
pub use joined::Joined;
