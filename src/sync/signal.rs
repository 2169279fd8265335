//! Whom to tell when something has changed, and waiting for it as a task and as a thread.
//!
//! All that waits in this folder waits here: try, listen, try again, sleep.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use event_listener::{EventListener, Listener};

use super::blocking::ensure_may_block;
use super::relay::{Relay, flush};
use crate::blocked::while_blocked;
use crate::turn;

/// Those who wait for something to change.
pub(super) struct Signal(event_listener::Event);

impl Signal {
    pub(super) const fn new() -> Self {
        Self(event_listener::Event::new())
    }

    /// It has changed for one of them. Who was told and goes away untouched tells the next.
    pub(super) fn tell_one(&self) {
        if self.0.notify_additional(1) > 0 {
            flush();
        }
    }

    /// It has changed for all of them.
    pub(super) fn tell_all(&self) {
        if self.0.notify(usize::MAX) > 0 {
            flush();
        }
    }

    /// Blocks this thread until an attempt succeeds.
    ///
    /// # Panics
    ///
    /// If the first attempt fails and this is the only thread of a runtime.
    #[track_caller]
    pub(super) fn block<R>(&self, mut attempt: impl FnMut() -> Option<R>) -> R {
        if let Some(done) = attempt() {
            return done;
        }
        ensure_may_block();
        let done = self.block_until(None, attempt);
        done.expect("a wait without end has an end")
    }

    /// Blocks this thread until an attempt succeeds, but no longer than so long. What succeeds at the last instant counts.
    pub(super) fn block_for<R>(
        &self,
        limit: Duration,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        attempt().or_else(|| self.block_until(Instant::now().checked_add(limit), attempt))
    }

    fn block_until<R>(
        &self,
        until: Option<Instant>,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        loop {
            let listener = self.0.listen();
            if let Some(done) = attempt() {
                // It may have been told: then it tells the next.
                drop(listener);
                flush();
                return Some(done);
            }
            match until {
                None => while_blocked(|| listener.wait()),
                Some(until) => {
                    if while_blocked(|| listener.wait_deadline(until)).is_none() {
                        return attempt();
                    }
                }
            }
            if let Some(done) = attempt() {
                return Some(done);
            }
        }
    }
}

/// One who waits, as a task. Dropped, it leaves the line, and if it was told, it tells the next.
#[derive(Default)]
pub(super) struct Waiting {
    listener: Option<EventListener>,
    relay: Option<Arc<Relay>>,
}

impl Waiting {
    pub(super) const fn new() -> Self {
        Self {
            listener: None,
            relay: None,
        }
    }

    /// Ready when an attempt succeeds. Else the task is woken when the signal is given.
    pub(super) fn poll<R>(
        &mut self,
        signal: &Signal,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        // Before anything is asked: a waiter that was notified and is refused is notified still.
        let unit = ready!(turn::take(cx));
        loop {
            // Asked before the attempt: who takes what he was notified of does not tell the next of it as well.
            let pending = self.listener.as_mut().map(|listener| {
                let relay = self.relay.get_or_insert_default().stand_for(cx.waker());
                let mut cx = Context::from_waker(&relay);
                Pin::new(listener).poll(&mut cx).is_pending()
            });
            if pending == Some(false) {
                self.listener = None;
            }
            if let Some(done) = attempt() {
                self.leave();
                unit.used();
                return Poll::Ready(done);
            }
            match pending {
                Some(true) => return Poll::Pending,
                _ => self.listener = Some(signal.0.listen()),
            }
        }
    }

    fn leave(&mut self) {
        if let Some(listener) = self.listener.take() {
            drop(listener);
            flush();
        }
        if let Some(relay) = &self.relay {
            relay.retire();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}
