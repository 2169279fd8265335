//! `Key`: names one child and gives its result, with its type.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::{ChildInfo, GatherIncomplete, KeyId};
use crate::group::cell::{CellRef, ValueRef};
use crate::group::engine::position::child_around;
use crate::group::engine::told::tell;
use crate::token::CancelReason;
use crate::turn;

/// Names one child of a group and gives its result.
///
/// A key can be awaited: it gives the child's value as soon as the child is over, also before the group's end, or a
/// [`GatherIncomplete`] that says why there is none. (In the body of a `try_scope` that is cancelled, awaiting a key that has
/// no value is the suspension at which the body is dropped.) A child that awaits a sibling in line, in a group with a
/// [limit](crate::GroupOptions::limit), has that run in its own slot meanwhile. The same without waiting are [`Scope::get_result`] and
/// [`Scope::take_result`]. Awaiting `&mut key` leaves the key behind, which then reads [`GatherIncomplete::Taken`].
///
/// There is one key for each child; keys compare, hash and print by their [`KeyId`]. The idea is the UUID that Prefect's
/// `GatherTaskGroup.start_soon` hands out; here it also has the type of the result.
///
/// Dropping a key does not cancel the child. It says that nobody wants the value, which is dropped when the child is
/// over; errors and panics are not lost with it: they go to the group.
///
/// # Cancel safety
///
/// Awaiting `&mut key` is cancel safe: a value is given once it is ready, in one step, or not at all.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, scope};
///
/// let sum = block_on(scope(|tg| async move {
///     let keys: Vec<_> = (1..=10).map(|n| tg.spawn(async move { n * n })).collect();
///     let mut sum = 0;
///     for key in keys {
///         sum += key.await.unwrap();
///     }
///     sum
/// }));
/// assert_eq!(sum, 385);
/// ```
///
/// [`Scope::get_result`]: crate::Scope::get_result
/// [`Scope::take_result`]: crate::Scope::take_result
pub struct Key<T> {
    claim: ValueRef<T>,
}

impl<T> Key<T> {
    #[inline]
    pub(in crate::group) fn new(claim: ValueRef<T>) -> Self {
        Self { claim }
    }

    /// The identity of the child, without type and without hold on the result.
    pub fn id(&self) -> KeyId {
        self.claim.cell().id()
    }

    /// The child's id, name and location together.
    pub fn child(&self) -> ChildInfo {
        self.claim.cell().info()
    }

    /// The call that spawned the child.
    pub fn location(&self) -> &'static Location<'static> {
        self.claim.cell().info().location()
    }

    /// Is the child over, in whatever way?
    pub fn is_finished(&self) -> bool {
        self.claim.cell().end().is_some()
    }

    /// Why there is no result to take: `None` if there is one.
    pub fn status(&self) -> Option<GatherIncomplete> {
        self.claim.get().err()
    }

    /// Cancels this child alone: its siblings and the group are unharmed.
    ///
    /// Its token turns, and when the group's [grace](crate::GroupOptions::grace) is over, none unless it was given, or
    /// [its own](crate::types::ChildOptions::grace), it is dropped at its next suspension. What it has finished by then counts. The key reads
    /// [`Cancelled`](GatherIncomplete::Cancelled) afterwards. Nothing if it is over or was cancelled before;
    /// [`cancel_now`](Self::cancel_now) ends the grace.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let stuck = tg.spawn(std::future::pending::<()>());
    ///     let fine = tg.spawn(async { 1 });
    ///     stuck.cancel();
    ///     assert!(stuck.await.unwrap_err().is_cancelled());
    ///     assert_eq!(fine.await, Ok(1));
    /// }));
    /// ```
    #[track_caller]
    pub fn cancel(&self) {
        self.cancel_with(CancelReason::explicit());
    }

    /// [Cancels](Self::cancel) this child alone, for a reason.
    pub fn cancel_with(&self, reason: CancelReason) {
        let cell = self.claim.cell();
        if cell.core().read(|sched| sched.cancelled.is_none()) {
            cell.cancel_alone(reason);
        }
    }

