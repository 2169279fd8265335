//! What code can learn of the scope that it runs in, without having been handed anything.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::clock::Deadline;
use crate::group::engine::position::{deadline_of, here, token_of};
use crate::group::engine::told::tell;
use crate::token::{CancelReason, CancelToken};
use crate::turn;

/// The token of the child or body that this code runs in.
///
/// It turns when that child is cancelled, its group, or anything that the group is in, except behind a
/// [`shield`](crate::shield). Cancelling it cancels the child, or the group if this is the body. Outside of all groups it is
/// a token that nobody else has.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::cancel::CancelKind;
/// use ingather::{GroupOptions, block_on, current_token};
///
/// async fn work() -> CancelKind {
///     // Not handed in, and found all the same.
///     current_token().cancelled().await.kind()
/// }
///
/// let options = GroupOptions::new().grace(Duration::from_secs(1));
/// let kind = block_on(options.scope(|tg| async move {
///     let key = tg.start_soon(work);
///     tg.cancel();
///     key.await
/// }));
/// assert_eq!(kind, Ok(CancelKind::Explicit));
/// ```
pub fn current_token() -> CancelToken {
    token_of(here().as_ref())
}

/// Why the child or body that this code runs in is cancelled, if it is. A look at [`current_token`] that makes no token.
///
/// # Examples
///
/// ```
/// use ingather::cancel::{CancelKind, cancel_reason};
/// use ingather::{block_on, scope};
///
/// block_on(scope(|tg| async move {
///     assert!(cancel_reason().is_none());
///     tg.cancel();
///     let reason = cancel_reason().expect("its group is cancelled");
///     assert_eq!(reason.kind(), CancelKind::Explicit);
/// }));
/// ```
pub fn cancel_reason() -> Option<CancelReason> {
    here()?.reason()
}

/// The earliest deadline of all groups that this code runs in; [`Deadline::NEVER`] if none has one.
///
/// Behind a [`shield`](crate::shield) it is the shield's own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::cancel::current_deadline;
/// use ingather::{Deadline, GroupOptions, block_on};
///
/// assert_eq!(current_deadline(), Deadline::NEVER);
/// let hour = Duration::from_secs(3600);
/// let left = block_on(GroupOptions::new().timeout(hour).scope_or_cut(|_tg| async {
///     current_deadline().remaining() // for a header of a request, say
/// }));
/// assert!(left.is_ok_and(|left| left <= Some(hour)));
/// ```
pub fn current_deadline() -> Deadline {
    deadline_of(here().as_ref())
}

/// Lets others have a turn, and tells whether this child or body is cancelled.
///
/// For long computations: `checkpoint().await?` every now and then keeps the executor responsive, lets a cancel without
/// grace drop the child here, and ends one that has grace. It goes on saying so, however often it is asked. A deadline that has
/// passed is seen by the clock, also where the executor has had no time for its timers. The name is trio's.
///
/// # Errors
///
/// Why it is cancelled. An error that holds this reason, the value itself and not a clone, hands the cancel on: `?` in a child or body
/// that can fail fails nothing.
///
/// # Cancel safety
///
/// It holds nothing.
///
/// # Examples
///
/// ```
/// use ingather::{CancelReason, block_on, checkpoint};
///
/// async fn sum(numbers: &[u64]) -> Result<u64, CancelReason> {
///     let mut sum = 0;
///     for part in numbers.chunks(1024) {
///         checkpoint().await?;
///         sum += part.iter().sum::<u64>();
///     }
///     Ok(sum)
/// }
///
/// assert_eq!(block_on(sum(&[1, 2, 3])), Ok(6));
/// ```
pub fn checkpoint() -> Checkpoint {
    Checkpoint { yielded: false }
}

/// The future of [`checkpoint`].
#[derive(Debug)]
#[must_use = "a checkpoint does nothing unless it is awaited"]
pub struct Checkpoint {
    yielded: bool,
}

impl Future for Checkpoint {
    type Output = Result<(), CancelReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.yielded {
            let reason = here().and_then(|position| {
                position.looks_at_clock();
                position.reason()
            });
            return Poll::Ready(reason.map_or(Ok(()), |reason| Err(tell(reason))));
        }
        self.yielded = true;
        turn::yields(cx.waker());
        Poll::Pending
    }
}
