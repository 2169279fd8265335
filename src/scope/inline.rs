//! Inline scopes: children that run inside the task that awaits the scope, and may borrow.

use std::future::Future;

use super::form::{Fallible, Value};
use super::future::ScopeFuture;
use crate::group::{GroupOptions, Inline, InlineLocal, InlineScope, InlineScopeLocal};

/// Runs a body that can start children which borrow, and returns its value when every child is over.
///
/// | | borrows | parallel | awaitable | needs a spawner |
/// |---|---|---|---|---|
/// | [`scope`](crate::scope()) | no | yes | yes | yes |
/// | **`inline_scope`** | **yes** | **no** | **yes** | **no** |
/// | [`blocking_scope`](crate::blocking_scope) | yes | yes | no | yes |
///
/// The children take turns with the body inside the task that awaits the scope: they run at the same time, not in parallel,
/// and may borrow whatever outlives the scope's future. Body and children go on whatever the body awaits. For children that
/// are busy with the processor use [`scope`](crate::scope()) instead.
///
/// The handle works as in [`scope`](crate::scope()): its clones start children, keys give results, and the options of
/// [`GroupOptions`] apply. A handle that outlives the scope only rejects. A child that wakes itself for ever does not keep
/// the task from other work: after a bounded number of polls the scope yields.
///
/// # Cancel safety
///
/// Dropping the future drops all children on the spot. Forgotten, none of them ever runs again. A clone of the handle that
/// lives inside a child or in the body makes no cycle that would outlive the scope.
///
/// # Panics
///
/// The panic of a child cancels its siblings and the body, and goes on from here when all are over. So does a panic of
/// the body.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline_scope};
///
/// let words = String::from("what is borrowed need not be cloned");
/// let lengths = block_on(inline_scope(|tg| {
///     let words = &words;
///     async move {
///         let keys: Vec<_> = words
///             .split(' ')
///             .map(|word| tg.spawn(async move { word.len() }))
///             .collect();
///         let mut lengths = Vec::new();
///         for key in keys {
///             lengths.push(key.await.unwrap());
///         }
///         lengths
///     }
/// }));
/// assert_eq!(lengths, [4, 2, 8, 4, 3, 2, 6]);
/// ```
#[track_caller]
pub fn inline_scope<'env, B, F>(body: B) -> ScopeFuture<'env, B, F, Value<Inline>>
where
    B: FnOnce(InlineScope<'env>) -> F,
    F: Future,
{
    GroupOptions::new().inline_scope(body)
}

/// Runs a body that can start children which borrow and can fail, and returns when every child is over.
///
/// [`inline_scope`] with the errors of [`try_scope`](crate::try_scope).
///
/// # Errors
///
/// Everything that failed, the cause first, as for [`try_scope`](crate::try_scope).
///
/// # Cancel safety
///
/// As for [`inline_scope`].
///
/// # Panics
///
/// As for [`inline_scope`].
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_inline_scope};
///
/// let texts = ["1", "2", "three"];
/// let error = block_on(try_inline_scope(|tg| {
///     let texts = &texts;
///     async move {
///         for text in texts {
///             tg.try_spawn(async move { text.parse::<u32>() });
///         }
///         Ok(())
///     }
/// }))
/// .unwrap_err();
/// assert_eq!(error.len(), 1);
/// ```
#[track_caller]
pub fn try_inline_scope<'env, B, F, T, E>(body: B) -> ScopeFuture<'env, B, F, Fallible<Inline>>
where
    B: FnOnce(InlineScope<'env, E>) -> F,
    F: Future<Output = Result<T, E>>,
{
    GroupOptions::new().try_inline_scope(body)
}

/// Like [`inline_scope`], for children that need not be [`Send`].
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use ingather::{block_on, inline_scope_local};
///
/// let sum = Cell::new(0);
/// block_on(inline_scope_local(|tg| {
///     let sum = &sum; // a `&Cell` is not `Send`
///     async move {
///         for n in 1..=4 {
///             tg.spawn(async move { sum.set(sum.get() + n) });
///         }
///     }
/// }));
/// assert_eq!(sum.get(), 10);
/// ```
#[track_caller]
pub fn inline_scope_local<'env, B, F>(body: B) -> ScopeFuture<'env, B, F, Value<InlineLocal>>
where
    B: FnOnce(InlineScopeLocal<'env>) -> F,
    F: Future,
{
    GroupOptions::new().inline_scope_local(body)
}

/// Like [`try_inline_scope`], for children that need not be [`Send`].
#[track_caller]
pub fn try_inline_scope_local<'env, B, F, T, E>(
    body: B,
) -> ScopeFuture<'env, B, F, Fallible<InlineLocal>>
where
    B: FnOnce(InlineScopeLocal<'env, E>) -> F,
    F: Future<Output = Result<T, E>>,
{
    GroupOptions::new().try_inline_scope_local(body)
}
