//! Scopes and calls inside the task that awaits them: the children may borrow, and need no spawner.
//!
//! The children take turns with the body inside one task: they run at the same time, not in parallel. The functions have the names
//! of those at the root; with options: `GroupOptions::new().inline()`. For children that need not be [`Send`] see [`local`].
//!
//! # Examples
//!
//! ```
//! use ingather::{GroupOptions, block_on, inline};
//!
//! let words = [String::from("one"), String::from("three")];
//! let lengths = block_on(inline::gather(words.iter().map(|word| || async { word.len() })));
//! assert_eq!(lengths, [3, 5]);
//!
//! let first = block_on(GroupOptions::new().limit(1).inline().scope(|tg| {
//!     let words = &words;
//!     async move { tg.spawn(async { words[0].len() }).await }
//! }));
//! assert_eq!(first, Ok(3));
//! ```

pub mod local;

use std::convert::Infallible;
use std::future::Future;

use crate::gather::race::joiner::Joiner;
use crate::gather::race::{CallsOf, FirstOk, JoinWith, Quorum, Race};
use crate::gather::{Calls, Gather, Settling, TryGather, Trying, Values};
use crate::group::{self, GroupOptions, Inline};
use crate::scope::{ScopeFuture, TryBody, TryScopeFuture, Value};

/// The handle on a group whose children run inside the task that awaits the scope, and may borrow for `'env`;
/// see [`inline::scope`](crate::inline::scope).
pub type Scope<'env, E = Infallible> = group::Scope<'env, E, Inline>;

/// Runs a body that can start children which borrow, and returns its value when every child is over.
///
/// | | borrows | parallel | awaitable | needs a spawner |
/// |---|---|---|---|---|
/// | [`scope`](crate::scope()) | no | yes | yes | yes |
/// | **`inline::scope`** | **yes** | **no** | **yes** | **no** |
/// | [`parallel::scope`](crate::parallel::scope) | yes | yes | no | yes |
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
/// use ingather::{block_on, inline};
///
/// let words = String::from("what is borrowed need not be cloned");
/// let lengths = block_on(inline::scope(|tg| {
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
pub fn scope<'env, B, F>(body: B) -> ScopeFuture<'env, B, F, Value<Inline>>
where
    B: FnOnce(Scope<'env>) -> F,
    F: Future,
{
    GroupOptions::new().inline().scope(body)
}

/// Runs a body that can start children which borrow and can fail, and returns when every child is over.
///
/// [`scope`] with the errors of [`try_scope`](crate::try_scope).
///
/// # Errors
///
/// Everything that failed, the cause first, as for [`try_scope`](crate::try_scope).
///
/// # Cancel safety
///
/// As for [`scope`].
///
/// # Panics
///
/// As for [`scope`].
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline};
///
/// let texts = ["1", "2", "three"];
/// let error = block_on(inline::try_scope(|tg| {
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
pub fn try_scope<'env, B, F, T, E>(body: B) -> TryScopeFuture<'env, B, F, T, E, Inline>
where
    B: FnOnce(Scope<'env, E>) -> F,
    F: Future,
    F::Output: TryBody<E, Value = T>,
{
    GroupOptions::new().inline().try_scope(body)
}

/// Makes several calls at once, inside the task that awaits them, and gives their values in call order.
///
/// [`gather`](crate::gather()) as an [`inline::scope`](crate::inline::scope): the calls may borrow, run at the same time but
/// not in parallel, and need no spawner.
///
/// # Cancel safety
///
/// Dropping the future drops the calls on the spot.
///
/// # Panics
///
/// The panic of a call cancels the others and goes on from here.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline};
///
/// let words = vec![String::from("one"), String::from("three")];
/// let lengths = block_on(inline::gather(words.iter().map(|word| || async { word.len() })));
/// assert_eq!(lengths, [3, 5]);
/// ```
#[track_caller]
pub fn gather<'env, S, C>(calls: C) -> Gather<'env, C::Ready, C::Wait, Inline>
where
    C: Calls<'env, S, Values, Inline, Error = Infallible>,
{
    GroupOptions::new().inline().gather(calls)
}

/// Makes several calls at once that can fail, inside the task that awaits them.
///
/// [`try_gather`](crate::try_gather) as a [`inline::try_scope`](crate::inline::try_scope).
///
/// # Errors
///
/// Everything that failed, the cause first.
///
/// # Panics
///
/// As for [`gather`].
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline};
///
/// let texts = ["1", "two"];
/// let error = block_on(inline::try_gather(
///     texts.iter().map(|text| move || async move { text.parse::<u32>() }),
/// ));
/// assert_eq!(error.unwrap_err().len(), 1);
/// ```
#[track_caller]
pub fn try_gather<'env, S, C>(calls: C) -> TryGather<'env, C::Ready, C::Error, C::Wait, Inline>
where
    C: Calls<'env, S, Trying, Inline>,
{
    GroupOptions::new().inline().try_gather(calls)
}

