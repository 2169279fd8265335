//! The limit of a group: how many children may be under way, and who waits for a slot.
//!
//! - `limited`: the slots, where there is a limit
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

mod limited;

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::task::Waker;

use self::limited::{IsIt, Limited, Slots};
use super::wait_list::Ticket;
use crate::group::cell::CellRef;
use crate::limiter::CapacityLimiter;

/// How many children may be under way, of a group whose line holds `C`s.
pub(crate) struct Limit<C = CellRef> {
    room: Room,
    /// Known here alone: in a program in which no group has a limit nothing of it is linked.
    open: fn(Room) -> Box<dyn Slots<C>>,
}

#[derive(Clone, Debug)]
enum Room {
    /// So many of this group.
    Own(NonZeroUsize),
    /// As many as there are permits, of all groups that share them.
    Shared(CapacityLimiter),
}

impl<C: Send + 'static> Limit<C> {
    pub(crate) fn own(limit: NonZeroUsize) -> Self {
        Self::of(Room::Own(limit))
    }

    pub(crate) fn shared(limiter: CapacityLimiter) -> Self {
        Self::of(Room::Shared(limiter))
    }

    fn of(room: Room) -> Self {
        let open = |room| -> Box<dyn Slots<C>> { Box::new(Limited::new(room)) };
        Self { room, open }
    }
}

impl<C> Clone for Limit<C> {
    fn clone(&self) -> Self {
        Self {
            room: self.room.clone(),
            open: self.open,
        }
    }
}

impl<C> fmt::Debug for Limit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.room.fmt(f)
    }
}

