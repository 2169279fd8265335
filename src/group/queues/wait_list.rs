//! Who waits for a slot, by tickets, and which of them are children of the same group: they hold one meanwhile.

use std::collections::HashMap;

pub(in crate::group) use crate::limiter::{Ticket, Waiting};

/// Children of the group that wait for a slot to spawn into, by the tickets that they wait with.
pub(in crate::group) struct Askers {
    tickets: Waiting<u64>,
    /// How many tickets each of them has.
    counts: HashMap<u64, u64>,
}

impl Askers {
    pub(in crate::group) fn new() -> Self {
        Self {
            tickets: Waiting::new(),
            counts: HashMap::new(),
        }
    }

    /// Once for each ticket.
    pub(in crate::group) fn add(&mut self, ticket: Ticket, child: u64) {
        if self.tickets.insert(ticket, child).is_none() {
            *self.counts.entry(child).or_default() += 1;
        }
    }

    pub(in crate::group) fn remove(&mut self, ticket: Ticket) {
        if let Some(child) = self.tickets.remove(ticket) {
            let count = self.counts.entry(child).or_default();
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&child);
            }
        }
    }

    pub(in crate::group) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// How many children they are.
    pub(in crate::group) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Is this child one?
    pub(in crate::group) fn has(&self, child: u64) -> bool {
        self.counts.contains_key(&child)
    }

    /// The ticket of the one that has waited longest.
    pub(in crate::group) fn first(&self) -> Option<Ticket> {
        self.tickets.first()
    }
}
