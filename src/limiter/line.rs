//! Who waits, in the order of coming.
//!
//! 1. An entry leaves the line once: it is served, or it leaves by itself.
//! 2. A waiter that is served gets what it waits for in that step, under the lock of what the line belongs to. So nobody who comes
//!    later is first, and one that was served and does not want it any more has something to pass on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::waiting::{Ticket, Waiting};
use crate::error::unhandled::drop_quietly;
use crate::turn;

/// Those who wait, each with a remark.
pub(crate) struct Line<X> {
    next: Ticket,
    waiting: Waiting<(Waker, X)>,
}

impl<X> Line<X> {
    pub(crate) const fn new() -> Self {
        Self {
            next: 0,
            waiting: Waiting::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The remarks of those who wait, in their order.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &X> {
        self.waiting.values().map(|(_, remark)| remark)
    }

    /// Goes to the end of the line: its ticket.
    fn join(&mut self, waker: Waker, remark: X) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting.insert(ticket, (waker, remark));
        ticket
    }

    /// Whom to wake for a ticket from now on, and the waker that was there before. The error is the waker: it was served.
    fn stay(&mut self, ticket: Ticket, waker: Waker) -> Result<Waker, Waker> {
        match self.waiting.get_mut(ticket) {
            Some((kept, _)) => Ok(std::mem::replace(kept, waker)),
            None => Err(waker),
        }
    }

    /// Takes out whoever has this ticket. `None`: it was served.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<(Waker, X)> {
        self.waiting.remove(ticket)
    }

    /// Takes out the first.
    pub(crate) fn serve(&mut self) -> Option<(Ticket, Waker, X)> {
        let (ticket, (waker, remark)) = self.waiting.pop_first()?;
        Some((ticket, waker, remark))
    }
}

/// What has a line, under one lock.
pub(crate) trait Lined {
    /// What is remarked of those who wait.
    type Who: Copy;
    /// Panics, since the future was polled after it was ready.
    fn was_ready() -> !;

    fn line(&mut self) -> &mut Line<Self::Who>;

    /// Takes it for somebody who has just come, if it is to be had.
    fn take(&mut self, who: Self::Who) -> bool;

    /// Takes it for somebody in line before its turn.
    fn take_early(&mut self, _who: Self::Who) -> bool {
        false
    }

    /// Somebody stands in line.
    fn came(&mut self, _ticket: Ticket, _who: Self::Who) {}

    /// It has left the line, and was not served.
    fn went(&mut self, _ticket: Ticket, _who: Self::Who) {}

    /// Puts somebody in line: its ticket.
    fn join(&mut self, waker: Waker, who: Self::Who) -> Ticket {
        let ticket = self.line().join(waker, who);
        self.came(ticket, who);
        ticket
    }

    /// Takes somebody out of the line: its waker, or `None` if it was served.
    fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        let (waker, who) = self.line().leave(ticket)?;
        self.went(ticket, who);
        Some(waker)
    }
}

/// The lock of something that has a line. Nothing panics under it that could leave it half-way.
pub(crate) fn locked<S>(lock: &Mutex<S>) -> MutexGuard<'_, S> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where somebody stands who wants what has a line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing {
    Outside,
    InLine(Ticket),
    /// It has got it.
    Served,
}

impl Standing {
    /// Takes it or waits for it, as one poll of a future.
    ///
    /// # Panics
    ///
    /// If it was ready before.
    pub(crate) fn poll<S: Lined>(
        &mut self,
        lock: &Mutex<S>,
        who: S::Who,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let unit = ready!(turn::take(cx));
        // Cloned, and what is left over dropped, outside of the lock: wakers are user code.
        let waker = cx.waker().clone();
        let (served, left_over) = {
            let mut state = locked(lock);
            match *self {
                Self::Outside if state.take(who) => (true, Some(waker)),
                Self::Outside => {
                    *self = Self::InLine(state.join(waker, who));
                    (false, None)
                }
                Self::InLine(ticket) => match state.line().stay(ticket, waker) {
                    Ok(old) if state.take_early(who) => (true, state.leave(ticket).or(Some(old))),
                    Ok(old) => (false, Some(old)),
                    Err(waker) => (true, Some(waker)),
                },
                Self::Served => {
                    drop(state);
                    S::was_ready()
                }
            }
        };
        drop_quietly("a waker", left_over);
        if !served {
            return Poll::Pending;
        }
        unit.used();
        *self = Self::Served;
        Poll::Ready(())
    }

    /// Takes it, or waits for it with a waker that is the crate's own: whether it was taken.
    pub(crate) fn take_or_wait<S: Lined>(
        &mut self,
        lock: &Mutex<S>,
        who: S::Who,
        waker: impl FnOnce() -> Waker,
    ) -> bool {
        let mut state = locked(lock);
        let is_served = match *self {
            Self::Outside => state.take(who),
            Self::InLine(ticket) => !state.line().waiting.has(ticket),
            Self::Served => false,
        };
        if is_served {
            *self = Self::Served;
        } else if matches!(self, Self::Outside) {
            *self = Self::InLine(state.join(waker(), who));
        }
        is_served
    }

    /// Goes away, for good. `true`: its turn had come, and it has not taken it; so it passes it on.
    #[must_use = "what it was served with has to be passed on"]
    pub(crate) fn leave<S: Lined>(&mut self, lock: &Mutex<S>) -> bool {
        let Self::InLine(ticket) = *self else {
            return false;
        };
        *self = Self::Served;
        let left = locked(lock).leave(ticket);
        let was_served = left.is_none();
        drop_quietly("a waker", left);
        was_served
    }
}
