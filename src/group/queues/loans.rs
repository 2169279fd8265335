//! ConcurrencyLimit that are lent: a child that awaits a sibling in line has it run in its own slot meanwhile.
//!
//! 1. A child lends its slot to one sibling at a time, its *guest*. What it awaits besides comes when that is over.
//! 2. A guest holds no slot. If its lender is over before it, it has what the lender had: the slot, or the lender's own loan.
//! 3. A child is known by its number.
//! 4. Who awaits whom is known as well, also where nobody is in line: until the awaited one is over, or the other.

use std::collections::{HashMap, VecDeque};

/// Who lends to whom. Empty in nearly every group that has a limit.
#[derive(Default)]
pub(in crate::group) struct Loans {
    guests: HashMap<u64, u64>,
    /// The other way round.
    lenders: HashMap<u64, u64>,
    /// What lenders await besides their guests.
    awaited: HashMap<u64, VecDeque<u64>>,
    /// By whom each is awaited, and for how many each of those waits.
    awaiters: HashMap<u64, u64>,
    waits: HashMap<u64, u64>,
}

/// What the end of a child does to the slot that it ran in.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::group) enum Vacated {
    /// It is free.
    Slot,
    /// It is its guest's from now on.
    TakenOver,
    /// It is the lender's again, which may lend it to the next.
    Back(u64),
}

impl Loans {
    /// How many run in the slot of another.
    pub(in crate::group) fn len(&self) -> usize {
        self.guests.len()
    }

    /// Is nobody known here?
    pub(in crate::group) fn is_empty(&self) -> bool {
        self.guests.is_empty() && self.waits.is_empty()
    }

    /// Those who await a sibling.
    pub(in crate::group) fn waiting(&self) -> impl Iterator<Item = &u64> {
        self.waits.keys()
    }

    /// Does a child run in its slot?
    pub(in crate::group) fn has_guest(&self, lender: u64) -> bool {
        self.guests.contains_key(&lender)
    }

    /// Nobody awaits this child any more.
    pub(in crate::group) fn is_not_awaited(&mut self, child: u64) {
        if let Some(waiter) = self.awaiters.remove(&child) {
            self.waits_less(waiter);
        }
    }

    /// A child awaits another.
    pub(in crate::group) fn awaits(&mut self, waiter: u64, child: u64) {
        let before = self.awaiters.insert(child, waiter);
        *self.waits.entry(waiter).or_default() += 1;
        if let Some(before) = before {
            self.waits_less(before);
        }
    }

    fn waits_less(&mut self, waiter: u64) {
        if let Some(count) = self.waits.get_mut(&waiter) {
            *count -= 1;
            if *count == 0 {
                self.waits.remove(&waiter);
            }
        }
    }

    /// May it lend its slot? Otherwise the child that it awaits is its guest in its turn.
    pub(in crate::group) fn may_lend(&mut self, lender: u64, child: u64) -> bool {
        let is_free = !self.has_guest(lender);
        if !is_free {
            let awaited = self.awaited.entry(lender).or_default();
            if !awaited.contains(&child) {
                awaited.push_back(child);
            }
        }
        is_free
    }

    pub(in crate::group) fn lend(&mut self, lender: u64, guest: u64) {
        self.guests.insert(lender, guest);
        self.lenders.insert(guest, lender);
    }

    /// The next that a lender awaits.
    pub(in crate::group) fn next_awaited(&mut self, lender: u64) -> Option<u64> {
        let awaited = self.awaited.get_mut(&lender)?;
        let next = awaited.pop_front();
        if awaited.is_empty() {
            self.awaited.remove(&lender);
        }
        next
    }

    /// A child that was under way is over.
    pub(in crate::group) fn over(&mut self, child: u64) -> Vacated {
        self.awaited.remove(&child);
        self.is_not_awaited(child);
        if self.waits.remove(&child).is_some() {
            self.awaiters.retain(|_, waiter| *waiter != child);
        }
        let lender = self.lenders.remove(&child);
        if let Some(lender) = lender {
            self.guests.remove(&lender);
        }
        match (self.guests.remove(&child), lender) {
            (None, None) => Vacated::Slot,
            (None, Some(lender)) => Vacated::Back(lender),
            (Some(guest), None) => {
                self.lenders.remove(&guest);
                Vacated::TakenOver
            }
            (Some(guest), Some(lender)) => {
                self.lend(lender, guest);
                Vacated::TakenOver
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_hands_its_slot_on_in_any_order_of_ends() {
        // 1 has a slot, 2 runs in it, and 3 in that of 2.
        let chain = || {
            let mut loans = Loans::default();
            assert!(loans.may_lend(1, 2));
            loans.lend(1, 2);
            assert!(loans.may_lend(2, 3));
            loans.lend(2, 3);
            loans
        };
        let mut loans = chain();
        assert_eq!(loans.over(3), Vacated::Back(2));
        assert_eq!(loans.over(2), Vacated::Back(1));
        assert_eq!(loans.over(1), Vacated::Slot);
        let mut loans = chain();
        assert_eq!(loans.over(2), Vacated::TakenOver);
        assert_eq!(loans.over(3), Vacated::Back(1));
        let mut loans = chain();
        assert_eq!(loans.over(1), Vacated::TakenOver);
        assert_eq!(loans.over(2), Vacated::TakenOver);
        assert_eq!(loans.over(3), Vacated::Slot);
        assert_eq!((loans.len(), loans.lenders.len()), (0, 0));
    }

    #[test]
    fn who_awaits_whom_is_known_until_one_of_them_is_over() {
        let mut loans = Loans::default();
        let waiting = |loans: &Loans| {
            let mut all: Vec<_> = loans.waiting().copied().collect();
            all.sort_unstable();
            all
        };
        for (waiter, child) in [(1, 2), (1, 3), (1, 3), (4, 5), (6, 5)] {
            loans.awaits(waiter, child);
        }
        assert_eq!(waiting(&loans), [1, 6]);
        assert_eq!(loans.over(2), Vacated::Slot);
        assert_eq!(waiting(&loans), [1, 6]);
        loans.over(3);
        loans.over(6);
        assert!(loans.is_empty() && loans.awaiters.is_empty());
    }

    #[test]
    fn one_guest_at_a_time() {
        let mut loans = Loans::default();
        assert!(loans.may_lend(1, 2));
        loans.lend(1, 2);
        assert!(!loans.may_lend(1, 3) && !loans.may_lend(1, 4) && !loans.may_lend(1, 3));
        assert_eq!(loans.over(2), Vacated::Back(1));
        assert_eq!(
            (loans.next_awaited(1), loans.next_awaited(1)),
            (Some(3), Some(4))
        );
        assert_eq!(loans.next_awaited(1), None);
    }
}
