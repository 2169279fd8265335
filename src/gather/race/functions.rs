//! Several calls under a joiner, and the first, the first value, or so many values of them.

use super::calls_of::CallsOf;
use super::join::{FirstOk, JoinWith, Quorum, Race};
use super::joiner::Joiner;
use crate::group::{GroupOptions, Shared};

/// Makes several calls at once under a [`Joiner`], which says when the rest is not needed, and makes the result.
///
/// The calls are callables that give futures of a `Result`, all of one type: a `Vec`, an array, an iterator or a tuple of up
/// to twelve. They run as children of a [`scope`](crate::scope()) on the [current spawner](crate::spawner::current_spawner), and
/// every call is over, its future dropped, before the result is given. Zero calls go to the joiner's
/// [`finish`](Joiner::finish) at once.
///
/// The usual ways to join have functions of their own: [`try_gather`](crate::try_gather),
/// [`gather_settled`](crate::gather_settled), [`race`], [`first_ok`], [`quorum`].
///
/// # Cancel safety
///
/// Dropping the future cancels the calls, as for [`scope`](crate::scope()). Errors that the joiner was not notified of go to
/// the unhandled hook.
///
/// # Panics
///
/// The panic of a call cancels the others and goes on from here once all are over; under
/// [`OnPanic::Collect`](crate::OnPanic::Collect) the joiner is notified of it instead. So does a panic of the joiner. Panics too
/// if there is no current spawner. [`OnError`](crate::OnError) has no meaning here, for the joiner decides.
///
/// # Examples
///
/// ```
/// use ingather::joiner::{Quorum, join_with};
/// use ingather::block_on;
///
/// async fn write(replica: u32) -> Result<u32, &'static str> {
///     if replica == 0 { Err("down") } else { Ok(replica) }
/// }
///
/// # block_on(async {
/// let written = join_with(Quorum::new(2), [0, 1, 2].map(|n| move || write(n))).await;
/// assert_eq!(written.unwrap().len(), 2);
/// # });
/// ```
#[track_caller]
pub fn join_with<S, T, E, J, C>(joiner: J, calls: C) -> JoinWith<'static, C::Ready, J, T, E, Shared>
where
    J: Joiner<T, E>,
    C: CallsOf<'static, S, Result<T, E>>,
{
    GroupOptions::new().join_with(joiner, calls)
}

/// Makes several calls at once and gives what the first one gives that is over; the others are cancelled and waited for.
///
/// Whatever it is: a call that gives a `Result` wins with an error too. For the first value see [`first_ok`], which is what
/// most races want. The name is JavaScript's `Promise.race`, which lets the losers run on.
///
/// The calls are callables that give futures of one type, as for [`join_with`]. What a loser gives that is over at the same
/// time is dropped, since only one counts. Losers are dropped at their next suspension, and the race waits for that: a
/// loser that computes without suspending holds it up. One that comes behind the winner may be dropped unpolled.
///
/// # Cancel safety
///
/// Dropping the future cancels the calls, as for [`scope`](crate::scope()).
///
/// # Panics
///
/// If there are no calls, as [`select_all`](futures::future::select_all) does: nobody could win. The panic of a call,
/// a loser's in its destructor among them, cancels the others and goes on from here once all are over. Panics too if there
/// is no current spawner.
///
/// If every call was cancelled, each alone or by a spawner that dropped it, there is no value to give: what awaits this ends
/// then, as for [`gather`](crate::gather()).
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use ingather::{block_on, race};
///
/// async fn answer(mirror: &'static str) -> &'static str {
///     if mirror == "near" { mirror } else { pending().await }
/// }
///
/// # block_on(async {
/// let mirror = race([|| answer("far"), || answer("near")]).await;
/// assert_eq!(mirror, "near"); // and the other call is over
/// # });
/// ```
#[track_caller]
pub fn race<S, T, C>(calls: C) -> Race<'static, C::Ready, T, Shared>
where
    C: CallsOf<'static, S, T>,
{
    GroupOptions::new().race(calls)
}

/// Makes several calls at once and gives the first value; the others are cancelled and waited for.
///
/// An error counts only if no call gives a value: then all of them come out together. It is JavaScript's `Promise.any`
/// and `select_ok` of [`futures`](futures::future::select_ok), and waits for the losers, which they do not. For the first
/// result, value or error, see [`race`].
///
/// The calls are as for [`join_with`]. Once there is a value, errors and further values are dropped, since only one counts.
///
/// # Cancel safety
///
/// Dropping the future cancels the calls, as for [`scope`](crate::scope()). Errors of calls that had failed by then go to
/// the unhandled hook.
///
/// # Panics
///
/// If there are no calls: there is no value, and no error to give in its place. The panic of a call, a loser's in its
/// destructor among them, cancels the others and goes on from here once all are over. Panics too if there is no current
/// spawner.
///
/// # Errors
///
/// What every call failed with, in the order in which it happened, each with the index of its call. If none failed and all
/// were cancelled, since their spawner dropped them, the reason.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, first_ok};
///
/// async fn fetch(mirror: u32) -> Result<u32, String> {
///     if mirror == 2 { Ok(mirror) } else { Err(format!("mirror {mirror} is down")) }
/// }
///
/// # block_on(async {
/// assert_eq!(first_ok([0, 1, 2].map(|n| move || fetch(n))).await.unwrap(), 2);
///
/// let error = first_ok([|| fetch(0), || fetch(1)]).await.unwrap_err();
/// assert_eq!(error.len(), 2);
/// # });
/// ```
#[track_caller]
pub fn first_ok<S, T, E, C>(calls: C) -> FirstOk<'static, C::Ready, T, E, Shared>
where
    C: CallsOf<'static, S, Result<T, E>>,
{
    GroupOptions::new().first_ok(calls)
}

/// Makes several calls at once and gives the first `needed` values, each with the index of its call, in the order in which
/// they came; the others are cancelled and waited for.
///
/// For writes to replicas and the like. It gives up as soon as so many values cannot be reached any more, and cancels the
/// rest then too. `quorum(1, …)` is [`first_ok`] with an index; for all values see [`try_gather`](crate::try_gather).
///
/// The calls are as for [`join_with`]. `quorum(0, …)` polls none of them. Once there are enough values, errors and further
/// values are dropped.
///
/// # Cancel safety
///
/// As for [`first_ok`].
///
/// # Panics
///
/// If there are fewer calls than values are needed: that is no failure of a call. For the rest as for [`first_ok`].
///
/// # Errors
///
/// What failed until it gave up, in the order in which it happened, each with the index of its call. The values that were
/// there are dropped.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, quorum};
///
/// async fn write(replica: u32) -> Result<&'static str, &'static str> {
///     if replica == 1 { Err("disk full") } else { Ok("written") }
/// }
///
/// # block_on(async {
/// let mut written = quorum(2, (0..3).map(|n| move || write(n))).await.unwrap();
/// written.sort();
/// assert_eq!(written, [(0, "written"), (2, "written")]);
///
/// let error = quorum(3, (0..3).map(|n| move || write(n))).await.unwrap_err();
/// assert_eq!(error.first().error(), Some(&"disk full"));
/// # });
/// ```
#[track_caller]
pub fn quorum<S, T, E, C>(needed: usize, calls: C) -> Quorum<'static, C::Ready, T, E, Shared>
where
    C: CallsOf<'static, S, Result<T, E>>,
{
    GroupOptions::new().quorum(needed, calls)
}
