//! What only some children have, in one box that is made when it is needed: a name, context, a token, shields.
//!
//! 1. The pointer goes from null to a box once, and the box lives as long as the cell.
//! 2. `shields` and the bit `SHIELD` of the state change together, under `held`: the bit is on while there are any.

use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use crate::cancel::{CallbackGuard, CancelReason, CancelToken};
use crate::context::Vars;
use crate::group::shields::Shields;
use crate::sync::Lock;
use crate::sync::atomic::AtomicPtr;
use crate::time::Alarm;

/// What only some children have.
#[derive(Default)]
pub(in crate::group) struct Extras {
    pub(in crate::group) name: Option<Arc<str>>,
    pub(in crate::group) context: Option<Vars>,
    pub(in crate::group) held: Lock<Held>,
}

/// What becomes of a child while it lives. Nothing in here runs user code when it is read; what is taken out of it is
/// dropped once the lock is released.
#[derive(Default)]
pub(in crate::group) struct Held {
    /// What holds off its drop.
    pub(in crate::group) shields: Shields,
    /// Its own token, if anybody asked for it.
    pub(in crate::group) token: Option<CancelToken>,
    /// What turns the token with the group's, and what cancels the child with the token.
    pub(in crate::group) guards: Option<(CallbackGuard, CallbackGuard)>,
    /// Why it was cancelled for itself.
    pub(in crate::group) reason: Option<CancelReason>,
    /// It is to go without waiting for the end of its grace, as soon as no shield holds it.
    pub(in crate::group) gives_up: bool,
    /// When the grace of such a cancel is over.
    pub(in crate::group) alarm: Option<Alarm>,
}

/// A box that is made when it is needed.
pub(super) struct Lazy(AtomicPtr<Extras>);

impl Lazy {
    pub(super) fn new(extras: Option<Box<Extras>>) -> Self {
        Self(AtomicPtr::new(extras.map_or(null_mut(), Box::into_raw)))
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&Extras> {
        // SAFETY: it is null, or a box that lives as long as we do (1).
        NonNull::new(self.0.load(Acquire)).map(|extras| unsafe { extras.as_ref() })
    }

    pub(super) fn get_or_make(&self) -> &Extras {
        if let Some(extras) = self.get() {
            return extras;
        }
        let made = Box::into_raw(Box::default());
        let put = self.0.compare_exchange(null_mut(), made, AcqRel, Acquire);
        match put {
            // SAFETY: it is the box from now on (1).
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY: nobody else has seen ours, and the other is the box (1).
                unsafe {
                    drop(Box::from_raw(made));
                    &*other
                }
            }
        }
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        let extras = self.0.load(Acquire);
        if !extras.is_null() {
            // SAFETY: nobody can see it any more.
            drop(unsafe { Box::from_raw(extras) });
        }
    }
}
