//! The limit of a group: how many children may be under way, and who waits for a slot.
//!
//! - `tests`: the limit by itself, with numbers for children
//!
//! 1. Children in line come before callers that wait to spawn; both are served first come first served among themselves.
//! 2. A slot is free, or held by a child that has started and is not over, or promised to one caller. A child that runs in the
//!    slot of another holds none.
//! 3. A promise stands until the caller redeems it, goes away, or is dismissed.
//! 4. A child that awaits one in line lends its slot: see `loans`.
//! 5. A group that shares its limit has a permit for each slot that is taken, at the end of each critical section, and stands in line
//!    for another if somebody waits here. A slot that becomes free passes to nobody here: its permit is given back.
//! 6. Of children that ask for a slot there is always one that does not wait, or a child that is under way and does not ask: where
//!    all wait for each other, the one that has waited longest joins the line instead.

use std::collections::VecDeque;
use std::mem;
use std::num::NonZeroUsize;
use std::task::Waker;

use super::loans::{Loans, Vacated};
use super::wait_list::{Askers, Ticket, Waiting};
use crate::limiter::{Borrower, CapacityLimiter};

/// How many children may be under way.
#[derive(Clone, Debug)]
pub(crate) enum Limit {
    /// So many of this group.
    Own(NonZeroUsize),
    /// As many as there are permits, of all groups that share them.
    Shared(CapacityLimiter),
}

/// The slots of a group; `C` is a child in line.
pub(in crate::group) struct ConcurrencyLimit<C> {
    /// Most groups have no limit: nobody counts then, and nobody waits.
    limited: Option<Box<Limited<C>>>,
    /// The group takes no more children, so callers wait for nothing.
    dismissed: bool,
}