/// The slots of a group; `C` is a child in line.
pub(in crate::group) struct ConcurrencyLimit<C> {
    /// Most groups have no limit: nobody counts then, and nobody waits.
    limited: Option<Box<dyn Slots<C>>>,
    /// The group takes no more children, so callers wait for nothing.
    dismissed: bool,
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
    pub(in crate::group) fn new(limit: Option<Limit<C>>) -> Self {
        Self {
            limited: limit.map(|limit| (limit.open)(limit.room)),
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
        limited.is_some_and(|limited| limited.may_be_awaited())
    }

    /// Would a caller that asks now be the first that waits?
    #[inline]
    pub(in crate::group) fn lacks_one(&self) -> bool {
        let limited = self.limited.as_ref();
        limited.is_some_and(|limited| limited.lacks_one())
    }

    /// The limiter whose permits its slots are.
    pub(in crate::group) fn limiter(&self) -> Option<&CapacityLimiter> {
        self.limited.as_ref()?.limiter()
    }

    pub(in crate::group) fn limit(&self) -> Option<usize> {
        Some(self.limited.as_ref()?.limit())
    }

    /// Lets this many be under way from now on; then [`comes`](Self::comes) is to be called. `false`: the group has no limit of its own.
    pub(in crate::group) fn set_limit(&mut self, limit: NonZeroUsize) -> bool {
        let limited = self.limited.as_mut();
        limited.is_some_and(|limited| limited.set_limit(limit))
    }

    /// A child wants to start: gives it back if it may, otherwise it is in line. `waker` makes what is called when a permit may have
    /// come, here and below: then [`comes`](Self::comes) is to be called.
    #[inline]
    pub(in crate::group) fn start(
        &mut self,
        child: C,
        in_line: impl Fn(&C),
        waker: impl Fn() -> Waker,
    ) -> Option<C> {
        match &mut self.limited {
            None => Some(child),
            Some(limited) => limited.start(child, &in_line, &waker),
        }
    }

    /// A permit may have come: the next in line, which starts now. To be called until there is none.
    pub(in crate::group) fn comes(
        &mut self,
        waker: impl Fn() -> Waker,
        mut wake: impl FnMut(Waker),
    ) -> Option<C> {
        self.limited.as_mut()?.comes(&waker, &mut wake)
    }

    /// Gives back what the group has of a shared limit and does not need.
    #[inline]
    pub(in crate::group) fn settle(&mut self, mut wake: impl FnMut(Waker)) {
        if let Some(limited) = &mut self.limited {
            limited.settle(&mut wake);
        }
    }

    /// A child that had started is over: the next in line, which starts now.
    pub(in crate::group) fn release(
        &mut self,
        number: impl Fn() -> u64,
        is_it: IsIt<C>,
        mut wake: impl FnMut(Waker),
    ) -> Option<C> {
        self.limited.as_mut()?.over(&number, is_it, &mut wake)
    }

    /// A child that is under way awaits another. If that is in line it starts in its slot, where it comes back here.
    pub(in crate::group) fn lend(
        &mut self,
        lender: u64,
        child: u64,
        is_it: IsIt<C>,
        mut wake: impl FnMut(Waker),
    ) -> Option<C> {
        let limited = self.limited.as_mut()?;
        limited.lend(lender, child, is_it, &mut wake)
    }

    /// A child that is under way and waits for all others lends its slot to the first in line, where it has lent it to none.
    pub(in crate::group) fn lend_to_first(
        &mut self,
        lender: u64,
        number: fn(&C) -> u64,
    ) -> Option<C> {
        self.limited.as_mut()?.lend_to_first(lender, number)
    }

    /// Nobody awaits this child any more.
    pub(in crate::group) fn is_not_awaited(&mut self, child: u64) {
        if let Some(limited) = &mut self.limited {
            limited.is_not_awaited(child);
        }
    }

    pub(in crate::group) fn waiting(&self) -> usize {
        let limited = self.limited.as_ref();
        limited.map_or(0, |limited| limited.waiting())
    }

    /// How many in line are like this?
    pub(in crate::group) fn waiting_that(&self, is_it: impl Fn(&C) -> bool) -> usize {
        let limited = self.limited.as_ref();
        limited.map_or(0, |limited| limited.waiting_that(&is_it))
    }

    /// Takes a child out of the line that will not start.
    pub(in crate::group) fn leave_line(&mut self, is_it: impl Fn(&C) -> bool) -> Option<C> {
        self.limited.as_mut()?.leave_line(&is_it)
    }

    /// Empties the line: nobody who is given back will start.
    pub(in crate::group) fn clear_line(&mut self) -> VecDeque<C> {
        let limited = self.limited.as_mut();
        limited.map_or_else(VecDeque::new, |limited| limited.clear_line())
    }

    /// Wakes all callers and takes their promises back: there will be nothing to spawn into.
    pub(in crate::group) fn dismiss(&mut self, mut wake: impl FnMut(Waker)) {
        self.dismissed = true;
        if let Some(limited) = &mut self.limited {
            limited.dismiss(&mut wake);
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
        comes: impl Fn() -> Waker,
        mut wake: impl FnMut(Waker),
    ) -> Answer {
        match &mut self.limited {
            Some(limited) if !self.dismissed => {
                limited.ask(ticket, waker, own, child, &comes, &mut wake)
            }
            _ => Answer::Go,
        }
    }

    /// A caller that may go keeps its slot for later: the ticket of the promise. `None`: it needs none, or joins the line later.
    pub(in crate::group) fn keep(&mut self, ticket: Option<Ticket>) -> Option<Ticket> {
        let limited = self.limited.as_mut()?;
        match ticket {
            Some(ticket) => limited.has_promise(ticket).then_some(ticket),
            None if self.dismissed => None,
            None => Some(limited.keep()),
        }
    }

    /// A caller spawns the child that its slot was promised for. `false`: there is no promise, and the child starts like others.
    pub(in crate::group) fn redeem(&mut self, ticket: Ticket) -> bool {
        let limited = self.limited.as_mut();
        limited.is_some_and(|limited| limited.redeem(ticket))
    }

    /// A caller goes away without having spawned: out of the line, or its promise passes on. Its waker comes back.
    pub(in crate::group) fn leave(
        &mut self,
        ticket: Ticket,
        mut wake: impl FnMut(Waker),
    ) -> (Option<C>, Option<Waker>) {
        match &mut self.limited {
            None => (None, None),
            Some(limited) => limited.leave(ticket, &mut wake),
        }
    }
}

#[cfg(test)]
mod tests;
