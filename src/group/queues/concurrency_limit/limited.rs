//! The slots of a group that has a limit: what [`ConcurrencyLimit`](super::ConcurrencyLimit) asks.
//!
//! A trait, although there is one that implements it: so all this is linked only into programs in which a group has a limit.

use std::collections::VecDeque;
use std::mem;
use std::num::NonZeroUsize;
use std::task::Waker;

use super::{Answer, Room};
use crate::group::queues::loans::{Loans, Vacated};
use crate::group::queues::wait_list::{Askers, Ticket, Waiting};
use crate::limiter::{Borrower, CapacityLimiter};

/// What takes the wakers of those who are to be woken.
type Wakes<'a> = &'a mut dyn FnMut(Waker);

/// What makes the waker that is called when a permit may have come.
type Comes<'a> = &'a dyn Fn() -> Waker;

/// Has this child in line that number?
pub(in crate::group) type IsIt<C> = fn(&C, u64) -> bool;

/// Each as the method of [`ConcurrencyLimit`](super::ConcurrencyLimit) with its name, unless something else is said.
pub(super) trait Slots<C>: Send {
    /// May somebody wait for one, in this group or in one that it shares them with?
    fn may_be_awaited(&self) -> bool;
    fn lacks_one(&self) -> bool;
    fn limiter(&self) -> Option<&CapacityLimiter>;
    fn limit(&self) -> usize;
    fn set_limit(&mut self, limit: NonZeroUsize) -> bool;
    fn start(&mut self, child: C, in_line: &dyn Fn(&C), comes: Comes<'_>) -> Option<C>;
    fn comes(&mut self, waker: Comes<'_>, wake: Wakes<'_>) -> Option<C>;
    fn settle(&mut self, wake: Wakes<'_>);
    /// A child that had started is over: the next in line, which starts now.
    fn over(&mut self, number: &dyn Fn() -> u64, is_it: IsIt<C>, wake: Wakes<'_>) -> Option<C>;
    fn lend(&mut self, lender: u64, child: u64, is_it: IsIt<C>, wake: Wakes<'_>) -> Option<C>;
    fn lend_to_first(&mut self, lender: u64, number: fn(&C) -> u64) -> Option<C>;
    fn is_not_awaited(&mut self, child: u64);
    fn waiting(&self) -> usize;
    fn waiting_that(&self, is_it: &dyn Fn(&C) -> bool) -> usize;
    fn leave_line(&mut self, is_it: &dyn Fn(&C) -> bool) -> Option<C>;
    fn clear_line(&mut self) -> VecDeque<C>;
    fn dismiss(&mut self, wake: Wakes<'_>);
    fn start_next(&mut self) -> Option<C>;
    fn ask(
        &mut self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        own: &mut Option<Waker>,
        child: Option<u64>,
        comes: Comes<'_>,
        wake: Wakes<'_>,
    ) -> Answer;
    fn has_promise(&self, ticket: Ticket) -> bool;
    /// Promises a free slot to somebody who has not waited, and so comes after all who were promised one before.
    fn keep(&mut self) -> Ticket;
    fn redeem(&mut self, ticket: Ticket) -> bool;
    fn leave(&mut self, ticket: Ticket, wake: Wakes<'_>) -> (Option<C>, Option<Waker>);
}

pub(super) struct Limited<C> {
    room: Lent,
    /// Started and not over, or promised.
    taken: usize,
    line: VecDeque<C>,
    /// Callers that wait: the lowest ticket has waited longest.
    callers: Waiting<Waker>,
    /// Callers that were promised a slot.
    promised: Waiting<()>,
    last_ticket: Ticket,
    loans: Loans,
    askers: Askers,
}

/// What is there, of a [`Room`].
enum Lent {
    Own(NonZeroUsize),
    Shared(Borrower),
}

impl<C> Limited<C> {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room: match room {
                Room::Own(limit) => Lent::Own(limit),
                Room::Shared(limiter) => Lent::Shared(Borrower::new(limiter)),
            },
            taken: 0,
            line: VecDeque::new(),
            callers: Waiting::new(),
            promised: Waiting::new(),
            last_ticket: 0,
            loans: Loans::default(),
            askers: Askers::new(),
        }
    }

    fn has_free(&self) -> bool {
        self.taken
            < match &self.room {
                Lent::Own(limit) => limit.get(),
                Lent::Shared(borrower) => borrower.permits(),
            }
    }

    fn is_shared(&self) -> bool {
        matches!(self.room, Lent::Shared(_))
    }

    /// Gets a slot of those that are shared, or stands in line for it.
    fn gets(&mut self, waker: Comes<'_>) -> bool {
        match &mut self.room {
            Lent::Own(_) => false,
            Lent::Shared(borrower) => borrower.gets(waker),
        }
    }

    /// Is there a slot for one that has just come?
    fn has_one(&mut self, waker: Comes<'_>) -> bool {
        self.has_free() || !self.is_awaited() && self.gets(waker)
    }

    fn is_awaited(&self) -> bool {
        !self.line.is_empty() || !self.callers.is_empty()
    }

    fn release(&mut self, wake: Wakes<'_>) -> Option<C> {
        self.taken -= 1;
        if self.is_shared() || !self.has_free() {
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
    fn promise(&mut self, wake: Wakes<'_>) {
        if let Some((ticket, waker)) = self.callers.pop_first() {
            self.askers.remove(ticket);
            self.taken += 1;
            self.promised.insert(ticket, ());
            wake(waker);
        }
    }

    /// The next child in line that a lender awaits, which starts in its slot.
    fn lend_next(&mut self, lender: u64, is_it: IsIt<C>) -> Option<C> {
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
    /// longest for a slot is woken: what it spawns joins the line (6).
    fn resolve(&mut self, wake: Wakes<'_>) {
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
            self.callers.remove(ticket).into_iter().for_each(wake);
        }
    }

    /// A caller asks, with a ticket or without: see [`Slots::ask`].
    fn ask_with(
        &mut self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        own: &mut Option<Waker>,
        comes: Comes<'_>,
    ) -> Answer {
        let Some(known) = *ticket else {
            if self.line.is_empty() && self.has_one(comes) {
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
        match self.callers.get_mut(known) {
            None => Answer::Go,
            Some(known) if known.will_wake(waker) => Answer::Wait(None),
            Some(known) => match own.take() {
                Some(own) => Answer::Wait(Some(mem::replace(known, own))),
                None => Answer::NeedsWaker,
            },
        }
    }
}

impl<C: Send> Slots<C> for Limited<C> {
    fn may_be_awaited(&self) -> bool {
        self.is_awaited() || self.is_shared()
    }

    fn lacks_one(&self) -> bool {
        !self.has_free() && !self.is_awaited()
    }

    fn limiter(&self) -> Option<&CapacityLimiter> {
        match &self.room {
            Lent::Own(_) => None,
            Lent::Shared(borrower) => Some(borrower.limiter()),
        }
    }

    fn limit(&self) -> usize {
        match &self.room {
            Lent::Own(limit) => limit.get(),
            Lent::Shared(borrower) => borrower.total(),
        }
    }

    fn set_limit(&mut self, limit: NonZeroUsize) -> bool {
        let own = match &mut self.room {
            Lent::Own(own) => Some(own),
            Lent::Shared(_) => None,
        };
        own.map(|own| *own = limit).is_some()
    }

    fn start(&mut self, child: C, in_line: &dyn Fn(&C), comes: Comes<'_>) -> Option<C> {
        if self.has_one(comes) {
            self.taken += 1;
            Some(child)
        } else {
            in_line(&child);
            self.line.push_back(child);
            None
        }
    }

    fn comes(&mut self, waker: Comes<'_>, wake: Wakes<'_>) -> Option<C> {
        while self.is_awaited() && (self.has_free() || self.gets(waker)) {
            if let Some(next) = self.start_next() {
                return Some(next);
            }
            self.promise(wake);
        }
        None
    }

    fn settle(&mut self, wake: Wakes<'_>) {
        if let Lent::Shared(borrower) = &mut self.room {
            let waits = !self.line.is_empty() || !self.callers.is_empty();
            borrower.settle(self.taken, waits, wake);
        }
    }

    fn over(&mut self, number: &dyn Fn() -> u64, is_it: IsIt<C>, wake: Wakes<'_>) -> Option<C> {
        let vacated = if self.loans.is_empty() {
            Vacated::Slot
        } else {
            self.loans.over(number())
        };
        let next = match vacated {
            Vacated::Slot => self.release(wake),
            Vacated::TakenOver => None,
            Vacated::Back(lender) => self.lend_next(lender, is_it),
        };
        if next.is_none() {
            self.resolve(wake);
        }
        next
    }

    fn lend(&mut self, lender: u64, child: u64, is_it: IsIt<C>, wake: Wakes<'_>) -> Option<C> {
        self.loans.awaits(lender, child);
        let at = self.line.iter().position(|other| is_it(other, child));
        let guest = at.filter(|_| self.loans.may_lend(lender, child));
        let guest = guest.and_then(|at| self.line.remove(at));
        match guest {
            Some(_) => self.loans.lend(lender, child),
            None => self.resolve(wake),
        }
        guest
    }

    fn lend_to_first(&mut self, lender: u64, number: fn(&C) -> u64) -> Option<C> {
        if self.loans.has_guest(lender) {
            return None;
        }
        let guest = self.line.pop_front()?;
        self.loans.lend(lender, number(&guest));
        Some(guest)
    }

    fn is_not_awaited(&mut self, child: u64) {
        self.loans.is_not_awaited(child);
    }

    fn waiting(&self) -> usize {
        self.line.len()
    }

    fn waiting_that(&self, is_it: &dyn Fn(&C) -> bool) -> usize {
        self.line.iter().filter(|child| is_it(child)).count()
    }

    fn leave_line(&mut self, is_it: &dyn Fn(&C) -> bool) -> Option<C> {
        let at = self.line.iter().position(is_it)?;
        self.line.remove(at)
    }

    fn clear_line(&mut self) -> VecDeque<C> {
        mem::take(&mut self.line)
    }

    fn dismiss(&mut self, wake: Wakes<'_>) {
        self.taken -= mem::replace(&mut self.promised, Waiting::new()).len();
        while let Some((_, waker)) = self.callers.pop_first() {
            wake(waker);
        }
        self.askers = Askers::new();
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
        child: Option<u64>,
        comes: Comes<'_>,
        wake: Wakes<'_>,
    ) -> Answer {
        let answer = self.ask_with(ticket, waker, own, comes);
        if let (Answer::Wait(None), Some(child), Some(ticket)) = (&answer, child, *ticket) {
            self.askers.add(ticket, child);
            self.resolve(wake);
        }
        answer
    }

    fn has_promise(&self, ticket: Ticket) -> bool {
        self.promised.has(ticket)
    }

    fn keep(&mut self) -> Ticket {
        self.taken += 1;
        self.last_ticket += 1;
        self.promised.insert(self.last_ticket, ());
        self.last_ticket
    }

    fn redeem(&mut self, ticket: Ticket) -> bool {
        self.promised.remove(ticket).is_some()
    }

    fn leave(&mut self, ticket: Ticket, wake: Wakes<'_>) -> (Option<C>, Option<Waker>) {
        self.askers.remove(ticket);
        if self.redeem(ticket) {
            (self.release(wake), None)
        } else {
            (None, self.callers.remove(ticket))
        }
    }
}