struct Limited<C> {
    room: Room,
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

enum Room {
    Own(NonZeroUsize),
    Shared(Borrower),
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
    pub(in crate::group) fn new(limit: Option<Limit>) -> Self {
        let limited = limit.map(|limit| {
            Box::new(Limited {
                room: match limit {
                    Limit::Own(limit) => Room::Own(limit),
                    Limit::Shared(limiter) => Room::Shared(Borrower::new(limiter)),
                },
                taken: 0,
                line: VecDeque::new(),
                callers: Waiting::new(),
                promised: Waiting::new(),
                last_ticket: 0,
                loans: Loans::default(),
                askers: Askers::new(),
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

    /// May somebody wait for a slot, in this group or in one that it shares them with?
    #[inline]
    pub(in crate::group) fn is_awaited(&self) -> bool {
        let limited = self.limited.as_ref();
        limited.is_some_and(|limited| limited.is_awaited() || limited.is_shared())
    }

    /// Would a caller that asks now be the first that waits?
    #[inline]
    pub(in crate::group) fn lacks_one(&self) -> bool {
        let limited = self.limited.as_ref();
        limited.is_some_and(|limited| !limited.has_free() && !limited.is_awaited())
    }

    /// The limiter whose permits its slots are.
    pub(in crate::group) fn limiter(&self) -> Option<&CapacityLimiter> {
        match &self.limited.as_ref()?.room {
            Room::Own(_) => None,
            Room::Shared(borrower) => Some(borrower.limiter()),
        }
    }

    pub(in crate::group) fn limit(&self) -> Option<usize> {
        self.limited.as_ref().map(|limited| match &limited.room {
            Room::Own(limit) => limit.get(),
            Room::Shared(borrower) => borrower.total(),
        })
    }

    /// Lets this many be under way from now on; then [`comes`](Self::comes) is to be called. `false`: the group has no limit of its own.
    pub(in crate::group) fn set_limit(&mut self, limit: NonZeroUsize) -> bool {
        let limited = self.limited.as_mut();
        let own = limited.and_then(|limited| match &mut limited.room {
            Room::Own(own) => Some(own),
            Room::Shared(_) => None,
        });
        own.map(|own| *own = limit).is_some()
    }

    /// A child wants to start: gives it back if it may, otherwise it is in line. `waker` makes what is called when a permit may have
    /// come, here and below: then [`comes`](Self::comes) is to be called.
    #[inline]
    pub(in crate::group) fn start(
        &mut self,
        child: C,
        in_line: impl FnOnce(&C),
        waker: impl FnOnce() -> Waker,
    ) -> Option<C> {
        match &mut self.limited {
            None => Some(child),
            Some(limited) => limited.start(child, in_line, waker),
        }
    }

    /// A permit may have come: the next in line, which starts now. To be called until there is none.
    pub(in crate::group) fn comes(
        &mut self,
        waker: impl Fn() -> Waker,
        mut wake: impl FnMut(Waker),
    ) -> Option<C> {
        let limited = self.limited.as_mut()?;
        while limited.is_awaited() && (limited.has_free() || limited.gets(&waker)) {
            if let Some(next) = limited.start_next() {
                return Some(next);
            }
            limited.promise(&mut wake);
        }
        None
    }

    /// Gives back what the group has of a shared limit and does not need.
    #[inline]
    pub(in crate::group) fn settle(&mut self, wake: impl FnMut(Waker)) {
        if let Some(limited) = &mut self.limited {
            let waits = limited.is_awaited();
            if let Room::Shared(borrower) = &mut limited.room {
                borrower.settle(limited.taken, waits, wake);
            }
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

    /// Takes a child out of the line that will not start.
    pub(in crate::group) fn leave_line(&mut self, is_it: impl FnMut(&C) -> bool) -> Option<C> {
        let line = &mut self.limited.as_mut()?.line;
        let at = line.iter().position(is_it)?;
        line.remove(at)
    }

    /// Empties the line: nobody who is given back will start.
    pub(in crate::group) fn clear_line(&mut self) -> VecDeque<C> {
        let limited = self.limited.as_mut();
        limited.map_or_else(VecDeque::new, |limited| mem::take(&mut limited.line))
    }

    /// Wakes all callers and takes their promises back: there will be nothing to spawn into.
    pub(in crate::group) fn dismiss(&mut self, mut wake: impl FnMut(Waker)) {
        self.dismissed = true;
        if let Some(limited) = &mut self.limited {
            limited.taken -= mem::replace(&mut limited.promised, Waiting::new()).len();
            while let Some((_, waker)) = limited.callers.pop_first() {
                wake(waker);
            }
            limited.askers = Askers::new();
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
        comes: impl FnOnce() -> Waker,
        wake: impl FnMut(Waker),
    ) -> Answer {
        match &mut self.limited {
            Some(limited) if !self.dismissed => {
                let answer = limited.ask(ticket, waker, own, comes);
                if let (Answer::Wait(None), Some(child), Some(ticket)) = (&answer, child, *ticket) {
                    limited.askers.add(ticket, child);
                    limited.resolve(wake);
                }
                answer
            }
            _ => Answer::Go,
        }
    }

    /// A caller that may go keeps its slot for later: the ticket of the promise. `None`: it needs none, or joins the line later.
    pub(in crate::group) fn keep(&mut self, ticket: Option<Ticket>) -> Option<Ticket> {
        let limited = self.limited.as_mut()?;
        match ticket {
            Some(ticket) => limited.promised.has(ticket).then_some(ticket),
            None if self.dismissed => None,
            None => Some(limited.keep()),
        }
    }

    /// A caller spawns the child that its slot was promised for. `false`: there is no promise, and the child starts like others.
    pub(in crate::group) fn redeem(&mut self, ticket: Ticket) -> bool {
        let limited = self.limited.as_mut();
        limited.is_some_and(|limited| limited.promised.remove(ticket).is_some())
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
        if limited.promised.remove(ticket).is_some() {
            (limited.release(wake), None)
        } else {
            (None, limited.callers.remove(ticket))
        }
    }
}

impl<C> Limited<C> {
    fn has_free(&self) -> bool {
        self.taken
            < match &self.room {
                Room::Own(limit) => limit.get(),
                Room::Shared(borrower) => borrower.permits(),
            }
    }

    fn is_shared(&self) -> bool {
        matches!(self.room, Room::Shared(_))
    }

    /// Gets a slot of those that are shared, or stands in line for it.
    fn gets(&mut self, waker: impl FnOnce() -> Waker) -> bool {
        match &mut self.room {
            Room::Own(_) => false,
            Room::Shared(borrower) => borrower.gets(waker),
        }
    }

    /// Is there a slot for one that has just come?
    fn has_one(&mut self, waker: impl FnOnce() -> Waker) -> bool {
        self.has_free() || !self.is_awaited() && self.gets(waker)
    }

    fn is_awaited(&self) -> bool {
        !self.line.is_empty() || !self.callers.is_empty()
    }

    fn start(
        &mut self,
        child: C,
        in_line: impl FnOnce(&C),
        waker: impl FnOnce() -> Waker,
    ) -> Option<C> {
        if self.has_one(waker) {
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

    /// Promises a free slot to somebody who has not waited, and so comes after all who were promised one before.
    fn keep(&mut self) -> Ticket {
        self.taken += 1;
        self.last_ticket += 1;
        self.promised.insert(self.last_ticket, ());
        self.last_ticket
    }

    /// Promises a free slot to the caller that has waited longest.
    fn promise(&mut self, mut wake: impl FnMut(Waker)) {
        if let Some((ticket, waker)) = self.callers.pop_first() {
            self.askers.remove(ticket);
            self.taken += 1;
            self.promised.insert(ticket, ());
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
    /// longest for a slot is woken: what it spawns joins the line (6).
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
            self.callers.remove(ticket).into_iter().for_each(wake);
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
        comes: impl FnOnce() -> Waker,
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

#[cfg(test)]
mod tests;
