//! What groups and [`GroupOptions`](crate::GroupOptions) are generic over: where the children run, and whether the group may be
//! cut short from outside.
//!
//! # Examples
//!
//! A function that takes options which may have a deadline, and says what it does then:
//!
//! ```
//! use std::time::Duration;
//!
//! use ingather::kind::{Cut, Shared};
//! use ingather::{CutShort, GroupOptions, block_on};
//!
//! async fn answer(options: GroupOptions<Shared, Cut>) -> Result<u32, CutShort> {
//!     options.scope_or_cut(|_tg| async { 42 }).await
//! }
//!
//! assert_eq!(block_on(answer(GroupOptions::new().timeout(Duration::from_secs(5)))), Ok(42));
//! assert_eq!(block_on(answer(GroupOptions::new().timeout(None))), Ok(42));
//! ```

pub use crate::group::{
    Accepts, Awaited, Blocking, Borrows, Cut, Driven, FailingStream, Inline, InlineLocal, Kind,
    Local, MovesOn, Shared, State, Uncut, UncutStream, Whole,
};
