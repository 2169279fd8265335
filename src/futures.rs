//! The named futures and streams that the functions of this crate give, and the markers in their types.

pub use crate::cancel::{Cancelled, CancelledOwned, RunUntilCancelled};
pub use crate::context::WithContext;
pub use crate::gather::{
    Gather, Settling, Start, TryGather, TryStart, Trying, Values, Whole, WholeOrCancel,
};
pub use crate::group::{Completions, Join, Next, SpawnWhenFree, TryJoin};
pub use crate::scope::{Fallible, Form, ScopeFuture, Value};
pub use crate::time::{Interval, Sleep, Tick, Timeout};
