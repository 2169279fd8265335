//! The futures that wait for a token.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{CancelReason, CancelToken};
use crate::shows::shows;
use crate::turn;

/// Waits until a token is cancelled; made by [`CancelToken::cancelled`].
///
/// Once it was ready it stays so. Dropped, it leaves nothing behind.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Cancelled<'a> {
    token: &'a CancelToken,
    /// Its place among those who wait.
    place: Option<usize>,
}

impl<'a> Cancelled<'a> {
    pub(super) fn new(token: &'a CancelToken) -> Self {
        Self { token, place: None }
    }
}

impl Future for Cancelled<'_> {
    type Output = CancelReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CancelReason> {
        let this = &mut *self;
        wait(this.token, &mut this.place, cx)
    }
}

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        leave(self.token, self.place);
    }
}

shows!([] Cancelled<'_>, this => (this.token));

/// Waits until a token is cancelled, and holds the token; made by [`CancelToken::cancelled_owned`].
///
/// Once it was ready it stays so. Dropped, it releases the token.
#[must_use = "a future does nothing unless it is awaited"]
pub struct CancelledOwned {
    token: CancelToken,
    place: Option<usize>,
}

impl CancelledOwned {
    pub(super) fn new(token: CancelToken) -> Self {
        Self { token, place: None }
    }
}

impl Future for CancelledOwned {
    type Output = CancelReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CancelReason> {
        let this = &mut *self;
        wait(&this.token, &mut this.place, cx)
    }
}

impl Drop for CancelledOwned {
    fn drop(&mut self) {
        leave(&self.token, self.place);
    }
}

shows!([] CancelledOwned, this => (this.token));

fn wait(
    token: &CancelToken,
    place: &mut Option<usize>,
    cx: &mut Context<'_>,
) -> Poll<CancelReason> {
    // One that has waited is woken for it once, and goes on.
    if place.is_none() && token.is_cancelled() {
        ready!(turn::take(cx)).used();
    }
    token.node().watch(place, cx.waker())
}

fn leave(token: &CancelToken, place: Option<usize>) {
    if let Some(place) = place {
        token.node().unwatch(place);
    }
}
