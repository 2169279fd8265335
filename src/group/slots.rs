//! The limit of a group: how many children may be under way, and who waits for a slot.
//!
//! 1. Children in line come before callers that wait to spawn; both are served first come first served among themselves.
//! 2. A slot is free, or held by a child that has started and is not over, or promised to one caller.
//! 3. A promise stands until the caller redeems it, goes away, or is dismissed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::task::Waker;

/// The slots of a group; `C` is a child in line.
pub(super) struct Slots<C> {
    /// Most groups have no limit: nobody counts then, and nobody waits.
    limited: Option<Box<Limited<C>>>,
    /// The group takes no more children, so callers wait for nothing.
    dismissed: bool,
}

struct Limited<C> {
    limit: NonZeroUsize,
    /// Started and not over, or promised.
    taken: usize,
    line: VecDeque<C>,
    /// Callers that wait, by ticket: the lowest has waited longest.
    callers: BTreeMap<u64, Waker>,
    /// Callers that were promised a slot.
    promised: BTreeSet<u64>,
    next_ticket: u64,
}

impl<C> Slots<C> {
    pub(super) fn new(limit: Option<NonZeroUsize>) -> Self {
        let limited = limit.map(|limit| {
            Box::new(Limited {
                limit,
                taken: 0,
                line: VecDeque::new(),
                callers: BTreeMap::new(),
                promised: BTreeSet::new(),
                next_ticket: 0,
            })
        });
        Self {
            limited,
            dismissed: false,
        }
    }

    #[inline]
    pub(super) fn is_limited(&self) -> bool {
        self.limited.is_some()
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.limited.as_ref().map(|limited| limited.limit.get())
    }

    /// A child wants to start: gives it back if it may, otherwise it is in line.
    #[inline]
    pub(super) fn start(&mut self, child: C, in_line: impl FnOnce(&C)) -> Option<C> {
        match &mut self.limited {
            None => Some(child),
            Some(limited) => limited.start(child, in_line),
        }
    }

    /// A child that had started is over: the next in line, which starts now.
    pub(super) fn release(&mut self, wake: impl FnMut(Waker)) -> Option<C> {
        self.limited.as_mut()?.release(wake)
    }

    pub(super) fn waiting(&self) -> usize {
        self.limited
            .as_ref()
            .map_or(0, |limited| limited.line.len())
    }

    /// Takes out of the line whoever will not start.
    pub(super) fn leave_line(&mut self, is_it: impl FnMut(&C) -> bool) -> Option<C> {
        let line = &mut self.limited.as_mut()?.line;
        let at = line.iter().position(is_it)?;
        line.remove(at)
    }

    /// Empties the line, but for those who stay: nobody who is given back will start.
    pub(super) fn clear_line(&mut self, stays: impl Fn(&C) -> bool) -> VecDeque<C> {
        let Some(limited) = &mut self.limited else {
            return VecDeque::new();
        };
        let line = std::mem::take(&mut limited.line);
        if !line.iter().any(&stays) {
            return line;
        }
        let (stay, go) = line.into_iter().partition(stays);
        limited.line = stay;
        go
    }

    /// Wakes all callers and takes their promises back: there will be nothing to spawn into.
    pub(super) fn dismiss(&mut self, wake: impl FnMut(Waker)) {
        self.dismissed = true;
        if let Some(limited) = &mut self.limited {
            limited.taken -= std::mem::take(&mut limited.promised).len();
            std::mem::take(&mut limited.callers)
                .into_values()
                .for_each(wake);
        }
    }

    /// The next child in line, if there is a free slot for it.
    pub(super) fn start_next(&mut self) -> Option<C> {
        self.limited.as_mut()?.start_next()
    }

    /// A caller asks for a slot, for the first time or again: whether it has to wait no longer. A waker that is not needed
    /// comes back, for the caller to drop.
    pub(super) fn ask(&mut self, ticket: &mut Option<u64>, waker: Waker) -> (bool, Option<Waker>) {
        match &mut self.limited {
            Some(limited) if !self.dismissed => limited.ask(ticket, waker),
            _ => (true, Some(waker)),
        }
    }

    /// A caller spawns the child that its slot was promised for.
    pub(super) fn redeem(&mut self, ticket: u64) {
        if let Some(limited) = &mut self.limited {
            limited.promised.remove(&ticket);
        }
    }

    /// A caller goes away without having spawned: out of the line, or its promise passes on. Its waker comes back.
    pub(super) fn leave(
        &mut self,
        ticket: u64,
        wake: impl FnMut(Waker),
    ) -> (Option<C>, Option<Waker>) {
        let Some(limited) = &mut self.limited else {
            return (None, None);
        };
        if limited.promised.remove(&ticket) {
            (limited.release(wake), None)
        } else {
            (None, limited.callers.remove(&ticket))
        }
    }
}

