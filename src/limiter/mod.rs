//! So many at a time, first come first served, for threads and tasks.
//!
//! - `capacity`: [`CapacityLimiter`], permits to be held
//! - `borrower`: a group that shares a limiter with others
//! - `line`: who waits, in the order of coming
//! - `waiting`: what is kept for each of them

mod borrower;
mod capacity;
mod line;
mod waiting;

pub(crate) use self::borrower::Borrower;
pub use self::capacity::{Acquire, CapacityLimiter, LimiterStatistics, Permit};
pub(crate) use self::line::{Line, Lined, Standing, locked};
pub(crate) use self::waiting::{Ticket, Waiting};
