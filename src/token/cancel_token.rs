//! The handle of one place in a tree of things to cancel.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::tree::Node;
use super::{
    CallbackGuard, CancelReason, Cancelled, CancelledOwned, DropGuard, Owner, RunUntilCancelled,
};

/// Tells any number of listeners, once, that they are to stop, and why.
///
/// Clones are the same token. A [child token](Self::child_token) is cancelled with its parent, and by itself without its
/// parent; so a tree of tokens follows the tree of what a program does. The first cause wins and is kept, and whatever was
/// cancelled because of something above it leads back to it with [`CancelReason::root`].
///
/// Cancelling is a request: it wakes those who wait, calls [callbacks](Self::on_cancel), and stops nothing by itself.
/// Dropping a token cancels nothing; a [`DropGuard`] is for that. A token stays attached to those above it as long as it, or
/// one below it, is held, also where the tokens in between are gone. After that it takes no room.
///
/// To stop children, cancel their group: see [`Scope::cancel`](crate::Scope::cancel). Use a token for what has no group, or for
/// children that look at it and finish their work first.
///
/// # Comparison to tokio-util's `CancellationToken`
///
/// It is the same idea with the same names, on any executor. What is new: each cancel has a [reason](CancelReason);
/// `cancel` says whether it was the first; `cancelled` and `run_until_cancelled` give the reason;
/// [`on_cancel`](Self::on_cancel) tells those who are not futures.
///
/// # Examples
///
/// ```
/// use ingather::cancel::CancelKind;
/// use ingather::{CancelReason, CancelToken, block_on, scope};
///
/// let server = CancelToken::new();
/// let connection = server.child_token();
/// let reason = block_on(scope(|tg| async move {
///     let waits = connection.clone();
///     let key = tg.spawn(async move { waits.cancelled().await });
///     server.cancel_with(CancelReason::shutdown());
///     key.await.unwrap()
/// }));
/// assert_eq!(reason.kind(), CancelKind::Parent);
/// assert_eq!(reason.root().kind(), CancelKind::Shutdown);
/// ```
#[derive(Clone)]
pub struct CancelToken(Arc<Node>);

impl CancelToken {
    /// A token that belongs to no other.
    pub fn new() -> Self {
        Self(Node::root())
    }

    /// A token that is cancelled when this one is. Of a cancelled token it is born cancelled.
    ///
    /// Cancelling it does not cancel this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::CancelToken;
    ///
    /// let parent = CancelToken::new();
    /// let (one, two) = (parent.child_token(), parent.child_token());
    /// one.cancel();
    /// assert!(!parent.is_cancelled() && !two.is_cancelled());
    /// parent.cancel();
    /// assert!(two.is_cancelled());
    /// assert!(parent.child_token().is_cancelled());
    /// ```
    pub fn child_token(&self) -> Self {
        Self(self.0.child())
    }

