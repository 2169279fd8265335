//! Scopes and calls inside the task that awaits them, for children that need not be [`Send`].
//!
//! [`inline`](crate::inline) for whatever stays on one thread. With options: `GroupOptions::new().inline_local()`.
//!
//! # Examples
//!
//! ```
//! use std::cell::Cell;
//! use std::rc::Rc;
//!
//! use ingather::{GroupOptions, block_on, inline};
//!
//! let sum = Rc::new(Cell::new(0));
//! let add = |n| {
//!     let sum = Rc::clone(&sum);
//!     move || async move { sum.set(sum.get() + n) }
//! };
//! block_on(inline::local::gather((1..=4).map(add)));
//! assert_eq!(sum.get(), 10);
//!
//! let both = GroupOptions::new().inline_local().gather((|| async { sum.get() }, || async { 2 }));
//! assert_eq!(block_on(both), (10, 2));
//! ```

use std::convert::Infallible;
use std::future::Future;

use crate::gather::race::joiner::Joiner;
use crate::gather::race::{CallsOf, FirstOk, JoinWith, Quorum, Race};
use crate::gather::{Calls, Gather, Settling, TryGather, Trying, Values};
use crate::group::{self, GroupOptions, InlineLocal};
use crate::scope::{ScopeFuture, TryBody, TryScopeFuture, Value};

/// The handle on a group whose children run inside the task that awaits the scope, may borrow for `'env`, and need not be [`Send`];
/// see [`scope`].
pub type Scope<'env, E = Infallible> = group::Scope<'env, E, InlineLocal>;

