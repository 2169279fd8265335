#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[cfg(feature = "std")]
mod blocked;
#[cfg(all(feature = "std", not(loom)))]
pub mod bridge;
#[cfg(feature = "std")]
mod cancel;
#[cfg(feature = "std")]
mod context;
#[cfg(feature = "std")]
mod depth;
#[cfg(all(doc, feature = "std"))]
pub mod docs;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
pub mod futures;
#[cfg(feature = "std")]
mod gather;
#[cfg(feature = "std")]
mod group;
#[cfg(feature = "std")]
pub mod kind;
#[cfg(feature = "std")]
mod lifecycle;
#[cfg(feature = "std")]
mod limiter;
#[cfg(feature = "std")]
mod log;
#[cfg(feature = "std")]
mod order;
#[cfg(feature = "std")]
mod panic;
#[cfg(feature = "std")]
mod park;
#[cfg(feature = "std")]
mod registry;
#[cfg(feature = "std")]
mod scope;
pub mod spawner;
#[cfg(feature = "std")]
mod std_or_loom;
#[cfg(all(feature = "std", not(loom)))]
pub mod sync;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "std")]
pub mod threads;
#[cfg(feature = "std")]
pub mod time;
#[cfg(feature = "std")]
mod turn;

pub use spawner::{Job, LocalJob, LocalSpawner, SpawnError, Spawner};

#[cfg(all(feature = "std", not(loom)))]
pub use bridge::{AsyncRunner, Synced, run_sync, synced};
#[cfg(feature = "std")]
pub use cancel::{CallbackGuard, CancelKind, CancelReason, CancelToken, DropGuard};
#[cfg(feature = "std")]
pub use context::{ContextSnapshot, ContextVar};
#[cfg(feature = "std")]
pub use error::{
    ChildFailure, ChildInfo, CutShort, Failure, Failures, GatherIncomplete, GroupError, KeyId,
    Outcome, StartError, StartedError, Unhandled, set_unhandled_hook,
};
#[cfg(feature = "std")]
pub use gather::{
    Calls, CallsOf, Items, Joiner, Verdict, first_ok, first_ok_on, gather, gather_on,
    gather_settled, gather_settled_on, inline_first_ok, inline_first_ok_local, inline_gather,
    inline_gather_local, inline_join_with, inline_join_with_local, inline_quorum,
    inline_quorum_local, inline_race, inline_race_local, join_with, join_with_on, joiner,
    map_concurrent, map_concurrent_on, map_concurrent_unordered, map_concurrent_unordered_on,
    quorum, quorum_on, race, race_on, try_gather, try_gather_on, try_inline_gather,
    try_inline_gather_local, try_map_concurrent, try_map_concurrent_on,
    try_map_concurrent_unordered, try_map_concurrent_unordered_on,
};
#[cfg(feature = "std")]
pub use group::{
    Accepts, Blocking, BlockingScope, Completion, Ending, GatherGroup, GroupOptions, Inline,
    InlineLocal, InlineScope, InlineScopeLocal, Key, Kind, Local, LocalGatherGroup, LocalScope,
    Named, OnError, OnPanic, Ready, Scope, Shared, Slot, TakeError, Tally, cancel_reason,
    checkpoint, current_deadline, current_token, shield, with_cleanup,
};
#[cfg(feature = "std")]
pub use lifecycle::{
    AsyncClose, Called, Exit, ExitErrors, ExitFailure, ExitFault, ExitKind, ExitReport, ExitResult,
    ExitStack, OnShutdown, OnShutdownError, Pushed, Run, ShutdownGuard, Stuck, on_shutdown,
    request_shutdown, run,
};
#[cfg(feature = "std")]
pub use panic::Panic;
#[cfg(feature = "std")]
pub use registry::{
    Drained, NamedTask, Task, TaskError, TaskInfo, TaskRefused, TaskRegistry, TaskState,
    create_named_task, create_task, try_create_task,
};
#[cfg(feature = "std")]
pub use scope::{
    SpawnerExt, blocking_scope, blocking_scope_on, inline_scope, inline_scope_local,
    local_scope_on, scope, scope_on, try_blocking_scope, try_blocking_scope_on, try_inline_scope,
    try_inline_scope_local, try_local_scope_on, try_scope, try_scope_on,
};
#[cfg(feature = "std")]
pub use spawner::{
    EnterGuard, GlobalSpawnerError, SpawnerHandle, current_spawner, enter, from_fn,
    set_global_spawner, try_current_spawner,
};
#[cfg(feature = "std")]
pub use threads::to_thread;
#[cfg(feature = "std")]
pub use time::{Deadline, TimedOut, timeout};

#[cfg(all(feature = "async-executor", not(loom)))]
pub use spawner::block_on;
