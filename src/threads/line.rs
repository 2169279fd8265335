//! Who waits, in the order of coming.
//!
//! 1. An entry leaves the line once: it is served, or it leaves by itself.
//! 2. Whoever is served gets what it waits for in that step, under the lock of what the line belongs to. So nobody who comes
//!    later is first, and one that was served and does not want it any more has something to pass on.

use std::collections::BTreeMap;
use std::task::Waker;

/// Those who wait, each with a remark.
pub(super) struct Line<X> {
    next: u64,
    waiting: BTreeMap<u64, (Waker, X)>,
}

impl<X> Line<X> {
    pub(super) const fn new() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Goes to the end of the line: its ticket.
    pub(super) fn join(&mut self, waker: Waker, remark: X) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.waiting.insert(ticket, (waker, remark));
        ticket
    }

    /// Whom to wake for a ticket from now on, and the waker that was there before. The error is the waker: it was served.
    pub(super) fn stay(&mut self, ticket: u64, waker: Waker) -> Result<Waker, Waker> {
        match self.waiting.get_mut(&ticket) {
            Some((kept, _)) => Ok(std::mem::replace(kept, waker)),
            None => Err(waker),
        }
    }

    /// Leaves the line: its waker, or `None` if it was served.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        self.waiting.remove(&ticket).map(|(waker, _)| waker)
    }

    /// Takes out the first.
    pub(super) fn serve(&mut self) -> Option<(Waker, X)> {
        self.waiting.pop_first().map(|(_, served)| served)
    }
}
