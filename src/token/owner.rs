//! What a token belongs to.

use super::CancelReason;

/// A child or a group, which is cancelled with its token. Told by whoever cancels the token, with no lock held.
pub(crate) trait Owner: Send + Sync {
    /// The token was cancelled, for this reason: before its callbacks are called.
    fn turned(&self, reason: &CancelReason);

    /// The grace of that is to end, as somebody says of this very token and not of one above it.
    fn turned_now(&self, reason: &CancelReason);
}
