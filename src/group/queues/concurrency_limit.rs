//! The limit of a group: how many children may be under way, and who waits for a slot.
//!
//! 1. Children in line come before callers that wait to spawn; both are served first come first served among themselves.
//! 2. A slot is free, or held by a child that has started and is not over, or promised to one caller. A child that runs in the
//!    slot of another holds none.
//! 3. A promise stands until the caller redeems it, goes away, or is dismissed.
//! 4. A child that awaits one in line lends its slot: see `loans`.
//! 5. Of children that ask for a slot there is always one that does not wait, or a child that is under way and does not ask: where
//!    all wait for each other, the one that has waited longest joins the line instead.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::task::Waker;

use super::loans::{Loans, Vacated};
use super::wait_list::{Askers, Ticket, WaitList};

/// The slots of a group; `C` is a child in line.
pub(in crate::group) struct ConcurrencyLimit<C> {
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
    /// Callers that wait: the lowest ticket has waited longest.
    callers: WaitList<Waker>,
    /// Callers that were promised a slot.
    promised: BTreeSet<Ticket>,
    last_ticket: Ticket,
    loans: Loans,
    askers: Askers,
}

/// What a caller hears that asks for a slot.
#[derive(Debug)]
pub(in crate::group) enum Answer {
    /// There is one, or the group will say why it takes nobody: it spawns in this critical section.
    Go,
    /// It is woken when there is one. A waker that is not needed any more comes back.
    Wait(Option<Waker>),
    /// It asks again, with a waker of its own.
    NeedsWaker,
}

impl<C> ConcurrencyLimit<C> {
    pub(in crate::group) fn new(limit: Option<NonZeroUsize>) -> Self {
        let limited = limit.map(|limit| {
            Box::new(Limited {
                limit,
                taken: 0,
                line: VecDeque::new(),
                callers: WaitList::new(),
                promised: BTreeSet::new(),
                last_ticket: 0,
                loans: Loans::default(),
                askers: Askers::default(),
            })
        });
        Self {
            limited,
            dismissed: false,
        }
    }

    #[inline]
    pub(in crate::group) fn is_limited(&self) -> bool {
        self.limited.is_some()
    }

    /// Does somebody wait for a slot?
    #[inline]
    pub(in crate::group) fn is_awaited(&self) -> bool {
        let limited = self.limited.as_ref();
        limited.is_some_and(|limited| limited.is_awaited())
    }

    /// Would whoever asks now be the first that waits?
    #[inline]
    pub(in crate::group) fn lacks_one(&self) -> bool {
        let limited = self.limited.as_ref();
        limited.is_some_and(|limited| !limited.has_free() && !limited.is_awaited())
    }

    pub(in crate::group) fn limit(&self) -> Option<usize> {
        self.limited.as_ref().map(|limited| limited.limit.get())
    }

    /// A child wants to start: gives it back if it may, otherwise it is in line.
    #[inline]
    pub(in crate::group) fn start(&mut self, child: C, in_line: impl FnOnce(&C)) -> Option<C> {
        match &mut self.limited {
            None => Some(child),
            Some(limited) => limited.start(child, in_line),
        }
    }

    /// A child that had started is over: the next in line, which starts now.
    pub(in crate::group) fn release(
        &mut self,
        number: impl FnOnce() -> u64,
        is_it: impl Fn(&C, u64) -> bool,
        wake: impl FnMut(Waker),
    ) -> Option<C> {
        let limited = self.limited.as_mut()?;
        if limited.loans.is_empty() {
            return limited.release(wake);
        }
        match limited.loans.over(number()) {
            Vacated::Slot => limited.release(wake),
            Vacated::TakenOver => None,
            Vacated::Back(lender) => limited.lend_next(lender, is_it),
        }
    }

