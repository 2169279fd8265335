#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[cfg(feature = "std")]
mod blocked;
#[cfg(all(feature = "std", not(loom)))]
pub mod bridge;
#[cfg(feature = "std")]
mod calls;
#[cfg(feature = "std")]
pub mod cancel;
#[cfg(feature = "std")]
pub mod clock;
#[cfg(feature = "std")]
mod context;
#[cfg(feature = "std")]
mod depth;
#[cfg(all(doc, feature = "std"))]
pub mod docs;
#[cfg(feature = "std")]
pub mod error;
#[cfg(feature = "std")]
mod gather;
#[cfg(feature = "std")]
mod group;
#[cfg(feature = "std")]
pub mod inline;
#[cfg(feature = "std")]
pub mod kind;
#[cfg(feature = "std")]
mod limiter;
#[cfg(feature = "std")]
pub mod literal;
#[cfg(feature = "std")]
pub mod local;
#[cfg(feature = "std")]
mod log;
#[cfg(feature = "std")]
mod order;
#[cfg(feature = "std")]
mod panic;
#[cfg(feature = "std")]
pub mod parallel;
#[cfg(feature = "std")]
mod park;
#[cfg(feature = "std")]
pub mod program;
#[cfg(feature = "std")]
mod scope;
#[cfg(feature = "std")]
mod shows;
pub mod spawner;
#[cfg(feature = "std")]
mod std_or_loom;
#[cfg(all(feature = "std", not(loom)))]
pub mod sync;
#[cfg(feature = "std")]
pub mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "std")]
pub mod threads;
#[cfg(feature = "std")]
mod token;
#[cfg(feature = "std")]
mod turn;
#[cfg(feature = "std")]
pub mod types;

pub use spawner::{Job, LocalSpawner, Spawner};

#[cfg(all(feature = "std", not(loom)))]
pub use bridge::run_sync;
#[cfg(feature = "std")]
pub use clock::{Deadline, TimedOut, timeout};
#[cfg(feature = "std")]
pub use context::ContextVar;
#[cfg(feature = "std")]
pub use error::{CutShort, GatherIncomplete, GroupError, Outcome, StartError};
#[cfg(feature = "std")]
pub use gather::{
    first_ok, gather, gather_settled, joiner, map_concurrent, optional, quorum, race, try_gather,
    try_map_concurrent, try_optional,
};
#[cfg(feature = "std")]
pub use group::{
    GatherGroup, GroupOptions, JoinGroup, Key, OnError, OnPanic, Ready, Scope, checkpoint,
    current_token, on, shield,
};
#[cfg(feature = "std")]
pub use panic::Panic;
#[cfg(feature = "std")]
pub use program::{on_shutdown, run};
#[cfg(feature = "std")]
pub use scope::{scope, try_scope};
#[cfg(feature = "std")]
pub use tasks::{Task, TaskRegistry, create_task};
#[cfg(feature = "std")]
pub use threads::to_thread;
#[cfg(feature = "std")]
pub use token::{CancelReason, CancelToken};

#[cfg(all(feature = "async-executor", not(loom)))]
pub use spawner::block_on;
