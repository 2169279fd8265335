//! Cancelling from inside: why this code is cancelled, by when it has to be over, and what it does then.
//!
//! [`current_token`](crate::current_token), [`checkpoint`](crate::checkpoint) and [`shield`](crate::shield) stand at the root.
//!
//! # Examples
//!
//! A worker that says why it stopped, and puts its things away first:
//!
//! ```
//! use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
//! use ingather::{GroupOptions, block_on};
//!
//! let options = GroupOptions::new().grace(std::time::Duration::from_secs(1));
//! let worker = options.scope(|tg| async move {
//!     let key = tg.spawn(async {
//!         let worked = with_cleanup(std::future::pending::<()>(), || async { /* puts its things away */ });
//!         worked.await.unwrap_err();
//!         cancel_reason().map(|reason| reason.kind())
//!     });
//!     tg.cancel();
//!     key.await
//! });
//! assert_eq!(block_on(worker), Ok(Some(CancelKind::Explicit)));
//! ```

pub use crate::group::{cancel_reason, current_deadline, with_cleanup};
pub use crate::token::{CallbackGuard, CancelKind, CancelReason, CancelToken, DropGuard};