/// Makes several calls at once that can fail, inside the task that awaits them, and gives the [`Outcome`](crate::Outcome) of each.
///
/// [`gather_settled`](crate::gather_settled) as an [`inline::scope`](crate::inline::scope).
///
/// # Examples
///
/// ```
/// use ingather::{Outcome, block_on, inline};
///
/// let texts = ["1", "two"];
/// let calls = texts.iter().map(|text| move || async move { text.parse::<u32>() });
/// let outcomes = block_on(inline::gather_settled(calls));
/// assert!(matches!(outcomes[..], [Outcome::Ok(1), Outcome::Err(_)]));
/// ```
#[track_caller]
pub fn gather_settled<'env, S, C>(calls: C) -> Gather<'env, C::Ready, C::Wait, Inline>
where
    C: Calls<'env, S, Settling, Inline, Error = Infallible>,
{
    GroupOptions::new().inline().gather_settled(calls)
}

/// [`race`](crate::race) inside the task that awaits it: the calls may borrow, and need no spawner.
///
/// # Cancel safety
///
/// Dropping the future drops the calls on the spot.
///
/// # Panics
///
/// As for [`race`](crate::race), but that it needs no spawner.
///
/// # Examples
///
/// ```
/// use std::future::{pending, ready};
/// use ingather::{block_on, inline};
///
/// let name = String::from("near");
/// let first = block_on(inline::race((|| ready(name.as_str()), || pending())));
/// assert_eq!(first, "near");
/// ```
#[track_caller]
pub fn race<'env, S, T, C>(calls: C) -> Race<'env, C::Ready, T, Inline>
where
    C: CallsOf<'env, S, T, Inline>,
{
    GroupOptions::new().inline().race(calls)
}

/// [`first_ok`](crate::first_ok) inside the task that awaits it: the calls may borrow, and need no spawner.
///
/// # Cancel safety
///
/// Dropping the future drops the calls on the spot. Errors of calls that had failed by then go to the unhandled hook.
///
/// # Panics
///
/// As for [`first_ok`](crate::first_ok), but that it needs no spawner.
///
/// # Errors
///
/// As for [`first_ok`](crate::first_ok).
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline};
///
/// let texts = [String::from("two"), String::from("2")];
/// let number = block_on(inline::first_ok(
///     texts.iter().map(|text| move || async move { text.parse::<u32>() }),
/// ));
/// assert_eq!(number.unwrap(), 2);
/// ```
#[track_caller]
pub fn first_ok<'env, S, T, E, C>(calls: C) -> FirstOk<'env, C::Ready, T, E, Inline>
where
    C: CallsOf<'env, S, Result<T, E>, Inline>,
{
    GroupOptions::new().inline().first_ok(calls)
}

/// [`quorum`](crate::quorum) inside the task that awaits it: the calls may borrow, and need no spawner.
///
/// # Cancel safety
///
/// As for [`first_ok`].
///
/// # Panics
///
/// As for [`quorum`](crate::quorum), but that it needs no spawner.
///
/// # Errors
///
/// As for [`quorum`](crate::quorum).
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline};
///
/// let replicas = [String::from("a"), String::from("b"), String::new()];
/// let calls = replicas.iter().map(|name| move || async move {
///     if name.is_empty() { Err("no such replica") } else { Ok(name.as_str()) }
/// });
/// assert_eq!(block_on(inline::quorum(2, calls)).unwrap(), [(0, "a"), (1, "b")]);
/// ```
#[track_caller]
pub fn quorum<'env, S, T, E, C>(needed: usize, calls: C) -> Quorum<'env, C::Ready, T, E, Inline>
where
    C: CallsOf<'env, S, Result<T, E>, Inline>,
{
    GroupOptions::new().inline().quorum(needed, calls)
}

/// [`join_with`](crate::joiner::join_with) inside the task that awaits it: the calls may borrow, run at the same time but not in
/// parallel, and need no spawner.
///
/// # Cancel safety
///
/// Dropping the future drops the calls on the spot.
///
/// # Panics
///
/// As for [`join_with`](crate::joiner::join_with), but that it needs no spawner.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline, joiner::All};
///
/// let texts = [String::from("1"), String::from("2")];
/// let calls = texts.iter().map(|text| move || async move { text.parse::<u32>() });
/// assert_eq!(block_on(inline::join_with(All::new(), calls)).unwrap(), [1, 2]);
/// ```
#[track_caller]
pub fn join_with<'env, S, T, E, J, C>(
    joiner: J,
    calls: C,
) -> JoinWith<'env, C::Ready, J, T, E, Inline>
where
    J: Joiner<T, E>,
    C: CallsOf<'env, S, Result<T, E>, Inline>,
{
    GroupOptions::new().inline().join_with(joiner, calls)
}
