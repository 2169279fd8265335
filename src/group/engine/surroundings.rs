//! What cannot give its value ends what awaits it.
//!
//! A form that gives a bare value, such as `gather`, has nothing to give if one of its calls was cancelled alone. Then the nearest
//! surroundings that can say so are ended for that reason: the child that it is awaited in, or the body of a scope that can fail.
//! The body of a scope that cannot fail is skipped, as it has to give a value itself; so is a shield, which would wait for ever.

use std::panic::Location;
use std::sync::Arc;
use std::task::Context;

use super::core::Core;
use super::position::{Position, here};
use crate::group::cell::CellRef;
use crate::group::sched::left::Lack;
use crate::token::CancelReason;

/// What has no value to give, and what would say so instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lacking {
    /// Its name.
    pub(crate) what: &'static str,
    /// The call of it.
    pub(crate) location: &'static Location<'static>,
    /// What to use where that may happen.
    pub(crate) cure: &'static str,
}

/// So often what has no value is polled once what awaits it is to be dropped at its suspension. What a driver or an owner polls is dropped after the first.
const POLLS: u8 = 8;

/// What has no value, and has ended what awaits it: it is dropped at this suspension.
#[derive(Debug)]
pub(crate) struct NoValue {
    lacking: Lacking,
    lack: Lack,
    polls: u8,
}

impl NoValue {
    /// Is to be polled again.
    ///
    /// # Panics
    ///
    /// If it is polled on and on. Then it is awaited by a call that blocks its thread inside of the poll of what was ended, such as
    /// `block_on`, which would wait for ever.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) {
        // A shield beside it may hold off the drop, which comes by itself after that.
        if !here().is_some_and(|position| position.is_doomed()) {
            return;
        }
        if self.polls == POLLS {
            self.lacking.panic(&self.lack);
        }
        self.polls += 1;
        cx.waker().wake_by_ref();
    }
}

impl Lacking {
    /// Says so in the body of the group that lacks it, which is dropped or ends what it is in. What it is then waits as that says.
    ///
    /// # Panics
    ///
    /// As [`ends_surroundings`](Self::ends_surroundings).
    pub(crate) fn body_has_no_value(self, lack: Option<Lack>) -> Option<Box<NoValue>> {
        let Some(Position::Body(core)) = here() else {
            unreachable!("a body runs in its own group");
        };
        if core.drops_body() || core.read(|sched| sched.resumes) {
            // Its output says so, or a panic goes on.
            core.body_gives_up();
            None
        } else {
            let lack = lack.or_else(|| core.lack());
            Some(self.ends_surroundings(lack.unwrap_or_else(Lack::unknown)))
        }
    }

    /// Ends what awaits this, which must not be ready afterwards, and waits as what this gives says.
    ///
    /// # Panics
    ///
    /// If there is nothing around it that could say so.
    pub(crate) fn ends_surroundings(self, lack: Lack) -> Box<NoValue> {
        let reason = lack.reason.leaves_no_value(self.what, self.location);
        if !end_from(here(), &reason) {
            self.panic(&lack);
        }
        Box::new(NoValue {
            lacking: self,
            lack,
            polls: 0,
        })
    }

    fn panic(self, lack: &Lack) -> ! {
        let Self {
            what,
            location,
            cure,
        } = self;
        panic!("`{what}` at {location} cannot give its value: {lack}; {cure}");
    }
}

/// Ends the nearest position from here outwards that can be ended without a value. `false`: there is none.
fn end_from(mut position: Option<Position>, reason: &CancelReason) -> bool {
    while let Some(here) = position {
        match &here {
            Position::Child(child) => {
                child.ends_early(reason.clone());
                return true;
            }
            Position::Body(core) if core.drops_body() => {
                core.ends_body_early(reason.clone());
                return true;
            }
            Position::Behind(surrounding) if surrounding.ends_early(reason) => return true,
            Position::Body(_) | Position::Behind(_) => {}
        }
        position = here.outside().cloned();
    }
    false
}

impl Core {
    /// A child that was cancelled alone is about to be over.
    /// Whether that matters.
    pub(in crate::group) fn child_is_missing(
        self: &Arc<Self>,
        child: &CellRef,
        reason: &CancelReason,
    ) -> bool {
        if self.needs_all {
            let lack = Lack {
                child: Some(child.info()),
                reason: reason.clone(),
            };
            self.with(|sched, effects| sched.lacks(lack, self.policy(), effects));
        }
        self.needs_all
    }

    /// Its destructor has panicked, which is its end.
    pub(in crate::group) fn child_is_not_missing(self: &Arc<Self>, child: &CellRef) {
        let id = child.id();
        let lack = self.with(|sched, _| sched.lacks_not(id));
        drop(lack);
    }

    /// What the group has to go without, although it needs all that its children give.
    pub(crate) fn lack(&self) -> Option<Lack> {
        self.read(|sched| {
            let reason = sched.cancelled.clone();
            let whole = reason.map(|reason| Lack {
                child: None,
                reason,
            });
            sched.first_lack().cloned().or(whole)
        })
    }
}
