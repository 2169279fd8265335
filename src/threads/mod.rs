//! Blocking work beside async work: what bounds it, and what threads and tasks share.
//!
//! - `limiter`: [`CapacityLimiter`], so many at a time
//! - `fair_lock`: [`FairLock`], one owner at a time, for threads and tasks
//! - `owner`: who holds a lock
//! - `line`: who waits, in the order of coming

mod fair_lock;
mod limiter;
mod line;
mod owner;

pub use self::fair_lock::{FairGuard, FairLock, Locking};
pub use self::limiter::{Acquire, CapacityLimiter, LimiterStatistics, Permit};
