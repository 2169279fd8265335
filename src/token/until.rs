//! A future that gives way to a token.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::CancelReason;
use crate::shows::shows;

pin_project! {
    /// Runs a future until it is ready or a token is cancelled; made by
    /// [`run_until_cancelled`](crate::CancelToken::run_until_cancelled) and
    /// [`run_until_cancelled_owned`](crate::CancelToken::run_until_cancelled_owned).
    ///
    /// `C` waits for the token. Dropped half-way, it drops the future.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct RunUntilCancelled<C, F> {
        #[pin]
        future: Option<F>,
        cancelled: C,
    }
}

impl<C, F> RunUntilCancelled<C, F> {
    pub(super) fn new(cancelled: C, future: F) -> Self {
        Self {
            future: Some(future),
            cancelled,
        }
    }
}

impl<C, F> Future for RunUntilCancelled<C, F>
where
    C: Future<Output = CancelReason> + Unpin,
    F: Future,
{
    type Output = Result<F::Output, CancelReason>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("`run_until_cancelled` was polled after it was ready");
        };
        let result = match future.poll(cx) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => match Pin::new(this.cancelled).poll(cx) {
                Poll::Ready(reason) => Err(reason),
                Poll::Pending => return Poll::Pending,
            },
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

shows!([C: fmt::Debug, F] RunUntilCancelled<C, F>, this =>
    cancelled,
    is_over: this.future.is_none(),
);
