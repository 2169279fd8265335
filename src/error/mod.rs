//! Everything that can go wrong, as values.
//!
//! - `child`: which child it was
//! - `cut_short`: that a scope which cannot fail was cut short
//! - `incomplete`: why a key has no result
//! - `group`: all failures of a group in one error
//! - `one_by_one`: values that are dropped one by one
//! - `report`: a group error as a tree, with the sources of each leaf
//! - `outcome`: how one call ended
//! - `start`: why a child did not start
//! - `unhandled`: where failures go that nobody can get any more
//!
//! # Examples
//!
//! ```
//! use ingather::error::{Failure, GroupError};
//! use ingather::{block_on, try_scope};
//!
//! let result: Result<(), GroupError<&str>> = block_on(try_scope(|tg| async move {
//!     tg.try_spawn(async { Err::<(), _>("disk full") });
//!     Ok(())
//! }));
//! let error = result.expect_err("a child failed");
//! for one in &error {
//!     match one.failure() {
//!         Failure::Error(text) => assert_eq!(*text, "disk full"),
//!         other => panic!("{other}"),
//!     }
//! }
//! ```

mod child;
mod cut_short;
mod group;
mod incomplete;
mod one_by_one;
mod outcome;
mod report;
mod start;
pub(crate) mod unhandled;

pub use crate::panic::note_panic_places;
pub use child::{ChildInfo, KeyId};
pub use cut_short::CutShort;
pub use group::{ChildFailure, Failure, Failures, GroupError};
pub use incomplete::GatherIncomplete;
pub(crate) use one_by_one::{OneByOne, Quiet};
pub use outcome::Outcome;
pub use report::Report;
pub(crate) use report::boxed;
pub use start::{StartError, StartedError};
pub use unhandled::{Unhandled, set_unhandled_hook};
