//! Gather inside the task that awaits it: the calls may borrow.

use std::convert::Infallible;

use super::body::{Gather, TryGather};
use super::calls::Calls;
use super::mode::{Trying, Values};
use crate::group::{GroupOptions, Inline, InlineLocal};

/// Makes several calls at once, inside the task that awaits them, and gives their values in call order.
///
/// [`gather`](crate::gather()) as an [`inline_scope`](crate::inline_scope): the calls may borrow, run at the same time but
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
/// use ingather::{block_on, inline_gather};
///
/// let words = vec![String::from("one"), String::from("three")];
/// let lengths = block_on(inline_gather(words.iter().map(|word| || async { word.len() })));
/// assert_eq!(lengths, [3, 5]);
/// ```
#[track_caller]
pub fn inline_gather<'env, S, C>(calls: C) -> Gather<'env, C::Ready, C::Wait, Inline>
where
    C: Calls<'env, S, Values, Inline, Error = Infallible>,
{
    GroupOptions::new().inline_gather(calls)
}

/// Makes several calls at once that can fail, inside the task that awaits them.
///
/// [`try_gather`](crate::try_gather) as a [`try_inline_scope`](crate::try_inline_scope).
///
/// # Errors
///
/// Everything that failed, the cause first.
///
/// # Panics
///
/// As for [`inline_gather`].
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_inline_gather};
///
/// let texts = ["1", "two"];
/// let error = block_on(try_inline_gather(
///     texts.iter().map(|text| move || async move { text.parse::<u32>() }),
/// ));
/// assert_eq!(error.unwrap_err().len(), 1);
/// ```
#[track_caller]
pub fn try_inline_gather<'env, S, C>(
    calls: C,
) -> TryGather<'env, C::Ready, C::Error, C::Wait, Inline>
where
    C: Calls<'env, S, Trying, Inline>,
{
    GroupOptions::new().try_inline_gather(calls)
}

/// Like [`inline_gather`], for calls that need not be [`Send`].
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use ingather::{block_on, inline_gather_local};
///
/// let shared = Rc::new(2);
/// let (a, b) = block_on(inline_gather_local((
///     || async { *shared + 1 },
///     || async { Rc::strong_count(&shared) },
/// )));
/// assert_eq!((a, b), (3, 1));
/// ```
#[track_caller]
pub fn inline_gather_local<'env, S, C>(calls: C) -> Gather<'env, C::Ready, C::Wait, InlineLocal>
where
    C: Calls<'env, S, Values, InlineLocal, Error = Infallible>,
{
    GroupOptions::new().inline_gather_local(calls)
}

/// Like [`try_inline_gather`], for calls that need not be [`Send`].
#[track_caller]
pub fn try_inline_gather_local<'env, S, C>(
    calls: C,
) -> TryGather<'env, C::Ready, C::Error, C::Wait, InlineLocal>
where
    C: Calls<'env, S, Trying, InlineLocal>,
{
    GroupOptions::new().try_inline_gather_local(calls)
}
