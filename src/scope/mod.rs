//! Scopes: functions that own a group for the length of a body, and leave when every child is over.
//!
//! - `future`: the future of a scope, which is the group's owner
//! - `begin`: how the body of a scope begins
//! - `try_body`: the body of a scope that can fail
//! - `form`: what differs between a scope that cannot fail and one that can
//! - `parallel`: scopes whose children borrow and run in parallel, while a thread waits
//! - `options`: scopes from [`GroupOptions`](crate::GroupOptions)
//! - `models`: the owner of a scope under every interleaving, checked by loom

mod begin;
mod form;
mod future;
#[cfg(all(test, loom))]
mod models;
mod options;
mod parallel;
mod try_body;

use std::future::Future;

pub(crate) use begin::{Begin, InPlace};
pub(crate) use form::sealed::Sealed as FormSealed;
pub use form::{Fallible, Form, OrCut, Value};
pub use future::ScopeFuture;
pub use try_body::{Gives, Never, Tried, TryBegin, TryBody, TryScopeFuture};

use crate::group::{GroupOptions, Scope};

/// Runs a body that can start children, and returns its value when every child is over.
///
/// | | borrows | parallel | awaitable | needs a spawner |
/// |---|---|---|---|---|
/// | **`scope`** | **no** | **yes** | **yes** | **yes** |
/// | [`inline::scope`](crate::inline::scope) | yes | no | yes | no |
/// | [`parallel::scope`](crate::parallel::scope) | yes | yes | no | yes |
///
/// Over means: finished or cancelled, and dropped. Children run on the [current spawner](crate::spawner::current_spawner), in
/// parallel where that has several threads, from the moment they are spawned. They can be `'static` only; that is the
/// price for running elsewhere and being awaitable at once.
///
/// The body gets a handle by value, as `async with create_task_group() as tg` does in Python's anyio and trio's
/// `open_nursery`. Its clones start children too, also from inside children, until the scope is over. A scope whose
/// children are all over in its first poll is left in that poll; but no task leaves 32 in a row without yielding to the executor.
///
/// # Cancel safety
///
/// Dropping the future cancels the children: when `drop` returns, each child that was not being polled at that instant has
/// been dropped, on this thread; one that was is dropped at the end of that poll.
///
/// # Panics
///
/// The panic of a child cancels its siblings and the body, and goes on from here when all are over. So does a panic of
/// the body. Panics too if there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, scope};
///
/// async fn fetch(n: u32) -> u32 { n * 10 }
/// async fn count() -> usize { 3 }
///
/// # block_on(async {
/// let (a, b) = scope(|tg| async move {
///     let a = tg.spawn(fetch(1)); // Key<u32>
///     let b = tg.start_soon(|| count()); // Key<usize>, from a callable
///     (a.await, b.await) // a key can be awaited: Result<T, GatherIncomplete>
/// })
/// .await;
/// assert_eq!((a, b), (Ok(10), Ok(3)));
/// # });
/// ```
#[track_caller]
pub fn scope<B, F>(body: B) -> ScopeFuture<'static, B, F, Value>
where
    B: FnOnce(Scope<'static>) -> F,
    F: Future,
{
    GroupOptions::new().scope(body)
}

/// Runs a body that can start children, all of which can fail, and returns when every child is over.
///
/// The first error, of a child or of the body, cancels all others; they are waited for; and everything that failed comes
/// out in one [`GroupError`](crate::GroupError). A body that has not given its value when the group is cancelled is dropped at its next
/// suspension. For the rest see [`scope`].
///
/// # Errors
///
/// Everything that failed, the cause first. If nothing failed but the group was cancelled before the body gave its value:
/// the reason, see [`GroupError::cancelled`](crate::GroupError::cancelled).
///
/// # Cancel safety
///
/// As for [`scope`]. Errors that had occurred by then go to the unhandled hook.
///
/// # Panics
///
/// As for [`scope`].
///
/// # Examples
///
/// ```
/// use ingather::{GroupError, block_on, try_scope};
///
/// async fn fetch(url: &str) -> Result<usize, String> {
///     url.strip_prefix("https://").map(str::len).ok_or(format!("not a safe address: {url}"))
/// }
///
/// # block_on(async {
/// async fn crawl(urls: Vec<&'static str>) -> Result<(), GroupError<String>> {
///     try_scope(|tg| async move { // first error cancels the siblings, waits for them, reports them all
///         for url in urls {
///             tg.try_spawn(fetch(url));
///         }
///         Ok(())
///     })
///     .await
/// }
///
/// assert!(crawl(vec!["https://a.example", "https://b.example"]).await.is_ok());
/// let error = crawl(vec!["https://a.example", "ftp://b.example"]).await.unwrap_err();
/// assert_eq!(error.first().to_string(), "not a safe address: ftp://b.example");
/// # });
/// ```
#[track_caller]
pub fn try_scope<B, F, T, E>(body: B) -> TryScopeFuture<'static, B, F, T, E>
where
    B: FnOnce(Scope<'static, E>) -> F,
    F: Future,
    F::Output: TryBody<E, Value = T>,
{
    GroupOptions::new().try_scope(body)
}