/// [`inline::scope`](crate::inline::scope), for children that need not be [`Send`].
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use ingather::{block_on, inline};
///
/// let sum = Cell::new(0);
/// block_on(inline::local::scope(|tg| {
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
pub fn scope<'env, B, F>(body: B) -> ScopeFuture<'env, B, F, Value<InlineLocal>>
where
    B: FnOnce(Scope<'env>) -> F,
    F: Future,
{
    GroupOptions::new().inline_local().scope(body)
}

/// [`inline::try_scope`](crate::inline::try_scope) for children that need not be [`Send`].
///
/// # Errors
///
/// As for [`inline::try_scope`](crate::inline::try_scope).
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// use ingather::{block_on, inline};
///
/// let total = Cell::new(0);
/// let result = block_on(inline::local::try_scope(|tg| {
///     let total = &total;
///     async move {
///         for text in ["1", "2", "x"] {
///             tg.try_spawn(async move { text.parse().map(|n: i32| total.set(total.get() + n)) });
///         }
///         Ok(())
///     }
/// }));
/// assert!(result.is_err());
/// assert_eq!(total.get(), 3);
/// ```
#[track_caller]
pub fn try_scope<'env, B, F, T, E>(body: B) -> TryScopeFuture<'env, B, F, T, E, InlineLocal>
where
    B: FnOnce(Scope<'env, E>) -> F,
    F: Future,
    F::Output: TryBody<E, Value = T>,
{
    GroupOptions::new().inline_local().try_scope(body)
}

/// [`inline::gather`](crate::inline::gather), for calls that need not be [`Send`].
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use ingather::{block_on, inline};
///
/// let shared = Rc::new(2);
/// let (a, b) = block_on(inline::local::gather((
///     || async { *shared + 1 },
///     || async { Rc::strong_count(&shared) },
/// )));
/// assert_eq!((a, b), (3, 1));
/// ```
#[track_caller]
pub fn gather<'env, S, C>(calls: C) -> Gather<'env, C::Ready, C::Wait, InlineLocal>
where
    C: Calls<'env, S, Values, InlineLocal, Error = Infallible>,
{
    GroupOptions::new().inline_local().gather(calls)
}

/// [`inline::try_gather`](crate::inline::try_gather) for children that need not be [`Send`].
///
/// # Errors
///
/// As for [`inline::try_gather`](crate::inline::try_gather).
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use ingather::{block_on, inline};
///
/// let limit = Rc::new(10);
/// let check = |n: u32| {
///     let limit = Rc::clone(&limit);
///     move || async move { if n < *limit { Ok(n) } else { Err("too large") } }
/// };
/// assert_eq!(block_on(inline::local::try_gather([1, 2].map(check))).ok(), Some(vec![1, 2]));
/// assert!(block_on(inline::local::try_gather([1, 20].map(check))).is_err());
/// ```
#[track_caller]
pub fn try_gather<'env, S, C>(calls: C) -> TryGather<'env, C::Ready, C::Error, C::Wait, InlineLocal>
where
    C: Calls<'env, S, Trying, InlineLocal>,
{
    GroupOptions::new().inline_local().try_gather(calls)
}

/// [`inline::gather_settled`](crate::inline::gather_settled) for children that need not be [`Send`].
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// use ingather::{Outcome, block_on, inline};
///
/// let asked = Cell::new(0);
/// let outcomes = block_on(inline::local::gather_settled(["7", "seven"].map(|text| {
///     let asked = &asked;
///     move || async move {
///         asked.set(asked.get() + 1);
///         text.parse::<u8>()
///     }
/// })));
/// assert!(matches!(outcomes[..], [Outcome::Ok(7), Outcome::Err(_)]));
/// assert_eq!(asked.get(), 2);
/// ```
#[track_caller]
pub fn gather_settled<'env, S, C>(calls: C) -> Gather<'env, C::Ready, C::Wait, InlineLocal>
where
    C: Calls<'env, S, Settling, InlineLocal, Error = Infallible>,
{
    GroupOptions::new().inline_local().gather_settled(calls)
}

/// [`inline::race`](crate::inline::race) for children that need not be [`Send`].
///
/// # Panics
///
/// As for [`inline::race`](crate::inline::race).
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use std::rc::Rc;
///
/// use ingather::{block_on, inline};
///
/// let cached = Rc::new("cached");
/// let first = block_on(inline::local::race((|| async { *cached }, || pending())));
/// assert_eq!(first, "cached");
/// ```
#[track_caller]
pub fn race<'env, S, T, C>(calls: C) -> Race<'env, C::Ready, T, InlineLocal>
where
    C: CallsOf<'env, S, T, InlineLocal>,
{
    GroupOptions::new().inline_local().race(calls)
}

/// [`inline::first_ok`](crate::inline::first_ok) for children that need not be [`Send`].
///
/// # Panics
///
/// As for [`inline::first_ok`](crate::inline::first_ok).
///
/// # Errors
///
/// As for [`inline::first_ok`](crate::inline::first_ok).
///
/// # Examples
///
/// ```
/// use std::cell::RefCell;
///
/// use ingather::{block_on, inline};
///
/// let tried = RefCell::new(Vec::new());
/// let open = |port| {
///     let tried = &tried;
///     move || async move {
///         tried.borrow_mut().push(port);
///         if port == 8081 { Ok(port) } else { Err("in use") }
///     }
/// };
/// assert_eq!(block_on(inline::local::first_ok([8080, 8081].map(open))).ok(), Some(8081));
/// assert_eq!(*tried.borrow(), [8080, 8081]);
/// ```
#[track_caller]
pub fn first_ok<'env, S, T, E, C>(calls: C) -> FirstOk<'env, C::Ready, T, E, InlineLocal>
where
    C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
{
    GroupOptions::new().inline_local().first_ok(calls)
}

/// [`inline::quorum`](crate::inline::quorum) for children that need not be [`Send`].
///
/// # Panics
///
/// As for [`inline::quorum`](crate::inline::quorum).
///
/// # Errors
///
/// As for [`inline::quorum`](crate::inline::quorum).
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// use ingather::{block_on, inline};
///
/// let written = Cell::new(0);
/// let write = |disk: &'static str| {
///     let written = &written;
///     move || async move {
///         if disk == "full" {
///             return Err(disk);
///         }
///         written.set(written.get() + 1);
///         Ok(disk)
///     }
/// };
/// let two = block_on(inline::local::quorum(2, ["a", "full", "b"].map(write)));
/// assert_eq!(two.ok(), Some(vec![(0, "a"), (2, "b")]));
/// assert_eq!(written.get(), 2);
/// ```
#[track_caller]
pub fn quorum<'env, S, T, E, C>(
    needed: usize,
    calls: C,
) -> Quorum<'env, C::Ready, T, E, InlineLocal>
where
    C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
{
    GroupOptions::new().inline_local().quorum(needed, calls)
}

/// [`inline::join_with`](crate::inline::join_with) for children that need not be [`Send`].
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use ingather::joiner::All;
/// use ingather::{block_on, inline};
///
/// let base = Rc::new(10);
/// let digits = ["1", "z"].map(|text| {
///     let base = Rc::clone(&base);
///     move || async move { u32::from_str_radix(text, *base) }
/// });
/// assert!(block_on(inline::local::join_with(All::new(), digits)).is_err());
/// ```
#[track_caller]
pub fn join_with<'env, S, T, E, J, C>(
    joiner: J,
    calls: C,
) -> JoinWith<'env, C::Ready, J, T, E, InlineLocal>
where
    J: Joiner<T, E>,
    C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
{
    GroupOptions::new().inline_local().join_with(joiner, calls)
}
