//! Joins and races inside the task that awaits them: the calls may borrow.

use super::calls_of::CallsOf;
use super::join::{FirstOk, JoinWith, Quorum, Race};
use super::joiner::Joiner;
use crate::group::{GroupOptions, Inline, InlineLocal};

/// [`join_with`](crate::join_with) inside the task that awaits it: the calls may borrow, run at the same time but not in
/// parallel, and need no spawner.
///
/// # Cancel safety
///
/// Dropping the future drops the calls on the spot.
///
/// # Panics
///
/// As for [`join_with`](crate::join_with), but that it needs no spawner.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, inline_join_with, joiner::All};
///
/// let texts = [String::from("1"), String::from("2")];
/// let calls = texts.iter().map(|text| move || async move { text.parse::<u32>() });
/// assert_eq!(block_on(inline_join_with(All::new(), calls)).unwrap(), [1, 2]);
/// ```
#[track_caller]
pub fn inline_join_with<'env, S, T, E, J, C>(
    joiner: J,
    calls: C,
) -> JoinWith<'env, C::Ready, J, T, E, Inline>
where
    J: Joiner<T, E>,
    C: CallsOf<'env, S, Result<T, E>, Inline>,
{
    GroupOptions::new().inline_join_with(joiner, calls)
}

/// Like [`inline_join_with`], for calls that need not be [`Send`].
#[track_caller]
pub fn inline_join_with_local<'env, S, T, E, J, C>(
    joiner: J,
    calls: C,
) -> JoinWith<'env, C::Ready, J, T, E, InlineLocal>
where
    J: Joiner<T, E>,
    C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
{
    GroupOptions::new().inline_join_with_local(joiner, calls)
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
/// use ingather::{block_on, inline_race};
///
/// let name = String::from("near");
/// let first = block_on(inline_race((|| ready(name.as_str()), || pending())));
/// assert_eq!(first, "near");
/// ```
#[track_caller]
pub fn inline_race<'env, S, T, C>(calls: C) -> Race<'env, C::Ready, T, Inline>
where
    C: CallsOf<'env, S, T, Inline>,
{
    GroupOptions::new().inline_race(calls)
}

/// Like [`inline_race`], for calls that need not be [`Send`].
///
/// # Panics
///
/// As for [`inline_race`].
#[track_caller]
pub fn inline_race_local<'env, S, T, C>(calls: C) -> Race<'env, C::Ready, T, InlineLocal>
where
    C: CallsOf<'env, S, T, InlineLocal>,
{
    GroupOptions::new().inline_race_local(calls)
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
/// use ingather::{block_on, inline_first_ok};
///
/// let texts = [String::from("two"), String::from("2")];
/// let number = block_on(inline_first_ok(
///     texts.iter().map(|text| move || async move { text.parse::<u32>() }),
/// ));
/// assert_eq!(number.unwrap(), 2);
/// ```
#[track_caller]
pub fn inline_first_ok<'env, S, T, E, C>(calls: C) -> FirstOk<'env, C::Ready, T, E, Inline>
where
    C: CallsOf<'env, S, Result<T, E>, Inline>,
{
    GroupOptions::new().inline_first_ok(calls)
}

/// Like [`inline_first_ok`], for calls that need not be [`Send`].
///
/// # Panics
///
/// As for [`inline_first_ok`].
///
/// # Errors
///
/// As for [`inline_first_ok`].
#[track_caller]
pub fn inline_first_ok_local<'env, S, T, E, C>(
    calls: C,
) -> FirstOk<'env, C::Ready, T, E, InlineLocal>
where
    C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
{
    GroupOptions::new().inline_first_ok_local(calls)
}

/// [`quorum`](crate::quorum) inside the task that awaits it: the calls may borrow, and need no spawner.
///
/// # Cancel safety
///
/// As for [`inline_first_ok`].
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
/// use ingather::{block_on, inline_quorum};
///
/// let replicas = [String::from("a"), String::from("b"), String::new()];
/// let calls = replicas.iter().map(|name| move || async move {
///     if name.is_empty() { Err("no such replica") } else { Ok(name.as_str()) }
/// });
/// assert_eq!(block_on(inline_quorum(2, calls)).unwrap(), [(0, "a"), (1, "b")]);
/// ```
#[track_caller]
pub fn inline_quorum<'env, S, T, E, C>(
    needed: usize,
    calls: C,
) -> Quorum<'env, C::Ready, T, E, Inline>
where
    C: CallsOf<'env, S, Result<T, E>, Inline>,
{
    GroupOptions::new().inline_quorum(needed, calls)
}

/// Like [`inline_quorum`], for calls that need not be [`Send`].
///
/// # Panics
///
/// As for [`inline_quorum`].
///
/// # Errors
///
/// As for [`inline_quorum`].
#[track_caller]
pub fn inline_quorum_local<'env, S, T, E, C>(
    needed: usize,
    calls: C,
) -> Quorum<'env, C::Ready, T, E, InlineLocal>
where
    C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
{
    GroupOptions::new().inline_quorum_local(needed, calls)
}
