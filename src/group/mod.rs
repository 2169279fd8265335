//! Groups: children, keys and drivers, and the group that is owned as a value.
//!
//! Eight wings, each standing on those before it:
//!
//! - `cell`: memory and state of one child; all `unsafe`
//! - `queues`: tables under the lock that know no group
//! - `sched`: what may happen next: events in, effects out
//! - `engine`: the shared core that performs effects, and the driver that polls
//! - `shield`: what holds off a cancel, and how code asks about one
//! - `handle`: starting children and reading results
//! - `owner`: who ends a group: scopes, values, nobody
//! - `proofs`: tests of the engine alone

mod cell;
pub(crate) mod engine;
mod handle;
mod owner;
#[cfg(test)]
pub(crate) mod proofs;
mod queues;
mod sched;
mod shield;

pub use cell::Ending;
pub(crate) use cell::{Block, Keeps, Makes, OnlyMut, OutputPolicy, Polled, Slot, inside_body};
pub(crate) use engine::body::{BodyFailure, code_suspends, is_code_cut_off};
pub(crate) use engine::driving::{Goes, Leaving, Turn};
pub use engine::kind::{
    Accepts, Awaited, Blocking, Borrows, Driven, Inline, InlineLocal, Kind, Local, Shared,
};
pub(crate) use engine::kind::{Executor, sealed::Sealed as KindSealed};
pub(crate) use engine::position::{is_in_child_of, standing, task_here};
pub(crate) use engine::surroundings::{Lacking, NoValue};
pub(crate) use engine::told::{hands_on, sift, tell};
pub(crate) use handle::in_hand::{PolledChild, Queued, TakesIn, UnderWay};
pub use handle::key::{Key, TakeError};
pub(crate) use handle::output_policy::{AsValue, Call, Fallible};
pub use handle::start::{Ready, Start};
pub use handle::{
    Cause, ChildOptions, KeyValue, NextSlot, Observed, Plain, Require, Scope, SpawnWhenFree,
    Supervised,
};
pub(crate) use owner::companion::Companion;
pub use owner::cut::{Cut, FailingStream, MovesOn, State, Uncut, UncutStream, Whole};
pub(crate) use owner::detached::{Detached, Glance, Label, Waiting, child_here};
pub(crate) use owner::failures::Failures;
pub use owner::gather_group::GatherGroup;
pub(crate) use owner::guard::{GuardOf, Origin, Owner};
pub use owner::join::{Completions, Join, Next, TryJoin};
pub use owner::join_group::JoinGroup;
pub use owner::options::{GroupOptions, on};
pub use owner::outcomes::NextOutcome;
pub use queues::completions::Completion;
pub(crate) use sched::left::{Lack, Left};
pub(crate) use sched::pace::{Pace, Spent, give_way};
pub use sched::policy::{OnError, OnPanic};
pub use sched::stats::Tally;
pub use shield::checkpoint::{
    Checkpoint, cancel_reason, checkpoint, current_deadline, current_token,
};
pub use shield::cleanup::{WithCleanup, with_cleanup};
pub(crate) use shield::holding::Holding;
pub use shield::shielded::{Shield, shield};
