//! `Call`: a remote child, as a future.
//!
//! How it is a local child:
//!
//! 1. A [`shield`] holds off the drop of the child until the course of the call is over, so a child that is cancelled is over
//!    only when the engine has reported an end.
//! 2. A [`with_cleanup`] beside it tells of the cancel: its clean-up begins when the token turns, and is polled until the grace is
//!    over. What it learns it writes into the [`Wish`], which the course follows.
//! 3. When the course is over after a cancel, the clean-up is over too, and with it the child, as cancelled.
//! 4. What is dropped otherwise hands its course to the reaper.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker, ready};

use ingather::cancel::{current_deadline, with_cleanup};
use ingather::shield;
use ingather::types::{Shield, WithCleanup};
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use crate::drive::{Base, Course, End, Gate, Orphan, Pass, Stage, Ties, Unended, course};
use crate::engine::{Ending, Submission};
use crate::error::{RemoteError, RemoteErrorKind};
use crate::slip::{Known, Slip};
use crate::ticket::{JobName, Ticket};

pin_project! {
    /// A remote child, as a future; made by [`Remote::call`](crate::Remote::call).
    ///
    /// # Cancel safety
    ///
    /// Where its child is cancelled it holds the child until the engine has reported an end. Dropped otherwise, by a `select`, a timeout
    /// around it or the owner of its scope, it hands its work to the reaper of its [`Remote`](crate::Remote), which cancels it and then
    /// kills it; [`Remote::close`](crate::Remote::close) waits for that.
    ///
    /// # Errors
    ///
    /// See [`RemoteErrorKind`].
    ///
    /// # Panics
    ///
    /// If it is polled again after it was ready, or if the system gives no thread for the reaper.
    #[must_use = "nothing is submitted unless this is awaited"]
    pub struct Call<O> {
        base: Arc<Base>,
        gate: Arc<Gate>,
        ticket: Ticket,
        // Taken when it is submitted.
        input: Option<Result<Vec<u8>, serde_json::Error>>,
        #[pin]
        under_way: Option<UnderWay>,
        output: PhantomData<fn() -> O>,
    }
}

impl<O> Call<O> {
    pub(crate) fn new(
        base: Arc<Base>,
        gate: Arc<Gate>,
        job: &'static str,
        number: u64,
        input: Result<Vec<u8>, serde_json::Error>,
    ) -> Self {
        Self {
            ticket: Ticket::named(base.scope.clone(), number, JobName::Constant(job)),
            base,
            gate,
            input: Some(input),
            under_way: None,
            output: PhantomData,
        }
    }

    /// Gives it this number in its scope, instead of the next.
    ///
    /// Scope and number are what an owner that was restarted finds its work by. Two calls with one number are one piece of work. Number
    /// either all calls of a scope or none.
    pub fn number(mut self, number: u64) -> Self {
        self.ticket = self.ticket.numbered(number);
        self
    }

    /// Whose work it is.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }
}

impl<O: DeserializeOwned> Future for Call<O> {
    type Output = Result<O, RemoteError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.under_way.is_none() {
            let input = this
                .input
                .take()
                .expect("a call is polled until it is ready");
            let input = match input {
                Ok(input) => input,
                Err(error) => {
                    let failed = RemoteError::new(RemoteErrorKind::Encode, this.ticket.clone());
                    return Poll::Ready(Err(failed.with_source(Arc::new(error))));
                }
            };
            let Some(pass) = this.gate.enter(this.base) else {
                let closed = RemoteError::new(RemoteErrorKind::Closed, this.ticket.clone());
                return Poll::Ready(Err(closed));
            };
            let under_way = UnderWay::begin(this.base, this.ticket, input, pass);
            this.under_way.set(Some(under_way));
        }
        let under_way = this
            .under_way
            .as_mut()
            .as_pin_mut()
            .expect("it was set above");
        let (end, ticket) = ready!(under_way.poll(cx));
        this.under_way.set(None);
        Poll::Ready(match end {
            Ok(end) => value(end, ticket),
            Err(Unended { error, is_unjoined }) => {
                Err(RemoteError::of_engine(ticket, error, is_unjoined))
            }
        })
    }
}

