//! `Reply`: what answers one request.

use std::thread;

use crate::shows::shows;
use crate::sync::Promise;

/// What is told instead of an answer.
#[derive(Clone, Copy)]
pub(super) enum NoReply {
    Unanswered,
    Panicked,
    ServerLeft,
}

/// Answers one request; the handler of a [`ControlServer`](crate::bridge::ControlServer) gets it.
///
/// It may be kept, sent elsewhere and used later, also from another thread. Dropped unused, it tells the client so: with
/// [`Unanswered`](crate::bridge::RequestError::Unanswered), or [`Panicked`](crate::bridge::RequestError::Panicked) if that is
/// why.
///
/// # Examples
///
/// ```
/// use ingather::bridge::{ControlServer, RequestError};
/// use ingather::{block_on, scope};
///
/// let mut server = ControlServer::new(2);
/// let (kind, rude) = (server.client(), server.client());
/// let replies = scope(|tg| async move {
///     let kind = tg.spawn(async move { kind.request("please").await });
///     let rude = tg.spawn(async move { rude.request("now").await });
///     (kind.await, rude.await)
/// });
/// let replies = server.serve_until(replies, |request, reply| {
///     if request == "please" {
///         let _ = reply.send("yes");
///     } // else it is dropped, which is an answer, too
/// });
/// assert_eq!(replies, (Ok(Ok("yes")), Ok(Err(RequestError::Unanswered))));
/// ```
#[must_use = "a reply that is dropped is an error for the client: send it, or keep it"]
pub struct Reply<Rep> {
    promise: Promise<Result<Rep, NoReply>>,
}

impl<Rep> Reply<Rep> {
    pub(super) fn new(promise: Promise<Result<Rep, NoReply>>) -> Self {
        Self { promise }
    }

    /// Sends the answer. It never blocks.
    ///
    /// # Errors
    ///
    /// The answer, if the client waits no more.
    pub fn send(self, answer: Rep) -> Result<(), Rep> {
        let set = self.promise.set(Ok(answer));
        set.or_else(|back| back.into_value().map_or(Ok(()), Err))
    }

    /// Whether the client still waits.
    pub fn is_wanted(&self) -> bool {
        self.promise.is_wanted()
    }

    pub(super) fn leave(self) {
        self.tell(NoReply::ServerLeft);
    }

    /// Nothing if it was told before.
    fn tell(&self, why: NoReply) {
        drop(self.promise.set(Err(why)));
    }
}

impl<Rep> Drop for Reply<Rep> {
    fn drop(&mut self) {
        self.tell(if thread::panicking() {
            NoReply::Panicked
        } else {
            NoReply::Unanswered
        });
    }
}

shows!([Rep] Reply<Rep>, ..);