    /// A child that is under way awaits another. If that is in line it starts in its slot, where it comes back here.
    pub(in crate::group) fn lend(
        &mut self,
        lender: u64,
        child: u64,
        is_it: impl Fn(&C, u64) -> bool,
        wake: impl FnMut(Waker),
    ) -> Option<C> {
        let limited = self.limited.as_mut()?;
        limited.loans.awaits(lender, child);
        let at = limited.line.iter().position(|other| is_it(other, child));
        let guest = at.filter(|_| limited.loans.may_lend(lender, child));
        let guest = guest.and_then(|at| limited.line.remove(at));
        match guest {
            Some(_) => limited.loans.lend(lender, child),
            None => limited.resolve(wake),
        }
        guest
    }

    pub(in crate::group) fn waiting(&self) -> usize {
        self.limited
            .as_ref()
            .map_or(0, |limited| limited.line.len())
    }

    /// Takes out of the line whoever will not start.
    pub(in crate::group) fn leave_line(&mut self, is_it: impl FnMut(&C) -> bool) -> Option<C> {
        let line = &mut self.limited.as_mut()?.line;
        let at = line.iter().position(is_it)?;
        line.remove(at)
    }

    /// Empties the line: nobody who is given back will start.
    pub(in crate::group) fn clear_line(&mut self) -> VecDeque<C> {
        let limited = self.limited.as_mut();
        limited.map_or_else(VecDeque::new, |limited| std::mem::take(&mut limited.line))
    }

    /// Wakes all callers and takes their promises back: there will be nothing to spawn into.
    pub(in crate::group) fn dismiss(&mut self, wake: impl FnMut(Waker)) {
        self.dismissed = true;
        if let Some(limited) = &mut self.limited {
            limited.taken -= std::mem::take(&mut limited.promised).len();
            let callers = std::mem::take(&mut limited.callers);
            callers.into_values().for_each(wake);
            limited.askers = Askers::default();
        }
    }

    /// The next child in line, if there is a free slot for it.
    pub(in crate::group) fn start_next(&mut self) -> Option<C> {
        self.limited.as_mut()?.start_next()
    }

    /// A caller asks for a slot, for the first time or again. `own` is a clone of its `waker`, if it has made one: that may not
    /// be done under the lock, and is not necessary where it need not wait. `child` is the number of the group's child that asks,
    /// if one does, said together with `own`.
    #[inline]
    pub(in crate::group) fn ask(
        &mut self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        own: &mut Option<Waker>,
        child: Option<u64>,
        wake: impl FnMut(Waker),
    ) -> Answer {
        match &mut self.limited {
            Some(limited) if !self.dismissed => {
                let answer = limited.ask(ticket, waker, own);
                if let (Answer::Wait(None), Some(child), Some(ticket)) = (&answer, child, *ticket) {
                    limited.askers.add(ticket, child);
                    limited.resolve(wake);
                }
                answer
            }
            _ => Answer::Go,
        }
    }

    /// A caller spawns the child that its slot was promised for. `false`: there is no promise, and the child starts like others.
    pub(in crate::group) fn redeem(&mut self, ticket: Ticket) -> bool {
        let limited = self.limited.as_mut();
        limited.is_some_and(|limited| limited.promised.remove(&ticket))
    }

    /// A caller goes away without having spawned: out of the line, or its promise passes on. Its waker comes back.
    pub(in crate::group) fn leave(
        &mut self,
        ticket: Ticket,
        wake: impl FnMut(Waker),
    ) -> (Option<C>, Option<Waker>) {
        let Some(limited) = &mut self.limited else {
            return (None, None);
        };
        limited.askers.remove(ticket);
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

    fn is_awaited(&self) -> bool {
        !self.line.is_empty() || !self.callers.is_empty()
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
            self.askers.remove(ticket);
            self.taken += 1;
            self.promised.insert(ticket);
            wake(waker);
        }
    }

