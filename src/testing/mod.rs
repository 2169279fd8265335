//! Tools for testing concurrent code: an executor whose order a seed decides and whose clock jumps, and what goes with it.
//!
//! - `executor`: [`TestExecutor`], deterministic and with virtual time
//! - `trace`: [`Trace`], what happened, in order
//! - `yields`: [`yield_now`] and [`yields`](yields()), suspending on purpose

mod executor;
mod trace;
mod yields;

pub use executor::{BlockingWork, ClockHold, TestExecutor};
pub use trace::{AtDrop, Trace};
pub use yields::{Yields, yield_now, yields};
