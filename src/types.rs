//! The types behind the functions: named futures and streams, the markers in them, and what bounds name.
//!
//! # Examples
//!
//! A future of this crate as a field:
//!
//! ```
//! use ingather::clock::sleep;
//! use ingather::types::Sleep;
//!
//! struct Lease {
//!     end: Sleep,
//! }
//!
//! let lease = Lease { end: sleep(std::time::Duration::from_millis(1)) };
//! ingather::block_on(lease.end);
//! ```

#[cfg(not(loom))]
pub use crate::bridge::{Draining, Request};
pub use crate::clock::{Interval, Sleep, Tick, Timeout};
pub use crate::context::{ContextSnapshot, WithContext};
pub use crate::error::KeyId;
pub use crate::gather::{
    CallList, Calls, CallsOf, FirstOk, Gather, Gathered, Items, JoinWith, Joined, Joining,
    MapConcurrent, MapConcurrentUnordered, MapStream, Optional, Quorum, Race, Settling, Start,
    StartJoin, TryGather, TryGathered, TryMapConcurrent, TryMapConcurrentUnordered, TryOptional,
    TryStart, TryWhole, Trying, Values, Whole,
};
pub use crate::group::{
    Cause, Checkpoint, ChildOptions, Completion, Completions, Ending, Join, KeyValue, Next,
    NextOutcome, NextSlot, Observed, Plain, Require, Shield, SpawnWhenFree, Start as StartChild,
    Supervised, TakeError, Tally, TryJoin, WithCleanup,
};
pub use crate::program::{Close, RunAsync};
pub use crate::scope::{
    Fallible, Form, Gives, Never, OrCut, ScopeFuture, Tried, TryBegin, TryBody, TryScopeFuture,
    Value,
};
#[cfg(not(loom))]
pub use crate::sync::{
    AsCompleted, EventWait, Get, Put, RunGuarded, StreamOf, WaitAll, WaitFirst, WaitOrCancel,
};
pub use crate::tasks::{Drain, WaitIdle};
pub use crate::token::{Cancelled, CancelledOwned, RunUntilCancelled};