    /// Cancels this token and all below it, with [`CancelReason::explicit`] at this place. Says whether this call was the
    /// first cause; later ones change nothing.
    ///
    /// A call that was the first returns when all tokens below are cancelled, those who waited for them have been woken, and
    /// their callbacks have been called, on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// assert!(token.cancel());
    /// assert!(!token.cancel());
    /// let reason = token.reason().unwrap();
    /// assert_eq!(reason.location().unwrap().file(), file!());
    /// ```
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.turn(CancelReason::explicit())
    }

    /// Cancels this token and all below it with a reason. Says whether this call was the first cause, as
    /// [`cancel`](Self::cancel) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{CancelReason, CancelToken};
    ///
    /// let token = CancelToken::new();
    /// token.cancel_with(CancelReason::with_message("the client hung up"));
    /// assert_eq!(token.reason().unwrap().message(), Some("the client hung up"));
    /// ```
    pub fn cancel_with(&self, reason: CancelReason) -> bool {
        self.turn(reason)
    }

    /// Cancels this token, if that was not done, and ends the grace of what follows it: of the groups and children that it is the
    /// token of, or of those below it, and of groups that were [told](crate::GroupOptions::token) to follow it.
    ///
    /// They are dropped at their next suspension, without waiting for the rest of their grace. A [`shield`](crate::shield) holds as
    /// before. Where nothing has a grace it is [`cancel`](Self::cancel).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    ///
    /// use ingather::{CancelToken, GroupOptions, block_on};
    ///
    /// let stop = CancelToken::new();
    /// let options = GroupOptions::new().grace(Duration::from_secs(3600)).token(&stop);
    /// let group = options.group();
    /// block_on(async {
    ///     let stuck = group.spawn(pending::<()>());
    ///     stop.cancel(); // the first Ctrl-C
    ///     stop.cancel_now(); // the second
    ///     assert!(stuck.await.unwrap_err().is_cancelled());
    ///     group.join().await;
    /// });
    /// ```
    #[track_caller]
    pub fn cancel_now(&self) {
        let reason = CancelReason::explicit();
        self.turn(reason.clone());
        self.0.turn_now(reason);
    }

    /// Says what this token belongs to, which is cancelled with it until it [is over](Self::disown). If the token is cancelled, that
    /// is told so at once.
    pub(crate) fn set_owner(&self, owner: impl Owner + 'static) {
        let owner: Arc<dyn Owner> = Arc::new(owner);
        self.0.set_owner(&owner);
    }

    /// Nothing is cancelled with this token any more but what is below it.
    pub(crate) fn disown(&self) {
        self.0.disown();
    }

    /// Has a function called when the grace of what follows this token is to end.
    pub(crate) fn on_cancel_now(
        &self,
        callback: impl FnOnce(&CancelReason) + Send + 'static,
    ) -> CallbackGuard {
        Self(self.0.now()).on_cancel(callback)
    }

    /// Turns this token with another and for the same reason, until what this gives is dropped.
    pub(crate) fn follow(&self, source: &Self) -> CallbackGuard {
        let this = self.clone();
        source.on_cancel(move |reason| {
            this.turn(reason.clone());
        })
    }

    /// Cancels this token with exactly this reason, and all below it with what follows from it.
    pub(crate) fn turn(&self, reason: CancelReason) -> bool {
        self.0.turn(reason)
    }

    /// Has it been cancelled? Never blocks.
    pub fn is_cancelled(&self) -> bool {
        self.0.reason().is_some()
    }

    /// Why it was cancelled, if it was. Never blocks.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.reason().cloned()
    }

    /// Waits until this token is cancelled, and gives the reason.
    ///
    /// Dropped, the future leaves nothing behind.
    ///
    /// # Cancel safety
    ///
    /// It is cancel safe: the token keeps its state, and a future that was ready stays so.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{CancelToken, block_on};
    ///
    /// let token = CancelToken::new();
    /// token.cancel();
    /// let reason = block_on(token.cancelled());
    /// assert_eq!(Some(reason), token.reason());
    /// ```
    pub fn cancelled(&self) -> Cancelled<'_> {
        Cancelled::new(self)
    }

    /// The same as [`cancelled`](Self::cancelled), by a future that holds the token.
    ///
    /// Dropped, the future releases the token.
    ///
    /// # Cancel safety
    ///
    /// It is cancel safe, as [`cancelled`](Self::cancelled) is.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{CancelToken, block_on, scope};
    ///
    /// let token = CancelToken::new();
    /// let waits = token.clone().cancelled_owned();
    /// let reason = block_on(scope(|tg| async move {
    ///     let key = tg.spawn(waits);
    ///     token.cancel();
    ///     key.await
    /// }));
    /// assert!(reason.is_ok());
    /// ```
    pub fn cancelled_owned(self) -> CancelledOwned {
        CancelledOwned::new(self)
    }

    /// Runs a future until it is ready or this token is cancelled.
    ///
    /// At each poll the future has its turn first, so what is ready in time counts, and one that is ready at once counts even
    /// if the token was cancelled before. Otherwise the future is dropped first and the reason given then. Dropped half-way, it
    /// drops the future.
    ///
    /// # Cancel safety
    ///
    /// It is as cancel safe as the future that it runs.
    ///
    /// # Panics
    ///
    /// The future that this gives panics if it is polled again after it was ready.
    ///
    /// # Errors
    ///
    /// The reason for which the token was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    ///
    /// use ingather::{CancelToken, block_on};
    ///
    /// let token = CancelToken::new();
    /// assert_eq!(block_on(token.run_until_cancelled(async { 7 })), Ok(7));
    /// token.cancel();
    /// let error = block_on(token.run_until_cancelled(pending::<()>())).unwrap_err();
    /// assert_eq!(Some(error), token.reason());
    /// ```
    pub fn run_until_cancelled<F: Future>(&self, future: F) -> RunUntilCancelled<Cancelled<'_>, F> {
        RunUntilCancelled::new(self.cancelled(), future)
    }

    /// The same as [`run_until_cancelled`](Self::run_until_cancelled), by a future that holds the token.
    ///
    /// # Cancel safety
    ///
    /// It is as cancel safe as the future that it runs.
    ///
    /// # Panics
    ///
    /// The future that this gives panics if it is polled again after it was ready.
    ///
    /// # Errors
    ///
    /// The reason for which the token was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    ///
    /// use ingather::{CancelToken, block_on, scope};
    ///
    /// let token = CancelToken::new();
    /// let job = token.clone().run_until_cancelled_owned(pending::<()>());
    /// let result = block_on(scope(|tg| async move {
    ///     let key = tg.spawn(job);
    ///     token.cancel();
    ///     key.await
    /// }));
    /// assert!(result.unwrap().is_err());
    /// ```
    pub fn run_until_cancelled_owned<F: Future>(
        self,
        future: F,
    ) -> RunUntilCancelled<CancelledOwned, F> {
        RunUntilCancelled::new(self.cancelled_owned(), future)
    }

    /// A guard that cancels this token when it is dropped, as by [`cancel`](Self::cancel) at this place.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// {
    ///     let _guard = token.clone().drop_guard();
    /// }
    /// assert!(token.is_cancelled());
    /// ```
    #[track_caller]
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self, CancelReason::explicit())
    }

    /// Has a function called when this token is cancelled; at once, on this thread, if it is already.
    ///
    /// It is called once, by the thread that cancels, when all tokens below are cancelled and with no lock of this crate held:
    /// it may use tokens as it likes. It should be quick. Its panic stops no other callback and does not come out of
    /// `cancel`: it goes to the [unhandled hook](crate::error::set_unhandled_hook).
    ///
    /// Dropping the guard withdraws the function and drops it, unless it has been called. A call in progress on another
    /// thread is not waited for. [`CallbackGuard::detach`] leaves it in place for good.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use ingather::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let (sender, stops) = mpsc::channel();
    /// let withdrawn = token.on_cancel(|_| unreachable!());
    /// let _guard = token.on_cancel(move |reason| sender.send(reason.clone()).unwrap());
    /// drop(withdrawn);
    /// token.cancel();
    /// assert_eq!(stops.try_recv().ok(), token.reason());
    /// ```
    pub fn on_cancel(
        &self,
        callback: impl FnOnce(&CancelReason) + Send + 'static,
    ) -> CallbackGuard {
        let place = self.0.add_callback(Box::new(callback));
        CallbackGuard::new(self.clone(), place)
    }

    /// Is this the same token, a clone of it?
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// assert!(token.same_as(&token.clone()));
    /// assert!(!token.same_as(&token.child_token()));
    /// ```
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn node(&self) -> &Node {
        &self.0
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CancelToken");
        out.field("is_cancelled", &self.is_cancelled());
        if let Some(reason) = self.0.reason() {
            out.field("reason", reason);
        }
        out.finish()
    }
}
