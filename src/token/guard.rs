//! What cancels, or withdraws a callback, when it is dropped.

use std::fmt;

use super::{CancelReason, CancelToken};
use crate::shows::shows;

/// Cancels a token when it is dropped; made by [`CancelToken::drop_guard`].
///
/// It does so on unwinding, too. The reason is an explicit one, at the place where the guard was made.
#[must_use = "the token is cancelled as soon as the guard is dropped: bind it to a name such as `_guard`"]
pub struct DropGuard {
    /// `None` once it was disarmed.
    armed: Option<(CancelToken, CancelReason)>,
}

impl DropGuard {
    pub(super) fn new(token: CancelToken, reason: CancelReason) -> Self {
        Self {
            armed: Some((token, reason)),
        }
    }

    /// Gives the token back, and cancels nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::CancelToken;
    ///
    /// let guard = CancelToken::new().drop_guard();
    /// let token = guard.disarm();
    /// assert!(!token.is_cancelled());
    /// ```
    #[must_use = "dropping the token cancels nothing: keep it, or drop the guard to cancel"]
    pub fn disarm(mut self) -> CancelToken {
        match self.armed.take() {
            Some((token, _)) => token,
            None => unreachable!("the token leaves only with `self`"),
        }
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some((token, reason)) = self.armed.take() {
            token.turn(reason);
        }
    }
}

impl fmt::Debug for DropGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.armed.as_ref().map(|(token, _)| token);
        f.debug_struct("DropGuard").field("token", &token).finish()
    }
}

/// Keeps a callback on a token; made by [`CancelToken::on_cancel`].
///
/// Dropped, it withdraws the callback and drops it, unless that has been called. It does not wait for a call in progress on
/// another thread. It holds the token, so the callback is there as long as the guard is.
#[must_use = "the callback is withdrawn as soon as the guard is dropped: bind it to a name, or `detach` it"]
pub struct CallbackGuard {
    token: CancelToken,
    /// `None` if there is nothing to withdraw.
    place: Option<usize>,
}

impl CallbackGuard {
    pub(super) fn new(token: CancelToken, place: Option<usize>) -> Self {
        Self { token, place }
    }

    /// Leaves the callback in place for good.
    ///
    /// It is called when the token is cancelled, or would have been: also after the token is gone, if one above it is
    /// cancelled. It is dropped when nobody is left who could do so. So on a token below one that lives long, such callbacks pile
    /// up; keep the guard where that matters.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use ingather::cancel::CancelKind;
    /// use ingather::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let (sender, kinds) = mpsc::channel();
    /// let child = token.child_token();
    /// child.on_cancel(move |reason| sender.send(reason.kind()).unwrap()).detach();
    /// drop(child);
    /// token.cancel();
    /// assert_eq!(kinds.try_recv(), Ok(CancelKind::Parent));
    /// ```
    pub fn detach(mut self) {
        self.place = None;
    }
}

impl Drop for CallbackGuard {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.token.node().withdraw(place);
        }
    }
}

shows!([] CallbackGuard, this => token, ..);
