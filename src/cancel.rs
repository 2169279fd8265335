//! Cancelling from inside: why this code is cancelled, by when it has to be over, and what it does then.
//!
//! [`current_token`](crate::current_token), [`checkpoint`](crate::checkpoint) and [`shield`](crate::shield) stand at the root.
//!
//! # Examples
//!
//! A worker that stops when it is asked to, and says why:
//!
//! ```
//! use ingather::cancel::{CancelKind, cancel_reason};
//! use ingather::{GroupOptions, block_on, current_token};
//!
//! let options = GroupOptions::new().grace(std::time::Duration::from_secs(1));
//! let worker = options.scope(|tg| async move {
//!     let key = tg.spawn(async {
//!         current_token().cancelled().await;
//!         cancel_reason().map(|reason| reason.kind())
//!     });
//!     tg.cancel();
//!     key.await
//! });
//! assert_eq!(block_on(worker), Ok(Some(CancelKind::Explicit)));
//! ```

pub use crate::group::{cancel_reason, current_deadline, with_cleanup};
pub use crate::token::{CallbackGuard, CancelKind, CancelReason, CancelToken, DropGuard};
