//! What is kept for those who wait, each under a ticket: in the order of the tickets, and without memory for each.
//!
//! 1. The places are in the order of their tickets. Some are empty: of those who have gone.
//! 2. The first place and the last one are not empty, and of more than a few at least half are not. So each step costs the
//!    logarithm of how many are there, and on the average a few moves more.

use std::collections::VecDeque;

/// So many places may be there whether or not they are empty.
const FEW: usize = 16;
/// Memory for so many is kept.
const KEPT: usize = 64;

/// Names somebody who waits. Whoever comes later has a greater one.
pub(in crate::group) type Ticket = u64;

/// A `T` for each of those who wait.
pub(in crate::group) struct Tickets<T> {
    places: VecDeque<(Ticket, Option<T>)>,
    /// How many places are not empty.
    len: usize,
}

impl<T> Tickets<T> {
    pub(in crate::group) fn new() -> Self {
        Self {
            places: VecDeque::new(),
            len: 0,
        }
    }

    /// Keeps something under a ticket, which is greater than all that were there.
    pub(in crate::group) fn push(&mut self, ticket: Ticket, what: T) {
        debug_assert!(self.places.back().is_none_or(|(last, _)| *last < ticket));
        self.places.push_back((ticket, Some(what)));
        self.len += 1;
    }

    pub(in crate::group) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is under a ticket.
    pub(in crate::group) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        let at = self.find(ticket)?;
        self.places[at].1.as_mut()
    }

    /// Takes out what is under a ticket.
    pub(in crate::group) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.find(ticket)?;
        let what = self.places[at].1.take()?;
        self.went();
        Some(what)
    }

    /// Takes out what is under the lowest ticket.
    pub(in crate::group) fn pop_first(&mut self) -> Option<(Ticket, T)> {
        let (ticket, what) = self.places.front_mut()?;
        let first = (*ticket, what.take()?);
        self.went();
        Some(first)
    }

    /// Takes out everything, in its order, and says how much it was.
    pub(in crate::group) fn clear(&mut self, each: impl FnMut(T)) -> usize {
        let places = std::mem::take(&mut self.places);
        places
            .into_iter()
            .filter_map(|(_, what)| what)
            .for_each(each);
        std::mem::take(&mut self.len)
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        // Who is asked for is nearly always the first.
        if self.places.front()?.0 == ticket {
            return Some(0);
        }
        self.places
            .binary_search_by_key(&ticket, |place| place.0)
            .ok()
    }

    /// One place has become empty.
    fn went(&mut self) {
        self.len -= 1;
        while self.places.front().is_some_and(|(_, what)| what.is_none()) {
            self.places.pop_front();
        }
        while self.places.back().is_some_and(|(_, what)| what.is_none()) {
            self.places.pop_back();
        }
        if self.places.len() > FEW.max(2 * self.len) {
            self.places.retain(|(_, what)| what.is_some());
        }
        if self.places.capacity() > KEPT.max(8 * self.places.len()) {
            self.places.shrink_to(KEPT.max(2 * self.places.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What (2) says.
    fn check<T>(tickets: &Tickets<T>) {
        let places = &tickets.places;
        assert!(places.iter().is_sorted_by(|one, next| one.0 < next.0));
        assert!(places.front().is_none_or(|(_, what)| what.is_some()));
        assert!(places.back().is_none_or(|(_, what)| what.is_some()));
        let there = places.iter().filter(|(_, what)| what.is_some()).count();
        assert_eq!(there, tickets.len);
        assert!(places.len() <= FEW.max(2 * there));
    }

    #[test]
    fn it_is_an_ordered_map() {
        // By a generator of Knuth's.
        let mut state = 1_u64;
        let mut draw = |end: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % end
        };
        let (mut tickets, mut model) = (Tickets::new(), BTreeMap::new());
        let (mut last, mut is_growing) = (0_u64, true);
        for n in 0..200_000_u32 {
            is_growing ^= draw(500) == 0;
            let step = draw(if is_growing { 7 } else { 4 });
            // Sometimes one that was never there.
            let any = last.saturating_sub(draw(200)) + draw(2);
            match step {
                0 => assert_eq!(tickets.pop_first(), model.pop_first()),
                1 | 2 => assert_eq!(tickets.remove(any), model.remove(&any)),
                3 if draw(5_000) == 0 => {
                    let mut all = Vec::new();
                    let count = tickets.clear(|what| all.push(what));
                    assert_eq!(count, model.len());
                    assert!(all.into_iter().eq(std::mem::take(&mut model).into_values()));
                }
                3 => assert_eq!(tickets.get_mut(any), model.get_mut(&any)),
                _ => {
                    last += 1 + draw(3);
                    tickets.push(last, n);
                    model.insert(last, n);
                }
            }
            check(&tickets);
            assert_eq!(tickets.len, model.len());
        }
    }

    #[test]
    fn one_that_is_forgotten_costs_nobody_else_anything() {
        let mut tickets = Tickets::new();
        tickets.push(0, ());
        tickets.push(1, ());
        for ticket in 2..1_000_000 {
            tickets.push(ticket, ());
            assert_eq!(tickets.remove(ticket - 1), Some(()));
            assert!(tickets.places.capacity() <= KEPT);
        }
        check(&tickets);
        assert_eq!(tickets.len, 2);
        assert!(tickets.get_mut(0).is_some() && tickets.get_mut(999_999).is_some());
    }

    #[test]
    fn many_go_in_any_order() {
        const MANY: u64 = 100_000;
        // 7 and 100,000 have no common divisor, so each comes once.
        let orders: [fn(u64) -> u64; 4] = [
            |n| n,
            |n| MANY - 1 - n,
            |n| n * 7 % MANY,
            |n| if n % 2 == 0 { n / 2 } else { MANY - 1 - n / 2 },
        ];
        for order in orders {
            let mut tickets = Tickets::new();
            (0..MANY).for_each(|ticket| tickets.push(ticket, ticket));
            for ticket in (0..MANY).map(order) {
                assert_eq!(tickets.remove(ticket), Some(ticket));
                assert_eq!(tickets.remove(ticket), None);
            }
            check(&tickets);
            assert!(tickets.len == 0 && tickets.places.capacity() <= KEPT);
        }
    }
}
