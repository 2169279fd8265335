//! What [`GroupOptions`](crate::GroupOptions) are generic over: whether the group may be cut short from outside.
//!
//! # Examples
//!
//! A function that takes options which may have a deadline, and says what it does then:
//!
//! ```
//! use std::time::Duration;
//!
//! use ingather::kind::Cut;
//! use ingather::{CutShort, GroupOptions, Shared, block_on};
//!
//! async fn answer(options: GroupOptions<Shared, Cut>) -> Result<u32, CutShort> {
//!     options.scope_or_cut(|_tg| async { 42 }).await
//! }
//!
//! assert_eq!(block_on(answer(GroupOptions::new().timeout(Duration::from_secs(5)))), Ok(42));
//! assert_eq!(block_on(answer(GroupOptions::new().timeout(None))), Ok(42));
//! ```

pub use crate::group::{Cut, FailingStream, MovesOn, State, Uncut, UncutStream, Whole};
