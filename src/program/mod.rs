//! Leaving: what is to be done at the end of a piece of work, or of the program, and in which order.
//!
//! - `entry`: one thing to be done, and doing it without harm to the others
//! - `exit_result`: what a callback may give
//! - `exit_error`: everything that failed on the way out
//! - `exit_stack`: [`ExitStack`], which does what was put onto it in reverse order
//! - `async_close`: [`AsyncClose`], values that take time to be closed
//! - `run`: [`run`](run()) and [`Run`], which run `main` and then leave in order
//! - `run_async`: the future of a run
//! - `running`: what a run shares with everything that runs in it
//! - `on_shutdown`: [`on_shutdown`](on_shutdown()) and [`request_shutdown`]
//! - `leave`: what is done when `main` is over
//! - `exit`: [`Exit`], what `main` gave
//! - `report`: [`ExitReport`], how a run ended
//! - `signals`: Ctrl-C and SIGTERM; `no_signals` where the feature is off
//!
//! # Examples
//!
//! ```
//! use ingather::{on_shutdown, run};
//!
//! let exit = run(async {
//!     if let Ok(guard) = on_shutdown(|| async { println!("flushed") }) {
//!         guard.detach();
//!     }
//!     "served"
//! });
//! assert!(exit.report().is_clean());
//! assert_eq!(exit.into_value(), Some("served"));
//! ```

mod async_close;
mod entry;
mod exit;
mod exit_error;
mod exit_result;
mod exit_stack;
mod leave;
#[cfg(not(all(feature = "signal", not(loom))))]
mod no_signals;
mod on_shutdown;
mod report;
mod run;
mod run_async;
mod running;
#[cfg(all(feature = "signal", not(loom)))]
mod signals;

#[cfg(not(all(feature = "signal", not(loom))))]
use no_signals as signals;

pub use async_close::AsyncClose;
pub use exit::Exit;
#[cfg(not(loom))]
pub(crate) use exit_error::unheard;
pub use exit_error::{ExitErrors, ExitFailure, ExitFault};
pub use exit_result::ExitResult;
pub use exit_stack::{Close, ExitStack, Pushed};
pub use on_shutdown::{OnShutdown, OnShutdownError, ShutdownGuard, on_shutdown, request_shutdown};
pub use report::{Called, ExitKind, ExitReport, Stuck};
pub use run::{Run, run};
pub use run_async::RunAsync;
#[cfg(not(loom))]
pub(crate) use running::Heard;
