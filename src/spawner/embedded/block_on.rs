//! Running a future on this thread, with the embedded default as its current spawner.

use std::future::Future;

use super::Presence;
use crate::blocked;

/// Runs a future to its end on this thread, with the embedded default as its current spawner.
///
/// The way from `main` and from a test into async code. The future stays on this thread and need not be [`Send`].
/// The children of its scopes run on this thread as well, when it has nothing else to do, and on the threads of the embedded default.
/// Other jobs run on those threads alone: none of them can hold up the return of this call. Whichever spawner was current before
/// is so again afterwards, also after a panic.
///
/// Calls can be nested, and a job may call it: another thread stands in for the one that waits. In async code
/// [`run_sync`](crate::run_sync) has more to offer.
///
/// A future that needs its own runtime around it, such as one with tokio's timers, wants that runtime's `block_on`.
///
/// # Panics
///
/// If the future panics, with what it panics with. If the environment variable `INGATHER_THREADS` is set to something
/// other than a number from 1 up and the future uses the embedded default.
///
/// # Examples
///
/// ```
/// use ingather::spawner::current_spawner;
/// use ingather::{Spawner, block_on};
/// use futures::channel::oneshot;
///
/// let sum = block_on(async {
///     let (sender, receiver) = oneshot::channel();
///     current_spawner().spawn(Box::pin(async move { sender.send(20).unwrap() }))?;
///     Ok::<_, Box<dyn std::error::Error>>(receiver.await? + 22)
/// });
/// assert_eq!(sum.unwrap(), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let _presence = Presence::new();
    blocked::park_until_ready(future)
}
