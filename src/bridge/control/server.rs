//! `ControlServer`: a thread that serves tasks.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::client::Client;
use super::reply::Reply;
use crate::error::unhandled::drop_quietly;
use crate::shows::shows;
use crate::std_or_loom::Lock;
use crate::sync::blocking::until_ready;
use crate::sync::{Event, Queue};

/// A thread that serves tasks: control inversion.
///
/// A simulation, a user interface, an interpreter: code that owns its thread and its loop, and cannot be called from elsewhere.
/// Async code that needs something of it sends a request through a [`Client`] and awaits the reply; the loop lets requests in
/// where it suits: one at a time with [`process`](Self::process), all that wait with [`process_all`](Self::process_all), or as long
/// as it has nothing else to do with [`serve_until`](Self::serve_until).
///
/// Room for requests is bounded, and clients wait for it. A request whose client has given up is passed over. Each request is
/// resolved: with what the handler [sends](Reply::send), or with an error if it drops the reply or panics. Dropping the server
/// resolves all that are left.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use ingather::block_on;
/// use ingather::bridge::ControlServer;
///
/// let mut server = ControlServer::new(8);
/// let client = server.client();
/// let solver = thread::spawn(move || {
///     block_on(async { client.request(20).await.unwrap() + client.request(1).await.unwrap() })
/// });
///
/// // The state stays on this thread, and needs no lock.
/// let mut calls = 0;
/// while calls < 2 {
///     server.process(std::time::Duration::from_secs(5), |n, reply| {
///         calls += 1;
///         reply.send(2 * n).unwrap();
///     });
/// }
/// assert_eq!(solver.join().unwrap(), 42);
/// ```
#[must_use = "requests are served by `process`, `process_all` and `serve_until`"]
pub struct ControlServer<Req, Rep> {
    line: Arc<Line<Req, Rep>>,
}

/// What server and clients share.
pub(super) struct Line<Req, Rep> {
    pub(super) requests: Queue<Message<Req, Rep>>,
    pub(super) left: Event,
    /// The thread on which a handler runs.
    serving: Lock<Option<ThreadId>>,
}

pub(super) struct Message<Req, Rep> {
    pub(super) request: Req,
    pub(super) reply: Reply<Rep>,
}

impl<Req, Rep> Line<Req, Rep> {
    /// Does a handler of this server run on this thread?
    pub(super) fn is_served_here(&self) -> bool {
        *self.serving.lock() == Some(thread::current().id())
    }
}

impl<Req, Rep> ControlServer<Req, Rep> {
    /// A server for which at most so many requests wait.
    ///
    /// # Panics
    ///
    /// If that is none.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self {
            line: Arc::new(Line {
                requests: Queue::bounded(capacity),
                left: Event::new(),
                serving: Lock::new(None),
            }),
        }
    }

    /// What sends requests to it. Clones and clients go anywhere.
    pub fn client(&self) -> Client<Req, Rep> {
        Client::new(Arc::clone(&self.line))
    }

    /// How many requests wait, those among them whose clients have given up.
    pub fn len(&self) -> usize {
        self.line.requests.len()
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.line.requests.is_empty()
    }

    /// Takes no more requests; those that wait can be served. Clients get the others back.
    pub fn close(&self) {
        self.line.requests.close();
    }

    /// Serves one request, and blocks this thread until there is one, but no longer than so long: whether there was.
    ///
    /// # Panics
    ///
    /// If the handler does; the client gets an error, and the server is as fit as before.
    pub fn process(&mut self, limit: Duration, handler: impl FnOnce(Req, Reply<Rep>)) -> bool {
        let until = Instant::now().checked_add(limit);
        loop {
            let left = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            match self.line.requests.get_timeout(left) {
                Err(_) => return false,
                Ok(message) if message.reply.is_wanted() => {
                    self.handle(message, handler);
                    return true;
                }
                Ok(message) => drop_quietly("a request that was withdrawn", message.request),
            }
        }
    }

    /// Serves the requests that wait now, and waits for none: how many there were.
    ///
    /// # Panics
    ///
    /// If the handler does; its client gets an error, and the other requests wait on.
    pub fn process_all(&mut self, mut handler: impl FnMut(Req, Reply<Rep>)) -> usize {
        // Not until none is left: clients may ask faster than they are served.
        let most = self.len();
        let one = |_: &usize| self.process(Duration::ZERO, &mut handler);
        (0..most).take_while(one).count()
    }

    /// Serves requests until a future is over, and gives what it ended with.
    ///
    /// The future is a handle of work that may send requests back to this thread: a [`Task`](crate::Task), a
    /// [`Promised`](crate::sync::Promised), also by `&mut`. Requests that wait when it is over wait on.
    ///
    /// # Panics
    ///
    /// If the handler or the future does. If this is the only thread of a runtime, see
    /// [`Spawner::may_block`](crate::Spawner::may_block).
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::bridge::ControlServer;
    /// use ingather::create_task;
    ///
    /// let mut server = ControlServer::new(1);
    /// let client = server.client();
    /// let task = create_task(async move { client.request("square of 7").await.unwrap() });
    /// let answer = server.serve_until(task, |_, reply| drop(reply.send(49)));
    /// assert_eq!(answer.unwrap(), 49);
    /// ```
    #[track_caller]
    pub fn serve_until<F: Future>(
        &mut self,
        until: F,
        mut handler: impl FnMut(Req, Reply<Rep>),
    ) -> F::Output {
        let mut until = pin!(until);
        loop {
            let line = Arc::clone(&self.line);
            let mut get = line.requests.get();
            let next = until_ready(|cx| {
                if let Poll::Ready(output) = until.as_mut().poll(cx) {
                    return Poll::Ready(Err(output));
                }
                match pin!(&mut get).poll(cx) {
                    Poll::Ready(Ok(message)) => Poll::Ready(Ok(message)),
                    // Closed and empty: nothing to serve, but the future is not over.
                    Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
                }
            });
            match next {
                Err(output) => return output,
                Ok(message) if message.reply.is_wanted() => self.handle(message, &mut handler),
                Ok(message) => drop_quietly("a request that was withdrawn", message.request),
            }
        }
    }

    fn handle(&mut self, message: Message<Req, Rep>, handler: impl FnOnce(Req, Reply<Rep>)) {
        let here = Some(thread::current().id());
        let before = mem::replace(&mut *self.line.serving.lock(), here);
        let _serving = Serving {
            line: &self.line,
            before,
        };
        handler(message.request, message.reply);
    }
}

/// While a handler runs.
struct Serving<'a, Req, Rep> {
    line: &'a Line<Req, Rep>,
    before: Option<ThreadId>,
}

impl<Req, Rep> Drop for Serving<'_, Req, Rep> {
    fn drop(&mut self) {
        *self.line.serving.lock() = self.before;
    }
}

impl<Req, Rep> Drop for ControlServer<Req, Rep> {
    fn drop(&mut self) {
        self.line.requests.close();
        while let Ok(message) = self.line.requests.try_get() {
            message.reply.leave();
            drop_quietly("a request that was left", message.request);
        }
        // Those whose reply somebody keeps.
        self.line.left.set();
    }
}

shows!([Req, Rep] ControlServer<Req, Rep>, this => waiting: this.len(), ..);