    /// The next child in line that a lender awaits, which starts in its slot.
    fn lend_next(&mut self, lender: u64, is_it: impl Fn(&C, u64) -> bool) -> Option<C> {
        while let Some(child) = self.loans.next_awaited(lender) {
            let at = self.line.iter().position(|other| is_it(other, child));
            if let Some(guest) = at.and_then(|at| self.line.remove(at)) {
                self.loans.lend(lender, child);
                return Some(guest);
            }
        }
        None
    }

    /// Where every child that is under way waits for a sibling, or for a slot that none of them gives up, the one that has waited
    /// longest for a slot is woken: what it spawns joins the line (5).
    fn resolve(&mut self, wake: impl FnMut(Waker)) {
        if self.askers.is_empty() || !self.promised.is_empty() {
            return;
        }
        let under_way = self.taken + self.loans.len();
        let others = self.loans.waiting();
        let others = others.filter(|child| !self.askers.has(**child));
        if self.askers.len() + others.count() < under_way {
            return;
        }
        if let Some(ticket) = self.askers.first() {
            self.askers.remove(ticket);
            self.callers.remove(&ticket).into_iter().for_each(wake);
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

    fn ask(
        &mut self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        own: &mut Option<Waker>,
    ) -> Answer {
        let Some(known) = *ticket else {
            if self.has_free() && self.line.is_empty() {
                return Answer::Go;
            }
            let Some(own) = own.take() else {
                return Answer::NeedsWaker;
            };
            self.last_ticket += 1;
            *ticket = Some(self.last_ticket);
            self.callers.insert(self.last_ticket, own);
            return Answer::Wait(None);
        };
        match self.callers.get_mut(&known) {
            None => Answer::Go,
            Some(known) if known.will_wake(waker) => Answer::Wait(None),
            Some(known) => match own.take() {
                Some(own) => Answer::Wait(Some(std::mem::replace(known, own))),
                None => Answer::NeedsWaker,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(limit: usize) -> ConcurrencyLimit<u32> {
        ConcurrencyLimit::new(NonZeroUsize::new(limit))
    }

    /// Asks with a waker of its own: whether the caller may go.
    fn ask(slots: &mut ConcurrencyLimit<u32>, ticket: &mut Option<Ticket>) -> bool {
        let mut own = Some(Waker::noop().clone());
        matches!(
            slots.ask(ticket, Waker::noop(), &mut own, None, |_| ()),
            Answer::Go
        )
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
        assert!(!ask(&mut slots, &mut ticket));
        assert_eq!(slots.waiting(), 2);
        assert_eq!(
            slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
            Some(1)
        );
        assert_eq!(
            slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
            Some(2)
        );
        assert!(wakes.is_empty());
        assert_eq!(
            slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
            None
        );
        assert_eq!(wakes.len(), 1);
        assert!(ask(&mut slots, &mut ticket));
        // The promise holds the slot, and so does the child that comes of it.
        assert_eq!(slots.start(3, |_| ()), None);
        slots.redeem(ticket.unwrap());
        assert_eq!(
            slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
            Some(3)
        );
    }

    #[test]
    fn a_caller_that_goes_away_passes_its_promise_on() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        slots.start(0, |_| ());
        let (mut first, mut second) = (None, None);
        assert!(!ask(&mut slots, &mut first));
        assert!(!ask(&mut slots, &mut second));
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker));
        assert_eq!(wakes.len(), 1);
        slots.leave(first.unwrap(), |waker| wakes.push(waker));
        assert_eq!(wakes.len(), 2);
        assert!(ask(&mut slots, &mut second));
        slots.leave(second.unwrap(), |waker| wakes.push(waker));
        assert_eq!(slots.start(1, |_| ()), Some(1));
    }

    #[test]
    fn whoever_is_dismissed_holds_nothing() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        slots.start(0, |_| ());
        let mut ticket = None;
        ask(&mut slots, &mut ticket);
        slots.dismiss(|waker| wakes.push(waker));
        assert_eq!(wakes.len(), 1);
        slots.leave(ticket.unwrap(), |waker| wakes.push(waker));
        assert_eq!(
            slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
            None
        );
    }

    #[test]
    fn a_promise_that_is_taken_back_frees_its_slot_for_the_line() {
        let (mut slots, mut wakes) = (slots(1), Vec::new());
        slots.start(0, |_| ());
        let mut ticket = None;
        assert!(!ask(&mut slots, &mut ticket));
        assert_eq!(
            slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
            None
        );
        assert!(ask(&mut slots, &mut ticket));
        assert_eq!(slots.start(1, |_| ()), None);
        slots.dismiss(|waker| wakes.push(waker));
        assert_eq!(slots.start_next(), Some(1));
        assert_eq!(slots.start_next(), None);
    }

    #[test]
    fn a_waker_is_asked_for_only_where_it_is_needed() {
        struct Other;
        impl std::task::Wake for Other {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        let other = Waker::from(std::sync::Arc::new(Other));
        let mut slots = slots(1);
        let (mut ticket, mut own) = (None, None);
        // There is a slot, and it is left to whoever comes and spawns.
        for _ in 0..2 {
            let answer = slots.ask(&mut ticket, &other, &mut own, None, |_| ());
            assert!(matches!(answer, Answer::Go) && ticket.is_none());
        }
        slots.start(0, |_| ());
        let answer = slots.ask(&mut ticket, &other, &mut own, None, |_| ());
        assert!(matches!(answer, Answer::NeedsWaker) && ticket.is_none());
        own = Some(other.clone());
        let answer = slots.ask(&mut ticket, &other, &mut own, None, |_| ());
        assert!(matches!(answer, Answer::Wait(None)) && ticket.is_some() && own.is_none());
        // It is known now, and another is not.
        let answer = slots.ask(&mut ticket, &other, &mut own, None, |_| ());
        assert!(matches!(answer, Answer::Wait(None)));
        let answer = slots.ask(&mut ticket, Waker::noop(), &mut own, None, |_| ());
        assert!(matches!(answer, Answer::NeedsWaker));
        own = Some(Waker::noop().clone());
        let answer = slots.ask(&mut ticket, Waker::noop(), &mut own, None, |_| ());
        assert!(matches!(answer, Answer::Wait(Some(old)) if old.will_wake(&other)));
    }

    #[test]
    fn where_all_wait_for_each_other_the_first_joins_the_line() {
        let (mut slots, mut wakes) = (slots(2), 0);
        assert_eq!(
            (slots.start(1, |_| ()), slots.start(2, |_| ())),
            (Some(1), Some(2))
        );
        let mut tickets = [None, None];
        for (child, ticket) in [1, 2].into_iter().zip(&mut tickets) {
            assert_eq!(wakes, 0);
            let mut own = Some(Waker::noop().clone());
            slots.ask(ticket, Waker::noop(), &mut own, Some(child), |_| wakes += 1);
        }
        assert_eq!(wakes, 1);
        assert!(ask(&mut slots, &mut tickets[0]) && !ask(&mut slots, &mut tickets[1]));
        assert!(!slots.redeem(tickets[0].unwrap()));
        assert_eq!((slots.start(3, |_| ()), slots.waiting()), (None, 1));
        // Who awaits it has it run, and then the other waits for all.
        let is_it = |one: &u32, other| u64::from(*one) == other;
        assert_eq!(slots.lend(1, 3, is_it, |_| wakes += 1), Some(3));
        assert_eq!(wakes, 1);
        // Nor if what it awaits is under way, and waits in turn.
        assert_eq!(slots.lend(3, 2, is_it, |_| wakes += 1), None);
        assert_eq!(wakes, 2);
        assert!(!slots.redeem(tickets[1].unwrap()));
        assert_eq!(slots.start(4, |_| ()), None);
        assert_eq!(slots.release(|| 3, is_it, |_| ()), None);
        assert_eq!(slots.release(|| 1, is_it, |_| ()), Some(4));
    }
}
