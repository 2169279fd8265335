//! Who waits for a slot, by tickets, and which of them are children of the same group: they hold one meanwhile.

use std::collections::{BTreeMap, HashMap};

/// Names a caller that waits. Later ones are greater.
pub(in crate::group) type Ticket = u64;

/// What is kept for each of those who wait: the first has waited longest.
pub(in crate::group) type WaitList<T> = BTreeMap<Ticket, T>;

/// Children of the group that wait for a slot to spawn into, by the tickets that they wait with.
#[derive(Default)]
pub(in crate::group) struct Askers {
    tickets: WaitList<u64>,
    /// How many tickets each of them has.
    counts: HashMap<u64, usize>,
}

impl Askers {
    /// Once for each ticket.
    pub(in crate::group) fn add(&mut self, ticket: Ticket, child: u64) {
        if self.tickets.insert(ticket, child).is_none() {
            *self.counts.entry(child).or_default() += 1;
        }
    }

    pub(in crate::group) fn remove(&mut self, ticket: Ticket) {
        if let Some(child) = self.tickets.remove(&ticket) {
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
        self.tickets.keys().next().copied()
    }
}