impl<C> Limited<C> {
    fn has_free(&self) -> bool {
        self.taken < self.limit.get()
    }

    fn start(&mut self, child: C, in_line: impl FnOnce(&C)) -> Option<C> {
        if self.has_free() {
            self.taken += 1;
            Some(child)
        } else {
            in_line(&child);
            self.line.push_back(child);
            None
        }
    }

    fn release(&mut self, wake: impl FnMut(Waker)) -> Option<C> {
        self.taken -= 1;
        if !self.has_free() {
            return None;
        }
        if let Some(next) = self.line.pop_front() {
            self.taken += 1;
            return Some(next);
        }
        self.promise(wake);
        None
    }

    /// Promises a free slot to the caller that has waited longest.
    fn promise(&mut self, mut wake: impl FnMut(Waker)) {
        if let Some((ticket, waker)) = self.callers.pop_first() {
            self.taken += 1;
            self.promised.insert(ticket);
            wake(waker);
        }
    }

    fn start_next(&mut self) -> Option<C> {
        let next = if self.has_free() {
            self.line.pop_front()
        } else {
            None
        };
        self.taken += usize::from(next.is_some());
        next
    }

    fn ask(&mut self, ticket: &mut Option<u64>, waker: Waker) -> (bool, Option<Waker>) {
        if ticket.is_some_and(|ticket| self.promised.contains(&ticket)) {
            return (true, Some(waker));
        }
        if let Some(ticket) = *ticket {
            return (false, self.callers.insert(ticket, waker));
        }
        self.next_ticket += 1;
        *ticket = Some(self.next_ticket);
        if self.has_free() && self.line.is_empty() {
            self.taken += 1;
            self.promised.insert(self.next_ticket);
            (true, Some(waker))
        } else {
            self.callers.insert(self.next_ticket, waker);
            (false, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(limit: usize) -> Slots<u32> {
        Slots::new(NonZeroUsize::new(limit))
    }

    fn waker() -> Waker {
        Waker::noop().clone()
    }

    #[test]
    fn without_a_limit_everything_starts() {
        let mut slots = slots(0);
        assert!((0..100).all(|child| slots.start(child, |_| ()) == Some(child)));
    }

    #[test]
    fn the_line_is_served_in_order_and_before_callers() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        assert_eq!(slots.start(0, |_| ()), Some(0));
        assert_eq!(slots.start(1, |_| ()), None);
        assert_eq!(slots.start(2, |_| ()), None);
        let mut ticket = None;
        assert!(!slots.ask(&mut ticket, waker()).0);
        assert_eq!(slots.waiting(), 2);
        assert_eq!(slots.release(|waker| wakes.push(waker)), Some(1));
        assert_eq!(slots.release(|waker| wakes.push(waker)), Some(2));
        assert!(wakes.is_empty());
        assert_eq!(slots.release(|waker| wakes.push(waker)), None);
        assert_eq!(wakes.len(), 1);
        assert!(slots.ask(&mut ticket, waker()).0);
        // The promise holds the slot, and so does the child that comes of it.
        assert_eq!(slots.start(3, |_| ()), None);
        slots.redeem(ticket.unwrap());
        assert_eq!(slots.release(|waker| wakes.push(waker)), Some(3));
    }

    #[test]
    fn a_caller_that_goes_away_passes_its_promise_on() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        slots.start(0, |_| ());
        let (mut first, mut second) = (None, None);
        assert!(!slots.ask(&mut first, waker()).0);
        assert!(!slots.ask(&mut second, waker()).0);
        slots.release(|waker| wakes.push(waker));
        assert_eq!(wakes.len(), 1);
        slots.leave(first.unwrap(), |waker| wakes.push(waker));
        assert_eq!(wakes.len(), 2);
        assert!(slots.ask(&mut second, waker()).0);
        slots.leave(second.unwrap(), |waker| wakes.push(waker));
        assert_eq!(slots.start(1, |_| ()), Some(1));
    }

    #[test]
    fn whoever_is_dismissed_holds_nothing() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        slots.start(0, |_| ());
        let mut ticket = None;
        slots.ask(&mut ticket, waker());
        slots.dismiss(|waker| wakes.push(waker));
        assert_eq!(wakes.len(), 1);
        slots.leave(ticket.unwrap(), |waker| wakes.push(waker));
        assert_eq!(slots.release(|waker| wakes.push(waker)), None);
    }

    #[test]
    fn a_promise_that_is_taken_back_frees_its_slot_for_the_line() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        let mut ticket = None;
        assert!(slots.ask(&mut ticket, waker()).0);
        assert_eq!(slots.start(1, |_| ()), None);
        slots.dismiss(|waker| wakes.push(waker));
        assert_eq!(slots.start_next(), Some(1));
        assert_eq!(slots.start_next(), None);
    }
}