    /// [Cancels](Self::cancel) this child alone, without grace: it is dropped at its next suspension. If it is in its grace, or in
    /// that of its group, that ends now for this child, and the first cause stays. A [`shield`](crate::shield) holds as always.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    ///
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let options = GroupOptions::new().grace(Duration::from_secs(3600));
    /// block_on(options.scope(|tg| async move {
    ///     let stuck = tg.spawn(pending::<()>());
    ///     stuck.cancel();
    ///     stuck.cancel_now();
    ///     assert!(stuck.await.unwrap_err().is_cancelled());
    /// }));
    /// ```
    #[track_caller]
    pub fn cancel_now(&self) {
        self.cell()
            .cancel_alone_now(CancelReason::explicit(), false);
    }

    /// [`cancel_now`](Self::cancel_now) that no [`shield`](crate::shield) holds off; see
    /// [`Scope::cancel_past_shields`](crate::Scope::cancel_past_shields).
    #[track_caller]
    pub fn cancel_past_shields(&self) {
        self.cell().cancel_alone_now(CancelReason::explicit(), true);
    }

    pub(in crate::group) fn cell(&self) -> &CellRef {
        self.claim.cell()
    }

    pub(in crate::group) fn get(&self) -> Result<&T, GatherIncomplete> {
        self.claim.get()
    }

    pub(in crate::group) fn take(&mut self) -> Result<T, GatherIncomplete> {
        self.claim.take()
    }
}

impl<T> Future for Key<T> {
    type Output = Result<T, GatherIncomplete>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_finished() {
            ready!(turn::take_some(cx));
        }
        match self.claim.poll(cx) {
            // The body of this very group, which is about to be dropped: this is its next suspension.
            Poll::Ready(Err(_)) if self.claim.core().dooms(cx.waker()) => Poll::Pending,
            Poll::Ready(Err(_)) if self.claim.core().is_cut_off() => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending if self.claim.core().is_limited() => {
                has_it_run(self.cell());
                Poll::Pending
            }
            Poll::Pending => {
                turn::awaits(cx.waker());
                Poll::Pending
            }
            Poll::Ready(Err(GatherIncomplete::Cancelled(reason))) => {
                Poll::Ready(Err(GatherIncomplete::Cancelled(tell(reason))))
            }
            poll => poll,
        }
    }
}

/// A task that awaits a child of a group with a limit, and is a child of that group or stands in one, lets it run in its own slot if it
/// is in line: nobody else may ever have one to spare.
#[cold]
pub(in crate::group) fn has_it_run(child: &CellRef) {
    let core = child.core();
    if let Some(lender) = child_around(core) {
        core.will_know_who_awaits();
        core.with(|sched, effects| sched.lend_slot(&lender, child, effects));
    }
}

/// The value lives in the child's own allocation; a key is one pointer.
impl<T> Unpin for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialEq<KeyId> for Key<T> {
    fn eq(&self, other: &KeyId) -> bool {
        self.id() == *other
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.claim.cell())
    }
}

impl<T> fmt::Display for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id(), f)
    }
}

/// The error of [`Scope::take_result`](crate::Scope::take_result): why there was no result, and the key back.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, scope};
///
/// block_on(scope(|tg| async move {
///     let key = tg.spawn(async { 7 });
///     // Nothing has run yet: the key comes back, and can be awaited.
///     let error = tg.take_result(key).expect_err("it is not over");
///     assert!(error.reason().is_pending());
///     assert_eq!(error.into_key().await, Ok(7));
/// }));
/// ```
pub struct TakeError<T> {
    pub(in crate::group) key: Key<T>,
    pub(in crate::group) reason: GatherIncomplete,
}

impl<T> TakeError<T> {
    /// Why there was no result.
    pub fn reason(&self) -> &GatherIncomplete {
        &self.reason
    }

    /// The key that was handed in.
    pub fn into_key(self) -> Key<T> {
        self.key
    }
}

impl<T> From<TakeError<T>> for GatherIncomplete {
    fn from(error: TakeError<T>) -> Self {
        error.reason
    }
}

impl<T> fmt::Debug for TakeError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakeError")
            .field("key", &self.key)
            .field("reason", &self.reason)
            .finish()
    }
}

impl<T> fmt::Display for TakeError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<T> Error for TakeError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}
