//! `Client`: sends requests to a control server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::error::RequestError;
use super::reply::{NoReply, Reply};
use super::server::{Line, Message};
use crate::shows::shows;
use crate::sync::blocking::{block_on, ready_within};
use crate::sync::{EventWait, Promised, Put, promise};

/// Sends requests to a [`ControlServer`](crate::bridge::ControlServer), from tasks and threads.
///
/// Clones send to the same server.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use std::time::Duration;
///
/// use ingather::block_on;
/// use ingather::bridge::ControlServer;
///
/// let mut server = ControlServer::<&str, usize>::new(1);
/// let client = server.client();
/// let asks = thread::spawn(move || block_on(client.request("four")));
/// server.process(Duration::from_secs(5), |word, reply| drop(reply.send(word.len())));
/// assert_eq!(asks.join().expect("it does not panic"), Ok(4));
/// ```
pub struct Client<Req, Rep> {
    line: Arc<Line<Req, Rep>>,
}

impl<Req, Rep> Client<Req, Rep> {
    pub(super) fn new(line: Arc<Line<Req, Rep>>) -> Self {
        Self { line }
    }

    /// Sends a request as soon as there is room for it, and waits for the reply.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the reply came, it withdraws the request: a handler that has not seen it will not.
    ///
    /// # Errors
    ///
    /// Why there is no reply. Where it is first polled in a handler of the same server it is
    /// [`WouldDeadlock`](RequestError::WouldDeadlock).
    pub fn request(&self, request: Req) -> Request<'_, Req, Rep> {
        let (promise, promised) = promise();
        let message = Message {
            request,
            reply: Reply::new(promise),
        };
        Request {
            line: &self.line,
            put: Some(self.line.requests.put(message)),
            promised,
            left: self.line.left.wait(),
        }
    }

    /// Sends a request and blocks this thread until the reply has come.
    ///
    /// # Errors
    ///
    /// Why there is no reply. In a handler of the same server, on the thread that serves it, it is
    /// [`WouldDeadlock`](RequestError::WouldDeadlock) at once.
    ///
    /// # Panics
    ///
    /// If there is no reply at once and this is the only thread of a runtime, see
    /// [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn request_blocking(&self, request: Req) -> Result<Rep, RequestError<Req>> {
        block_on(self.request(request))
    }

    /// Sends a request and blocks this thread until the reply has come, but no longer than so long.
    ///
    /// # Errors
    ///
    /// Why there is no reply; [`TimedOut`](RequestError::TimedOut) has withdrawn the request.
    pub fn request_timeout(&self, request: Req, limit: Duration) -> Result<Rep, RequestError<Req>> {
        let mut request = self.request(request);
        ready_within(limit, |cx| Pin::new(&mut request).poll(cx))
            .unwrap_or_else(|| Err(RequestError::TimedOut(request.into_request())))
    }

    /// Whether the server takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.line.requests.is_closed()
    }
}

impl<Req, Rep> Clone for Client<Req, Rep> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.line))
    }
}

shows!([Req, Rep] Client<Req, Rep>, this => is_closed: this.is_closed(), ..);

/// Sends a request and waits for the reply; made by [`Client::request`].
///
/// Dropped before the reply came, it withdraws the request.
///
/// # Panics
///
/// If it is polled again after it was ready.
#[must_use = "nothing is sent unless the future is awaited"]
pub struct Request<'a, Req, Rep> {
    line: &'a Line<Req, Rep>,
    /// Until the server has accepted it.
    put: Option<Put<'a, Message<Req, Rep>>>,
    promised: Promised<Result<Rep, NoReply>>,
    left: EventWait<'a>,
}

impl<Req, Rep> Request<'_, Req, Rep> {
    /// Gives up, and gives the request back, if the server has not accepted it.
    pub fn into_request(self) -> Option<Req> {
        let message = self.put?.into_value()?;
        Some(message.request)
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Rep, RequestError<Req>>> {
        let reply = ready!(Pin::new(&mut self.promised).poll(cx));
        Poll::Ready(match reply {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(NoReply::Unanswered)) | Err(_) => Err(RequestError::Unanswered),
            Ok(Err(NoReply::Panicked)) => Err(RequestError::Panicked),
            Ok(Err(NoReply::ServerLeft)) => Err(RequestError::ServerLeft),
        })
    }
}

impl<Req, Rep> Future for Request<'_, Req, Rep> {
    type Output = Result<Rep, RequestError<Req>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // In a handler of the same server, which would wait for itself, the request comes back at once.
        if let Some(put) = this.put.take_if(|_| this.line.is_served_here()) {
            if let Some(message) = put.into_value() {
                return Poll::Ready(Err(RequestError::WouldDeadlock(message.request)));
            }
        }
        if let Some(put) = &mut this.put {
            let put = ready!(Pin::new(put).poll(cx));
            this.put = None;
            if let Err(back) = put {
                return Poll::Ready(Err(RequestError::Closed(back.into_value().request)));
            }
        }
        if let Poll::Ready(reply) = this.poll_reply(cx) {
            return Poll::Ready(reply);
        }
        ready!(Pin::new(&mut this.left).poll(cx));
        // What was answered before the server left counts, also if both happened since the look above.
        let Poll::Ready(reply) = this.poll_reply(cx) else {
            return Poll::Ready(Err(RequestError::ServerLeft));
        };
        Poll::Ready(reply)
    }
}

shows!([Req, Rep] Request<'_, Req, Rep>, this => is_accepted: this.put.is_none(), ..);
