//! Blocking work beside async work: threads for it, what bounds it, and what threads and tasks share.
//!
//! - `to_thread`: [`to_thread`](crate::to_thread), a closure on a thread, for async code to await
//! - `asynced`: [`asynced`](asynced()), a blocking function as one that can be awaited
//! - `spawn_blocking`: a closure as a child of a group
//! - `from_thread`: what a closure can ask of the code that sent it
//! - `pool`: [`BlockingPool`], the threads
//! - `job`: a closure between its caller and its thread
//! - `stop`: what asks it to stop
//! - `fair_lock`: [`FairLock`], one owner at a time, for threads and tasks
//! - `owner`: who holds a lock
//!
//! [`CapacityLimiter`], so many at a time, is in a module of its own, since groups share it.
//!
//! # Examples
//!
//! ```
//! use ingather::threads::BlockingPool;
//! use ingather::{block_on, to_thread};
//!
//! let lines = block_on(to_thread(|| std::fs::read_to_string("Cargo.toml").map(|text| text.lines().count())));
//! assert!(lines.is_ok_and(|lines| lines > 0));
//!
//! let pool = BlockingPool::new(2);
//! let squares = block_on(pool.map(1..=3, |n| n * n));
//! assert_eq!(squares, [1, 4, 9]);
//! ```

mod asynced;
mod fair_lock;
pub mod from_thread;
mod job;
mod owner;
mod pool;
mod spawn_blocking;
mod stop;
mod to_thread;

pub use self::asynced::{Asynced, asynced};
pub use self::fair_lock::{FairGuard, FairLock, Locking};
pub use self::job::Refused;
pub use self::pool::{
    BlockingPool, Closing, JobInfo, PoolBuilder, PoolStatistics, default_pool, set_default_pool,
};
pub use self::spawn_blocking::{CallsBlocking, InPlace};
pub use self::to_thread::{ToThread, ToThreadOrRefused, to_thread, to_thread_with};
pub use crate::limiter::{Acquire, CapacityLimiter, LimiterStatistics, Permit};
