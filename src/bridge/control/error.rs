//! Why a request has no reply.

use std::error::Error;
use std::fmt;

/// A request to a [`ControlServer`](crate::bridge::ControlServer) has no reply. Where the server has not accepted it, it is inside.
///
/// # Examples
///
/// ```
/// use ingather::bridge::{ControlServer, RequestError};
///
/// let server = ControlServer::<&str, ()>::new(1);
/// let client = server.client();
/// server.close();
/// match client.request_blocking("too late") {
///     Err(RequestError::Closed(request)) => assert_eq!(request, "too late"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RequestError<Req> {
    /// The server takes no requests any more.
    Closed(Req),
    /// The server left before the request was answered.
    ServerLeft,
    /// The handler dropped the reply.
    Unanswered,
    /// The handler panicked.
    Panicked,
    /// There was no reply in time. The request is inside if there was no room for it; else it is withdrawn: a handler that has
    /// not seen it will not.
    TimedOut(Option<Req>),
    /// This thread serves the request, so that waiting for the reply would never end.
    WouldDeadlock(Req),
}

impl<Req> RequestError<Req> {
    /// The request, if the server has not accepted it.
    pub fn into_request(self) -> Option<Req> {
        match self {
            Self::Closed(request) | Self::WouldDeadlock(request) => Some(request),
            Self::TimedOut(request) => request,
            Self::ServerLeft | Self::Unanswered | Self::Panicked => None,
        }
    }
}

impl<Req> fmt::Debug for RequestError<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Closed(..)",
            Self::ServerLeft => "ServerLeft",
            Self::Unanswered => "Unanswered",
            Self::Panicked => "Panicked",
            Self::TimedOut(_) => "TimedOut(..)",
            Self::WouldDeadlock(_) => "WouldDeadlock(..)",
        })
    }
}

impl<Req> fmt::Display for RequestError<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "the control server takes no requests any more",
            Self::ServerLeft => "the control server left before it replied",
            Self::Unanswered => "the control server dropped the request without a reply",
            Self::Panicked => "the control server panicked while it handled the request",
            Self::TimedOut(_) => "the control server did not reply in time",
            Self::WouldDeadlock(_) => {
                "this thread is the one that would have to reply: call the handler's code directly"
            }
        })
    }
}

impl<Req> Error for RequestError<Req> {}
