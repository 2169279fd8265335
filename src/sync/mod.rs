//! Primitives with two faces: usable from threads and from tasks of any executor.
//!
//! - `signal`: whom to tell when something has changed, and waiting for it as a task and as a thread
//! - `relay`: the wakers of tasks, kept and called where no lock is held
//! - `blocking`: polling on this thread what a task would await
//! - `event`: [`Event`]
//! - `queue`: [`Queue`]; `queue_wait`: its futures; `queue_error`: its errors
//! - `many`: [`wait_all`], [`wait_first`] and [`as_completed`]
//! - `guarded`: [`wait_or_cancel`] and [`run_guarded`]
//! - `sync_iter`, `stream_of`: [`sync_iter`](sync_iter()) and [`stream_of`](stream_of())
//! - `promise`: [`Promise`] and [`Promised`]; `promise_state`: what both share
//!
//! Each operation that waits has three forms: a future, one that blocks the thread (`_blocking`), and one that blocks it for
//! at most so long (`_timeout`). A future is given a time limit by [`timeout`](crate::timeout()). What is set, put or closed
//! wakes threads and tasks alike, and never blocks, whatever executor the waiting tasks run on.
//!
//! | type | what it is for |
//! |---|---|
//! | [`Event`] | a flag that can be waited for |
//! | [`Queue`] | values in order, bounded or not |
//! | [`promise`](promise()) | one value, set once |
//! | [`wait_all`], [`wait_first`], [`as_completed`] | waiting for many handles |
//! | [`wait_or_cancel`], [`run_guarded`] | waits that end something else |
//! | [`sync_iter`](sync_iter()), [`stream_of`](stream_of()) | a stream for a thread, an iterator for a task |
//!
//! A blocking form refuses, with a panic, to block the only thread of a runtime, since what it waits for may need that
//! thread; a form with a time limit may be used there. The limits of blocking forms are real time, by the system's clock.
//! Those of futures go by the [current clock](crate::clock::current_clock).
//!
//! The rules are those of the chapter *Primitives* in the [semantics](crate::docs::semantics).
//!
//! # Examples
//!
//! ```
//! use std::thread;
//!
//! use ingather::block_on;
//! use ingather::sync::Queue;
//!
//! // A thread works, and a task waits for it.
//! let results = Queue::bounded(4);
//! let sends = results.clone();
//! let worker = thread::spawn(move || (0..3).all(|n| sends.put_blocking(n * n).is_ok()));
//! let sum = block_on(async {
//!     let mut sum = 0;
//!     for _ in 0..3 {
//!         sum += results.get().await?;
//!     }
//!     Ok::<_, ingather::sync::GetError>(sum)
//! });
//! assert_eq!(sum, Ok(5));
//! assert!(worker.join().is_ok_and(|all| all));
//! ```

pub(crate) mod blocking;
mod event;
mod guarded;
mod many;
mod promise;
mod promise_state;
mod queue;
mod queue_error;
mod queue_wait;
mod relay;
mod signal;
mod stream_of;
mod sync_iter;

pub use event::{Event, EventWait};
pub use guarded::{RunGuarded, WaitOrCancel, run_guarded, wait_or_cancel};
pub use many::{
    AsCompleted, First, WaitAll, WaitFirst, WaitTimedOut, as_completed, wait_all, wait_first,
};
pub use promise::{Promise, PromiseClosed, Promised, SetError, SharedPromised, promise};
pub use queue::{CloseGuard, Queue};
pub use queue_error::{
    GetError, GetTimeoutError, PutError, PutTimeoutError, TryGetError, TryPutError,
};
pub use queue_wait::{Get, Put};
pub use stream_of::{StreamOf, stream_of};
pub use sync_iter::{SyncIter, sync_iter};
