//! The named futures and streams that the functions of this crate give, and the markers in their types.

#[cfg(not(loom))]
pub use crate::bridge::Request;
pub use crate::cancel::{Cancelled, CancelledOwned, RunUntilCancelled};
pub use crate::context::WithContext;
pub use crate::gather::{
    FirstOk, Gather, Gathered, JoinWith, Joined, Joining, MapConcurrent, MapConcurrentUnordered,
    MapStream, Quorum, Race, Settling, Start, StartJoin, TryGather, TryGathered, TryMapConcurrent,
    TryMapConcurrentUnordered, TryStart, TryWhole, Trying, Values, Whole,
};
pub use crate::group::{
    Checkpoint, Completions, Join, Next, NextSlot, Shield, SpawnWhenFree, Start as StartChild,
    TryJoin, WithCleanup,
};
pub use crate::lifecycle::{Close, RunAsync};
pub use crate::registry::{Drain, WaitIdle};
pub use crate::scope::{Fallible, Form, OrCut, ScopeFuture, Value};
#[cfg(not(loom))]
pub use crate::sync::{
    AsCompleted, EventWait, Get, Put, RunGuarded, StreamOf, WaitAll, WaitFirst, WaitOrCancel,
};
pub use crate::time::{Interval, Sleep, Tick, Timeout};