fn value<O: DeserializeOwned>(end: Ending, ticket: Ticket) -> Result<O, RemoteError> {
    match end {
        Ending::Value(json) => serde_json::from_slice(&json).map_err(|error| {
            RemoteError::new(RemoteErrorKind::Decode, ticket)
                .with_source(Arc::new(error))
                .with_payload(json)
        }),
        Ending::Failed {
            code,
            message,
            tries,
        } => Err(RemoteError::failed(ticket, code, message, tries)),
        Ending::Cancelled => Err(RemoteError::new(RemoteErrorKind::Cancelled, ticket)),
        Ending::Killed => Err(RemoteError::new(RemoteErrorKind::Killed, ticket)),
    }
}

pin_project! {
    /// A call that was polled.
    struct UnderWay {
        #[pin]
        course: Shield<Held>,
        #[pin]
        cancel: WithCleanup<Watched, Box<dyn FnOnce() -> Cleaning + Send>, Cleaning>,
        ties: Arc<Ties>,
    }

    impl PinnedDrop for UnderWay {
        fn drop(this: Pin<&mut Self>) {
            // There is no cancel to clean up after: the reaper does.
            let this = this.project();
            this.ties.told.is_over.store(true, Relaxed);
            let _ = this.cancel.poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl UnderWay {
    fn begin(base: &Arc<Base>, ticket: &Ticket, input: Vec<u8>, pass: Pass) -> Self {
        let mut slip = Slip {
            scope: Known(ticket.scope().clone()),
            number: ticket.number(),
            deadline: None,
            context: base.terms.carried.written(),
        };
        slip.set_deadline(current_deadline().remaining());
        let ties = Ties::new(Submission {
            ticket: ticket.clone(),
            input: input.into(),
            slip,
        });
        let course: Course = Box::pin(course(Arc::clone(base), Arc::clone(&ties)));
        let watched = Watched(Arc::clone(&ties));
        let cleaning = Cleaning(Arc::clone(&ties));
        let begin: Box<dyn FnOnce() -> Cleaning + Send> = Box::new(move || cleaning);
        Self {
            course: shield(Held {
                course: Some(course),
                ties: Arc::clone(&ties),
                pass,
            }),
            cancel: with_cleanup(watched, begin),
            ties,
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(End, Ticket)> {
        let mut this = self.project();
        let Ties { told, wish, .. } = &**this.ties;
        if told.is_over.load(Relaxed) {
            // Cancelled; what this is in does not go on.
            return Poll::Pending;
        }
        told.was_polled.store(false, Relaxed);
        let _ = this.cancel.as_mut().poll(cx);
        let is_cancelled = told.has_begun.load(Relaxed);
        if is_cancelled {
            let in_grace = told.was_polled.load(Relaxed);
            wish.raise(if in_grace { Stage::Cancel } else { Stage::Kill });
        }
        let end = ready!(this.course.poll(cx));
        told.is_over.store(true, Relaxed);
        let _ = this.cancel.poll(cx);
        if is_cancelled && matches!(end, Ok(Ending::Cancelled | Ending::Killed)) {
            return Poll::Pending;
        }
        Poll::Ready((end, this.ties.ticket().clone()))
    }
}

/// What `with_cleanup` drops when the token turns.
struct Watched(Arc<Ties>);

impl Future for Watched {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        match self.0.told.is_over.load(Relaxed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// The clean-up, which is over when the course is.
struct Cleaning(Arc<Ties>);

impl Future for Cleaning {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        let told = &self.0.told;
        told.has_begun.store(true, Relaxed);
        told.was_polled.store(true, Relaxed);
        match told.is_over.load(Relaxed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// The course of a call, which goes to the reaper if it is dropped before its end.
struct Held {
    course: Option<Course>,
    ties: Arc<Ties>,
    pass: Pass,
}

impl Future for Held {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        let course = self
            .course
            .as_mut()
            .expect("it is polled until it is ready");
        let end = ready!(course.as_mut().poll(cx));
        self.course = None;
        Poll::Ready(end)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(course) = self.course.take() {
            self.pass.hand_over(Orphan {
                course,
                ties: Arc::clone(&self.ties),
            });
        }
    }
}

impl<O> fmt::Debug for Call<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("ticket", &self.ticket)
            .field("under_way", &self.under_way.is_some())
            .finish_non_exhaustive()
    }
}
