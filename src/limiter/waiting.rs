//! What is kept for each of those who wait, by their tickets.

use std::collections::VecDeque;
use std::mem;

/// Names somebody who waits. Later ones are greater.
pub(crate) type Ticket = u64;

/// The lowest ticket has waited longest. Tickets come nearly in their order, and most leave in it, so they lie in a row; that is a
/// fraction of the code of a tree.
pub(crate) struct Waiting<T> {
    /// In the order of the tickets, without a value where one left out of turn. The first and the last have one.
    row: VecDeque<(Ticket, Option<T>)>,
    len: usize,
}

/// Where nobody waits, there is memory for this many at the most.
const MOST_KEPT: usize = 16;

impl<T> Waiting<T> {
    pub(crate) const fn new() -> Self {
        Self {
            row: VecDeque::new(),
            len: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn find(&self, ticket: Ticket) -> Result<usize, usize> {
        self.row
            .binary_search_by_key(&ticket, |(ticket, _)| *ticket)
    }

    /// Gives the value that was there for this ticket.
    pub(crate) fn insert(&mut self, ticket: Ticket, value: T) -> Option<T> {
        let entry = (ticket, Some(value));
        let before = match self.row.back() {
            Some((last, _)) if *last >= ticket => match self.find(ticket) {
                Ok(at) => mem::replace(&mut self.row[at], entry).1,
                Err(at) => {
                    self.row.insert(at, entry);
                    None
                }
            },
            _ => {
                self.row.push_back(entry);
                None
            }
        };
        self.len += usize::from(before.is_none());
        before
    }

    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        let at = self.find(ticket).ok()?;
        self.row[at].1.as_mut()
    }

    pub(crate) fn has(&self, ticket: Ticket) -> bool {
        self.find(ticket).is_ok_and(|at| self.row[at].1.is_some())
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.find(ticket).ok()?;
        let value = self.row[at].1.take()?;
        self.has_left();
        Some(value)
    }

    /// The one that has waited longest.
    pub(crate) fn first(&self) -> Option<Ticket> {
        self.row.front().map(|(ticket, _)| *ticket)
    }

    pub(crate) fn pop_first(&mut self) -> Option<(Ticket, T)> {
        let (ticket, value) = self.row.front_mut()?;
        let first = (*ticket, value.take()?);
        self.has_left();
        Some(first)
    }

    /// One has left. The row is no longer than twice as many as are there.
    fn has_left(&mut self) {
        self.len -= 1;
        while let Some((_, None)) = self.row.front() {
            self.row.pop_front();
        }
        while let Some((_, None)) = self.row.back() {
            self.row.pop_back();
        }
        if self.row.len() > 2 * self.len {
            self.row.retain(|(_, value)| value.is_some());
        }
        if self.len == 0 && self.row.capacity() > MOST_KEPT {
            *self = Self::new();
        }
    }

    /// In the order of the tickets.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.row.iter().filter_map(|(_, value)| value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws what is done, and holds it against a tree.
    #[test]
    fn it_is_as_a_tree_of_tickets() {
        let (mut waiting, mut tree) = (Waiting::new(), std::collections::BTreeMap::new());
        let mut seed = 1_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for step in 0..20_000 {
            // Nearly in order, and none for long stretches.
            let ticket = step / 4 + draw(50);
            match draw(if step % 1_000 < 500 { 4 } else { 8 }) {
                0 | 1 => assert_eq!(waiting.insert(ticket, step), tree.insert(ticket, step)),
                2 => assert_eq!(waiting.pop_first(), tree.pop_first()),
                3 => assert_eq!(waiting.get_mut(ticket), tree.get_mut(&ticket)),
                _ => assert_eq!(waiting.remove(ticket), tree.remove(&ticket)),
            }
            assert_eq!(
                (waiting.len(), waiting.has(ticket)),
                (tree.len(), tree.contains_key(&ticket))
            );
            assert_eq!(waiting.first(), tree.keys().next().copied());
            assert!(waiting.values().eq(tree.values()));
            assert!(waiting.row.len() <= 2 * waiting.len());
        }
    }

    #[test]
    fn what_was_long_once_does_not_stay_so() {
        let mut waiting = Waiting::new();
        (0..1_000).for_each(|ticket| assert_eq!(waiting.insert(ticket, ()), None));
        (0..1_000)
            .rev()
            .for_each(|ticket| assert_eq!(waiting.remove(ticket), Some(())));
        assert!(waiting.row.capacity() <= MOST_KEPT);
    }
}
