//! With what a child ended that had not started: for its caller, or for the unhandled hook.

use std::sync::Arc;

use super::pending_start::PendingStart;
use crate::error::StartError;
use crate::error::unhandled::{
    drop_quietly, report_child_error, report_child_panic, report_error, report_panic,
};
use crate::group::cell::CellRef;
use crate::panic::Panic;
use crate::std_or_loom::Lock;
use crate::token::{CancelKind, CancelReason};

/// With what a child ended that had not started. Dropped untaken, a failure goes to the unhandled hook.
pub(super) struct Early<X> {
    pub(super) ending: Option<Ending<X>>,
    /// Which child it is.
    start: Arc<PendingStart>,
}

pub(super) enum Ending<X> {
    Failed(X),
    Panicked(Panic),
    /// `None`: it was dropped before anybody knew which child it is.
    Cancelled(Option<Cut>),
    NotStarted,
}

/// Why a child was cut short, or gave way.
pub(super) struct Cut {
    pub(super) reason: CancelReason,
    /// Was it a cancel of the group, rather than of this child?
    pub(super) by_group: bool,
}

impl Cut {
    pub(super) fn of(child: &CellRef) -> Self {
        let by_group = || {
            let reason = child.core().reason();
            // Where the group is gone altogether there is nobody who refuses.
            let kinds = [CancelKind::Dropped, CancelKind::Abandoned];
            (!kinds.contains(&reason.kind()), reason)
        };
        let (by_group, reason) = child
            .own_reason()
            .map_or_else(by_group, |reason| (false, reason));
        Self { reason, by_group }
    }

    pub(super) fn into_error<X>(self) -> StartError<X> {
        if self.by_group {
            StartError::Refused(self.reason)
        } else {
            StartError::Cancelled(self.reason)
        }
    }
}

impl<X> Early<X> {
    pub(super) fn new(ending: Option<Ending<X>>, start: &Arc<PendingStart>) -> Self {
        Self {
            ending,
            start: Arc::clone(start),
        }
    }

    /// Takes it out. What this gives is not dropped under the lock.
    pub(super) fn taken(slot: &Lock<Self>) -> Self {
        let mut slot = slot.lock();
        let ending = slot.ending.take();
        Self::new(ending, &slot.start)
    }
}

impl<X> Drop for Early<X> {
    fn drop(&mut self) {
        const WHO: &str = "a child that had not started";
        let child = || self.start.child().map(CellRef::info);
        match self.ending.take() {
            Some(Ending::Failed(error)) => {
                match child() {
                    Some(child) => report_child_error::<X>(&child),
                    None => report_error::<X>(WHO),
                }
                drop_quietly("an error that nobody received", error);
            }
            Some(Ending::Panicked(panic)) => match child() {
                Some(child) => report_child_panic(&child, &panic),
                None => report_panic(WHO, panic),
            },
            Some(Ending::Cancelled(_) | Ending::NotStarted) | None => {}
        }
    }
}
