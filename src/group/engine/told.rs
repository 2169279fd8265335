//! Who was told why it is cancelled, and hands that on as its error.
//!
//! A reason that is given by value to the code of a cancelled child or body is an object of its own: a clone of it is another. So an
//! error that holds it can be told from one that does not, whatever its type: when the error is dropped, the reason is gone.
//!
//! An error is only ever dropped for that if it has something to drop, and if the reason is still held by then. If it turns out that
//! somebody else holds the reason, the error was another: it goes to the hook, and the group fails without it.

use std::mem::{needs_drop, take};
use std::sync::Arc;

use super::core::Core;
use super::position::{Position, here};
use crate::error::ChildInfo;
use crate::error::unhandled::{drop_quietly, report_body_error, report_child_error};
use crate::group::cell::CellRef;
use crate::group::sched::left::Lack;
use crate::group::sched::policy::OnError;
use crate::token::{CancelReason, Handed};

/// An error that was dropped, since it held a cancel.
pub(crate) struct HandedOn {
    /// That of the child or body.
    pub(crate) reason: CancelReason,
    /// It did not hold it, and was another error.
    was_error: bool,
}

/// The child or body whose code runs here.
enum Code {
    Child(CellRef),
    Body(Arc<Core>),
}

impl Code {
    fn here() -> Option<Self> {
        Self::of(&here()?)
    }

    fn of(mut position: &Position) -> Option<Self> {
        loop {
            match position {
                Position::Child(child) => return Some(Self::Child(child.clone())),
                Position::Body(core) => return Some(Self::Body(Arc::clone(core))),
                Position::Behind(_) => position = position.outside()?,
            }
        }
    }

    fn core(&self) -> &Arc<Core> {
        match self {
            Self::Child(child) => child.core(),
            Self::Body(core) => core,
        }
    }

    fn note(&self, handed: Handed) {
        match self {
            Self::Child(child) => child.is_told(handed),
            Self::Body(core) => core.with(|sched, _| sched.body_told.note(handed)),
        }
    }

    /// What it was told and has not released.
    fn held(&self) -> Vec<Handed> {
        let told = match self {
            Self::Child(child) => child.was_told(),
            Self::Body(core) => core.with(|sched, _| take(&mut sched.body_told)),
        };
        told.held()
    }

    fn info(&self) -> Option<ChildInfo> {
        match self {
            Self::Child(child) => Some(child.info()),
            Self::Body(_) => None,
        }
    }
}

/// The reason as it is given to the code that runs here. Where this code is cancelled by the same cause it may hand it on.
pub(crate) fn tell(reason: CancelReason) -> CancelReason {
    let Some(position) = here() else {
        return reason;
    };
    let own = position.reason();
    let Some(own) = own.filter(|own| own.has_root_of(&reason)) else {
        return reason;
    };
    let Some(code) = Code::of(&position) else {
        return reason;
    };
    let (reason, handed) = reason.hand_out(own);
    code.note(handed);
    reason
}

/// Gives an error of the code that runs here back, unless it hands on the cancel of that code: then it is dropped.
pub(crate) fn sift<E>(error: E) -> Result<E, HandedOn> {
    if !needs_drop::<E>() {
        // It holds nothing.
        return Ok(error);
    }
    let Some(told) = Told::here() else {
        return Ok(error);
    };
    drop_quietly("an error that hands a cancel on", error);
    let was_error = told.held.iter().all(Handed::is_held);
    if was_error {
        match told.code.info() {
            Some(child) => report_child_error::<E>(&child),
            None => report_body_error::<E>(),
        }
    }
    Err(HandedOn {
        reason: told.reason,
        was_error,
    })
}

/// What the code that runs here was told and holds.
struct Told {
    code: Code,
    held: Vec<Handed>,
    reason: CancelReason,
}

impl Told {
    fn here() -> Option<Self> {
        let code = Code::here()?;
        let held = code.held();
        let reason = held.iter().find_map(Handed::reason)?;
        Some(Self { code, held, reason })
    }
}

/// The same for an error that would fail the group. A cancel that is handed on is one of the group, unless the child was cancelled
/// alone.
pub(crate) fn hands_on<E>(error: E) -> Result<E, CancelReason> {
    sift(error).map_err(cancels_group)
}

fn cancels_group(HandedOn { reason, was_error }: HandedOn) -> CancelReason {
    let Some(code) = Code::here() else {
        return reason;
    };
    let core = code.core();
    let alone = match &code {
        Code::Child(child) => child.own_reason(),
        Code::Body(_) => None,
    };
    if was_error {
        let lack = Lack {
            child: code.info(),
            reason: reason.clone(),
        };
        core.with(|sched, effects| sched.misses(lack, core.policy(), effects));
    } else if let (Code::Child(child), Some(alone)) = (&code, alone) {
        core.child_is_missing(child, &alone);
    } else if core.policy().on_error == OnError::CancelSiblings {
        core.cancel(reason.clone());
    }
    reason
}
