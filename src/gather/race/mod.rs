//! Joining, and the first of several calls: a joiner is told of each end, and says when the rest is not needed.
//!
//! - `joiner`: the ways to join: when the rest is not needed, and what the results are made into
//! - `calls_of`: what can be joined: calls that all give the same type
//! - `completion_queue`: what children tell, in the order in which they end
//! - `completion_sender`: a child that tells its owner of its end
//! - `join`: the scope behind a join
//! - `joined`: what it gives
//! - `functions`, `inline`: joins and races on a spawner, and inside one task
//! - `options`: joins and races from [`GroupOptions`](crate::GroupOptions)

mod calls_of;
pub(in crate::gather) mod completion_queue;
pub(in crate::gather) mod completion_sender;
mod functions;
mod inline;
mod join;
mod joined;
pub mod joiner;
mod options;

pub use calls_of::CallsOf;
pub use functions::{
    first_ok, first_ok_on, join_with, join_with_on, quorum, quorum_on, race, race_on,
};
pub use inline::{
    inline_first_ok, inline_first_ok_local, inline_join_with, inline_join_with_local,
    inline_quorum, inline_quorum_local, inline_race, inline_race_local,
};
pub use join::{FirstOk, JoinWith, Joining, Quorum, Race, StartJoin};
pub use joined::Joined;
pub use joiner::{Joiner, Verdict};
