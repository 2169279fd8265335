//! Gather and its relatives: several calls at once, their results in call order or made by a joiner.
//!
//! - `calls`: what can be gathered: a `Vec`, an array or an iterator of callables, or a tuple of them
//! - `call_list`: the same of different types that give the same: `calls!`
//! - `each`: callables in whatever they came, handed on in their order
//! - `body`: the scope behind a gather
//! - `form`: what it gives, and a join
//! - `mode`: what each call gives: its value, its value or error, or its outcome
//! - `in_order`: waits for keys in the order of the calls
//! - `in_place`: polls the calls where they lie, for as long as nobody needs a group
//! - `optional`: calls that are there for the sake of the others
//! - `options`: gather from [`GroupOptions`](crate::GroupOptions)
//! - `site`: where the calls were made, and what becomes of ends that nobody receives
//! - `tuples`: the tuples that can be gathered
//! - `race`: joining, and the first of several calls
//! - `map`: many items at a bounded pace

mod body;
mod call_list;
mod calls;
mod each;
mod form;
mod in_order;
mod in_place;
mod map;
mod mode;
mod optional;
mod options;
pub(crate) mod race;
mod site;
mod tuples;

use std::convert::Infallible;

pub use body::{Gather, Start, TryGather, TryStart, TryWhole, Whole};
pub use call_list::CallList;
pub use calls::Calls;
pub use form::{Gathered, TryGathered};
pub use map::{
    Items, MapConcurrent, MapConcurrentUnordered, MapStream, TryMapConcurrent,
    TryMapConcurrentUnordered, map_concurrent, try_map_concurrent,
};
pub use mode::{Settling, Trying, Values};
pub use optional::{Optional, TryOptional, optional, try_optional};
pub use race::{
    CallsOf, FirstOk, JoinWith, Joined, Joining, Quorum, Race, StartJoin, first_ok, joiner, quorum,
    race,
};

use crate::group::{GroupOptions, Shared};

/// Makes several calls at once and gives their values in call order.
///
/// Where the compiler says E0308, "expected future, found a different future", inside of a `vec!`: its elements are calls of two
/// functions, and a `Vec` has one type. Write `gather(calls![f1(), f2()])`, see [`calls!`](crate::calls); or a tuple,
/// `gather((|| f1(), || f2()))`, which keeps the type of each result. (A `vec!` that takes it as it stands is in
/// [`literal`](crate::literal).)
///
/// The calls are callables that give futures: a `Vec`, an array or an iterator of them gives a `Vec` of values; a tuple of
/// up to twelve gives a tuple and keeps each type. They run as children of a [`scope`](crate::scope()) on the
/// [current spawner](crate::spawner::current_spawner); zero calls give an empty result.
///
/// The name and the callables are Prefect's `gather`; `asyncio.gather` takes futures. Unlike `asyncio.gather` it leaves no
/// call running when one of them panics.
///
/// A `Vec` has one type of callable: closures without captures over the same function do, `vec![|| f(1), || f(2)]`.
///
/// # Cancel safety
///
/// Dropping the future cancels the calls, as for [`scope`](crate::scope()).
///
/// # Panics
///
/// The panic of a call cancels the others and goes on from here once all are over. Panics too if there is no current
/// spawner. An iterator is exhausted at once, and its panic is this function's.
///
/// There is no value to give if a call was cancelled alone, by its own [token](crate::current_token) for example, or if the
/// spawner dropped the calls. Then the child in which this is awaited is cancelled, for a reason of the kind
/// [`NoValue`](crate::cancel::CancelKind::NoValue), or the body of the nearest scope that can fail is dropped and its scope fails. If
/// there is neither around it, it panics. [`try_gather`] gives an error instead, and [`gather_settled`] an outcome.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, gather};
///
/// async fn f(n: u64) -> u64 { n * n }
/// async fn count() -> usize { 3 }
/// async fn name() -> String { "three".into() }
///
/// # block_on(async {
/// let squares = gather(vec![|| f(1), || f(2)]).await; // Vec<T>; arrays and iterators too
/// assert_eq!(squares, [1, 4]);
///
/// let (n, s) = gather((|| count(), || name())).await; // a tuple keeps each type
/// assert_eq!((n, s.as_str()), (3, "three"));
///
/// let many = gather((0..100).map(|n| move || f(n))).await;
/// assert_eq!(many[99], 99 * 99);
/// # });
/// ```
#[track_caller]
pub fn gather<S, C>(calls: C) -> Gather<'static, C::Ready, C::Wait, Shared>
where
    C: Calls<'static, S, Values, Error = Infallible>,
{
    GroupOptions::new().gather(calls)
}

/// Makes several calls at once that can fail, and gives their values in call order if all succeed.
///
/// The first error cancels the other calls, waits for them, and everything that failed comes out in one
/// [`GroupError`](crate::GroupError); against `asyncio.gather`, which gives the first error and lets the others run on. For the rest see
/// [`gather`].
///
/// # Errors
///
/// Everything that failed, the cause first. A call that was cancelled alone is one of the failures. Also if the calls were cut
/// short, by a deadline or because the spawner dropped them: see [`GroupError::cut_short`](crate::GroupError::cut_short).
///
/// # Panics
///
/// As for [`gather`], except that what leaves it without a value is an error.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_gather};
///
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> { text.parse() }
///
/// # block_on(async {
/// let numbers = try_gather([|| parse("1"), || parse("2")]).await;
/// assert_eq!(numbers.unwrap(), [1, 2]);
///
/// let error = try_gather([|| parse("1"), || parse("two")]).await.unwrap_err();
/// assert_eq!(error.len(), 1);
/// # });
/// ```
#[track_caller]
pub fn try_gather<S, C>(calls: C) -> TryGather<'static, C::Ready, C::Error, C::Wait, Shared>
where
    C: Calls<'static, S, Trying>,
{
    GroupOptions::new().try_gather(calls)
}

/// Makes several calls at once that can fail, lets all of them finish, and gives the [`Outcome`](crate::Outcome) of each in
/// call order.
///
/// Neither an error nor a panic touches the other calls. A call that was cut short is
/// [`Outcome::Cancelled`](crate::Outcome::Cancelled). Dropped before it was ready, it sends the errors and panics that it has to the
/// [unhandled hook](crate::error::set_unhandled_hook). The name is JavaScript's `Promise.allSettled`. For the rest see
/// [`gather`].
///
/// # Panics
///
/// If there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::{Outcome, block_on, gather_settled};
///
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> { text.parse() }
///
/// # block_on(async {
/// let outcomes = gather_settled([|| parse("1"), || parse("two")]).await;
/// assert!(matches!(outcomes[..], [Outcome::Ok(1), Outcome::Err(_)]));
/// # });
/// ```
#[track_caller]
pub fn gather_settled<S, C>(calls: C) -> Gather<'static, C::Ready, C::Wait, Shared>
where
    C: Calls<'static, S, Settling, Error = Infallible>,
{
    GroupOptions::new().gather_settled(calls)
}
