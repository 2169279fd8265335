//! Joiners: what the results of several calls are made into, and when the rest is not needed any more.
//!
//! A [`Joiner`] is notified of each call and of each end, says when the calls that are left can be cancelled, and makes the
//! result. [`join_with`](crate::joiner::join_with) runs calls under one. The joiners here are the usual ones, those behind
//! [`race`](crate::race), [`first_ok`](crate::first_ok) and [`quorum`](crate::quorum); your own is a type with one or two
//! methods.
//!
//! The idea and the name are those of Java's `StructuredTaskScope.Joiner` (JEP 505): its `onFork`, `onComplete` and
//! `result` are `started`, `completed` and `finish` here. Against it `completed` gets the outcome by value, and is called
//! by the task that awaits the result and never by two threads at once, so that a joiner needs no locks.
//!
//! - `call`: what a joiner gets to know of one call
//! - `failed`: the failures of calls, until somebody receives them
//! - `all`, `settled`, `first`, `quorum`: the usual joiners
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use ingather::clock::sleep;
//! use ingather::joiner::{FirstOk, join_with};
//! use ingather::block_on;
//!
//! let mirrors = [("far", 60_000), ("near", 0)].map(|(name, distance)| move || async move {
//!     sleep(Duration::from_millis(distance)).await;
//!     Ok::<_, std::io::Error>(name)
//! });
//! assert_eq!(block_on(join_with(FirstOk::new(), mirrors)).ok(), Some("near"));
//! ```

mod all;
mod call;
mod failed;
mod first;
mod quorum;
mod settled;

pub use all::All;
pub use call::CallInfo;
pub(super) use first::Winner;
pub use first::{FirstOk, FirstOver};
pub use quorum::Quorum;
pub(super) use quorum::too_few;
pub use settled::Settled;

pub use super::functions::join_with;
use crate::error::Outcome;

/// Whether the calls that are left are still needed: what a [`Joiner`] answers.
///
/// # Examples
///
/// ```
/// use ingather::Outcome;
/// use ingather::block_on;
/// use ingather::joiner::{CallInfo, Joiner, Verdict, join_with};
///
/// /// How many calls it took until one gave an even number.
/// struct Tries(usize);
///
/// impl<E> Joiner<u32, E> for Tries {
///     type Output = usize;
///
///     fn completed(&mut self, _call: CallInfo<'_>, outcome: Outcome<u32, E>) -> Verdict {
///         self.0 += 1;
///         match outcome {
///             Outcome::Ok(n) if n % 2 == 0 => Verdict::Cancel,
///             _ => Verdict::Continue,
///         }
///     }
///
///     fn finish(self) -> usize {
///         self.0
///     }
/// }
///
/// let calls = [1, 4, 5].map(|n| move || async move { Ok::<_, String>(n) });
/// assert!(block_on(join_with(Tries(0), calls)) >= 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// They go on.
    Continue,
    /// They are cancelled, as [`NotNeeded`](crate::cancel::CancelKind::NotNeeded).
    Cancel,
}

/// A way to join several calls: it sees how each one ends, and makes the result.
///
/// The rules, for `n` calls:
///
/// 1. `started` is called `n` times, in call order; then `completed` once for each call, in the order in which they end;
///    then `finish`, when every call is over and its future has been dropped.
/// 2. That is so after [`Verdict::Cancel`] too: the calls that are cancelled complete with [`Outcome::Cancelled`], and
///    those that were quicker with what they gave. So whatever a call gives, the joiner gets it.
/// 3. All methods are called by the task that awaits the result. A joiner that panics cancels the calls; its panic goes on
///    when they are over.
/// 4. The panic of a call is resumed: the joiner is dropped without being notified of anything more. Under
///    [`OnPanic::Collect`](crate::OnPanic::Collect) it is notified of it as [`Outcome::Panicked`] like any other end.
///    (A joiner of your own that drops errors or panics has decided so; those of this crate send what they
///    can no longer give to the unhandled hook.)
///
/// # Examples
///
/// The first error wins, as `asyncio.wait(return_when=FIRST_EXCEPTION)` has it, and values are counted:
///
/// ```
/// use ingather::joiner::{CallInfo, Joiner, Verdict, join_with};
/// use ingather::{Outcome, block_on};
///
/// #[derive(Default)]
/// struct Check<E> { passed: usize, failed: Option<(usize, E)> }
///
/// impl<T, E> Joiner<T, E> for Check<E> {
///     type Output = Result<usize, (usize, E)>;
///
///     fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
///         match outcome {
///             Outcome::Ok(_) => self.passed += 1,
///             Outcome::Err(error) if self.failed.is_none() => {
///                 self.failed = Some((call.index(), error));
///                 return Verdict::Cancel;
///             }
///             _ => {}
///         }
///         Verdict::Continue
///     }
///
///     fn finish(self) -> Self::Output {
///         self.failed.map_or(Ok(self.passed), Err)
///     }
/// }
///
/// async fn check(n: u32) -> Result<(), String> {
///     if n == 3 { Err(format!("{n} is odd")) } else { Ok(()) }
/// }
///
/// let verdict = block_on(join_with(Check { passed: 0, failed: None }, [2, 4, 6].map(|n| move || check(n))));
/// assert_eq!(verdict, Ok(3));
/// let verdict = block_on(join_with(Check { passed: 0, failed: None }, [2, 3].map(|n| move || check(n))));
/// assert_eq!(verdict, Err((1, "3 is odd".to_owned())));
/// ```
pub trait Joiner<T, E> {
    /// What the calls are made into.
    type Output;

    /// A call is about to be started. Above a [limit](crate::GroupOptions::limit) it waits in line first.
    ///
    /// After [`Verdict::Cancel`] this call and those behind it are dropped unpolled, and complete as cancelled.
    fn started(&mut self, call: CallInfo<'_>) -> Verdict {
        let _ = call;
        Verdict::Continue
    }

    /// A call is over: its future has been dropped, and this is what it gave.
    ///
    /// The answer matters until one is [`Verdict::Cancel`].
    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict;

    /// All calls are over: makes the result.
    fn finish(self) -> Self::Output;
}
