//! Blocking scopes: children that run on a spawner and may borrow, while the thread waits for them.
//!
//! What makes borrowing sound here is that `run` does not return, by whatever way, before every child is over and its
//! future dropped. The group's count says so: it is lowered after a child's future and value were dropped, and nothing
//! of the child's is touched by anybody afterwards. What runs in between is under an abort guard.

use std::panic::Location;
use std::sync::Arc;

use super::form::{Fallible, Form, OrCut, Value};
use crate::error::{CutShort, GroupError};
use crate::group::engine::position::{Position, enter};
use crate::group::{
    Blocking, BlockingScope, Cut, GroupOptions, Origin, Owner, Shared, State, Uncut,
};
use crate::panic::{AbortGuard, catch};
use crate::spawner::Spawner;

/// Runs a body that can start children which borrow *and* run in parallel, and returns its value when every child is over.
///
/// | | borrows | parallel | awaitable | needs a spawner |
/// |---|---|---|---|---|
/// | [`scope`](crate::scope()) | no | yes | yes | yes |
/// | [`inline_scope`](crate::inline_scope) | yes | no | yes | no |
/// | **`blocking_scope`** | **yes** | **yes** | **no** | **yes** |
///
/// [`std::thread::scope`] for async children: they run on the [current spawner](crate::current_spawner), and this thread
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
/// [`inline_scope`](crate::inline_scope) or a [`scope`](crate::scope()) there. Panics too if there is no current spawner.
///
/// # Examples
///
/// ```
/// use ingather::blocking_scope;
///
/// let numbers: Vec<u64> = (1..=1000).collect();
/// let (low, high) = numbers.split_at(500);
/// let sum = blocking_scope(|tg| {
///     let low = tg.spawn(async { low.iter().sum::<u64>() });
///     let high = tg.spawn(async { high.iter().sum::<u64>() });
///     tg.wait(low).unwrap() + tg.wait(high).unwrap()
/// });
/// assert_eq!(sum, 500_500);
/// ```
#[track_caller]
pub fn blocking_scope<'env, B, T>(body: B) -> T
where
    B: FnOnce(BlockingScope<'env>) -> T,
{
    GroupOptions::new().blocking_scope(body)
}

/// Like [`blocking_scope`], on a spawner.
#[track_caller]
pub fn blocking_scope_on<'env, S, B, T>(spawner: &S, body: B) -> T
where
    S: Spawner + Clone + 'static,
    B: FnOnce(BlockingScope<'env>) -> T,
{
    GroupOptions::new().on(spawner).blocking_scope(body)
}

/// Runs a body that can start children which borrow, run in parallel and can fail.
///
/// [`blocking_scope`] with the errors of [`try_scope`](crate::try_scope), except that the body is not interrupted.
///
/// # Errors
///
/// Everything that failed, the cause first.
///
/// # Panics
///
/// As for [`blocking_scope`].
///
/// # Examples
///
/// ```
/// use ingather::try_blocking_scope;
///
/// let texts = ["1", "two", "3"];
/// let error = try_blocking_scope(|tg| {
///     for text in &texts {
///         tg.try_spawn(async move { text.parse::<u32>() });
///     }
///     Ok(())
/// })
/// .unwrap_err();
/// assert_eq!(error.len(), 1);
/// ```
#[track_caller]
pub fn try_blocking_scope<'env, B, T, E>(body: B) -> Result<T, GroupError<E>>
where
    B: FnOnce(BlockingScope<'env, E>) -> Result<T, E>,
{
    GroupOptions::new().try_blocking_scope(body)
}

/// Like [`try_blocking_scope`], on a spawner.
///
/// # Errors
///
/// Everything that failed, the cause first.
#[track_caller]
pub fn try_blocking_scope_on<'env, S, B, T, E>(spawner: &S, body: B) -> Result<T, GroupError<E>>
where
    S: Spawner + Clone + 'static,
    B: FnOnce(BlockingScope<'env, E>) -> Result<T, E>,
{
    GroupOptions::new().on(spawner).try_blocking_scope(body)
}

impl<C: State> GroupOptions<Shared, C> {
    /// Runs a [`blocking_scope`] with these options. The body is not interrupted, so that options that move on give `Some`.
    ///
    /// # Panics
    ///
    /// As for [`blocking_scope`].
    #[track_caller]
    pub fn blocking_scope<'env, B, T>(self, body: B) -> C::Out<T>
    where
        C: Uncut,
        B: FnOnce(BlockingScope<'env>) -> T,
    {
        run::<_, _, Value<Blocking, C>>(Origin::blocking(self, Location::caller()), body)
    }

    /// Runs a [`try_blocking_scope`] with these options.
    ///
    /// # Errors
    ///
    /// Everything that failed, the cause first.
    ///
    /// # Panics
    ///
    /// As for [`blocking_scope`].
    #[track_caller]
    pub fn try_blocking_scope<'env, B, T, E>(self, body: B) -> Result<C::Out<T>, GroupError<E>>
    where
        B: FnOnce(BlockingScope<'env, E>) -> Result<T, E>,
    {
        run::<_, _, Fallible<Blocking, C>>(Origin::blocking(self, Location::caller()), body)
    }
}

impl GroupOptions<Shared, Cut> {
    /// Runs a [`blocking_scope`] whose children cannot fail, and can be cut short. The body is not interrupted.
    ///
    /// # Errors
    ///
    /// If the deadline cut children short, as for a [`try_blocking_scope`].
    ///
    /// # Panics
    ///
    /// As for [`blocking_scope`].
    #[track_caller]
    pub fn blocking_scope_or_cut<'env, B, T>(self, body: B) -> Result<T, CutShort>
    where
        B: FnOnce(BlockingScope<'env>) -> T,
    {
        run::<_, _, OrCut<Blocking>>(Origin::blocking(self, Location::caller()), body)
    }
}

fn run<'env, B, R, M>(origin: Origin<Blocking>, body: B) -> M::Output
where
    B: FnOnce(BlockingScope<'env, M::Error>) -> R,
    M: Form<R, Kind = Blocking>,
{
    let mut owner = Owner::open(origin.with_body());
    let guard = AbortGuard;
    owner.will_wait();
    let position = Position::Body(Arc::clone(owner.scope().core()));
    let output = enter(position, || catch(|| body(owner.scope().clone())));
    let output = output.map(M::settle);
    let core = owner.scope().core();
    let (value, failure) = match output {
        Ok(Ok(value)) => (Some(value), None),
        Ok(Err(error)) => (None, Some(core.body_failed(error))),
        Err(panic) => (None, Some(core.body_panicked(panic))),
    };
    let left = owner.wait();
    guard.defuse();
    let (failures, value) = owner.leave(left, failure).resume_panic(value);
    M::finish(value, failures)
}
