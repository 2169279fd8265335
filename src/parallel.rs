//! Scopes whose children borrow *and* run in parallel, while this thread waits for them.
//!
//! [`std::thread::scope`] for async children. With options: `GroupOptions::new().parallel()`, or [`on`] for a spawner.
//!
//! # Examples
//!
//! ```
//! use ingather::{parallel, GroupOptions};
//!
//! let words = ["one", "three"];
//! let lengths = GroupOptions::new().limit(1).parallel().scope(|tg| {
//!     let keys = words.map(|word| tg.spawn(async move { word.len() }));
//!     keys.map(|key| tg.wait(key).unwrap())
//! });
//! assert_eq!(lengths, [3, 5]);
//! assert_eq!(parallel::scope(|tg| tg.wait(tg.spawn(async { words.len() }))), Ok(2));
//! ```

use std::convert::Infallible;

use crate::error::GroupError;
use crate::group::{self, Blocking, GroupOptions};
use crate::scope::TryBody;
use crate::spawner::Spawner;

/// The handle on a group whose children run on a spawner while a thread waits for them, and may borrow for `'env`; see
/// [`parallel::scope`](scope).
pub type Scope<'env, E = Infallible> = group::Scope<'env, E, Blocking>;

/// The options of a parallel scope on a spawner.
///
/// # Examples
///
/// ```
/// use ingather::parallel;
/// use ingather::spawner::Embedded;
///
/// let text = String::from("borrowed");
/// let length = parallel::on(&Embedded).scope(|tg| tg.wait(tg.spawn(async { text.len() })));
/// assert_eq!(length, Ok(8));
/// ```
pub fn on<S: Spawner + Clone + 'static>(spawner: &S) -> GroupOptions<Blocking> {
    group::on(spawner).parallel()
}

/// Runs a body that can start children which borrow *and* run in parallel, and returns its value when every child is over.
///
/// | | borrows | parallel | awaitable | needs a spawner |
/// |---|---|---|---|---|
/// | [`scope`](crate::scope()) | no | yes | yes | yes |
/// | [`inline::scope`](crate::inline::scope) | yes | no | yes | no |
/// | **`parallel::scope`** | **yes** | **yes** | **no** | **yes** |
///
/// [`std::thread::scope`] for async children: they run on the [current spawner](crate::spawner::current_spawner), and this thread
/// polls them too while it waits, so that it works on a pool of one thread, and from inside that pool. An executor that
/// leaks, delays or drops jobs delays nothing, since this thread sees to all children that are not being polled elsewhere.
///
/// A child that needs a runtime's context, such as one with tokio's timers, needs it on this thread too: hold the guard of
/// `tokio::runtime::Handle::enter` around the scope.
///
/// The body is an ordinary closure. [`Scope::wait`](crate::Scope::wait) gives the result of a child inside it; keys that it
/// returns can be awaited afterwards.
///
/// # Panics
///
/// The panic of a child cancels its siblings and goes on from here when all are over; the body is not interrupted. So
/// does a panic of the body. Panics, before anything is spawned, where this thread must not be blocked because it
/// alone drives the runtime that children would wait for (see [`Spawner::may_block`]): await an
/// [`inline::scope`](crate::inline::scope) or a [`scope`](crate::scope()) there. Panics too if there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::parallel;
///
/// let numbers: Vec<u64> = (1..=1000).collect();
/// let (low, high) = numbers.split_at(500);
/// let sum = parallel::scope(|tg| {
///     let low = tg.spawn(async { low.iter().sum::<u64>() });
///     let high = tg.spawn(async { high.iter().sum::<u64>() });
///     tg.wait(low).unwrap() + tg.wait(high).unwrap()
/// });
/// assert_eq!(sum, 500_500);
/// ```
#[track_caller]
pub fn scope<'env, B, T>(body: B) -> T
where
    B: FnOnce(Scope<'env>) -> T,
{
    GroupOptions::new().parallel().scope(body)
}

/// Runs a body that can start children which borrow, run in parallel and can fail.
///
/// [`scope`] with the errors of [`try_scope`](crate::try_scope), except that the body is not interrupted.
///
/// # Errors
///
/// Everything that failed, the cause first.
///
/// # Panics
///
/// As for [`scope`].
///
/// # Examples
///
/// ```
/// use ingather::parallel;
///
/// let texts = ["1", "two", "3"];
/// let error = parallel::try_scope(|tg| {
///     for text in &texts {
///         tg.try_spawn(async move { text.parse::<u32>() });
///     }
///     Ok(())
/// })
/// .unwrap_err();
/// assert_eq!(error.len(), 1);
/// ```
#[track_caller]
pub fn try_scope<'env, B, R, E>(body: B) -> Result<R::Value, GroupError<E>>
where
    B: FnOnce(Scope<'env, E>) -> R,
    R: TryBody<E>,
{
    GroupOptions::new().parallel().try_scope(body)
}
