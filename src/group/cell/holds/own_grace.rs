//! The grace that one child has for itself: from its birth until it was cancelled for that long it holds off the drop, as a shield in it
//! would, but holds nothing further out.

use std::mem::replace;
use std::time::Duration;

use crate::group::cell::extras::Held;
use crate::group::cell::reference::CellRef;
use crate::group::cell::state::{BACKGROUND, SHIELD};
use crate::std_or_loom::Lock;
use crate::token::CancelReason;

/// How far it is. It goes on from each to the next, and never back.
#[derive(Default)]
pub(in crate::group) enum OwnGrace {
    /// The child has none: its group's counts.
    #[default]
    None,
    /// The child was not cancelled as yet.
    Waits(Duration),
    /// It was cancelled: for this reason, if what its group is in was.
    Runs(Option<CancelReason>),
    Over,
}

/// What a cancel finds.
pub(in crate::group) enum Begins {
    /// The child has the grace of its group.
    OfGroup,
    /// Its own lasts so long from now on.
    Now(Duration),
    /// It was cancelled before.
    Before,
}

impl OwnGrace {
    /// Does it hold off the drop?
    pub(in crate::group) fn lasts(&self) -> bool {
        matches!(self, Self::Waits(_) | Self::Runs(_))
    }

    /// The child is cancelled.
    fn begins(&mut self, outside: Option<CancelReason>) -> Begins {
        match self {
            Self::None => Begins::OfGroup,
            Self::Waits(grace) => {
                let grace = *grace;
                *self = Self::Runs(outside);
                Begins::Now(grace)
            }
            Self::Runs(_) | Self::Over => Begins::Before,
        }
    }
}

impl Held {
    /// Is the drop held off, by whatever?
    pub(in crate::group) fn holds(&self) -> bool {
        self.shields.any() || self.own_grace.lasts()
    }

    /// Is what the child has opened held with it?
    pub(in crate::group) fn hold_all(&self) -> bool {
        self.shields.hold_all() || self.own_grace.lasts()
    }
}

impl CellRef {
    /// Is it in the background, or has a grace of its own? To be asked before it was polled.
    #[inline]
    pub(in crate::group) fn is_of_its_own(&self) -> bool {
        self.load().has(BACKGROUND | SHIELD)
    }

    /// Does a grace of its own hold it?
    pub(in crate::group) fn is_in_own_grace(&self) -> bool {
        self.is_shielded()
            && self
                .held()
                .is_some_and(|held| held.lock().own_grace.lasts())
    }

    /// It is cancelled, for a reason from outside of its group if there is one: its own grace begins, unless that was before. One of no
    /// time is over in the same step. Under the lock of `held`.
    pub(in crate::group) fn begins_own_grace(
        &self,
        held: &mut Held,
        outside: Option<CancelReason>,
    ) -> Begins {
        let begins = held.own_grace.begins(outside);
        if let Begins::Now(Duration::ZERO) = begins {
            self.ends_own_grace(held);
        }
        begins
    }

    /// The same for one that was not cancelled alone.
    pub(in crate::group) fn begins_with_group(&self, outside: Option<CancelReason>) -> Begins {
        match self.held() {
            Some(held) => self.begins_own_grace(&mut held.lock(), outside),
            None => Begins::OfGroup,
        }
    }

    /// It was cancelled with its group. Has it no time?
    pub(in crate::group) fn goes_at_once(&self) -> bool {
        let held = self.held().map(Lock::lock);
        held.is_some_and(|mut held| {
            let is_none = matches!(held.own_grace, OwnGrace::Waits(Duration::ZERO));
            is_none && self.ends_own_grace(&mut held)
        })
    }

    /// It has no time of its own any more. `false`: it had none, or has lost it before.
    pub(in crate::group) fn loses_own_grace(&self) -> bool {
        let held = self.held().map(Lock::lock);
        held.is_some_and(|mut held| self.ends_own_grace(&mut held))
    }

    /// Its own grace is over, if it has one that lasts: it is marked as one that is to be dropped, and the caller sees to that. Under the
    /// lock of `held`.
    pub(in crate::group) fn ends_own_grace(&self, held: &mut Held) -> bool {
        if !held.own_grace.lasts() {
            return false;
        }
        if let OwnGrace::Runs(outside) = replace(&mut held.own_grace, OwnGrace::Over) {
            // Whoever claims it asks why, and its group was not cancelled then.
            held.reason = held.reason.take().or(outside);
        }
        self.mark();
        if !held.shields.any() {
            self.end_shielded();
        }
        true
    }
}
