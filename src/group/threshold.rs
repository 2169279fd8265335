//! `Threshold`: where the code of a child runs that may not have started: with its caller before, in the child afterwards.
//!
//! 1. The child is known once it is polled, or once its caller has the key; whichever comes first says it.
//! 2. `shielded` goes off once, by whoever takes away the shield with which the child was born.
//! 3. The lock is held for a look and no longer: nothing is asked, cancelled or dropped meanwhile.

use std::mem::{replace, take};
use std::sync::{Arc, OnceLock};

use super::cell::CellRef;
use super::place::{Place, deadline_of, here, token_of};
use crate::cancel::{CallbackGuard, CancelKind, CancelReason, CancelToken};
use crate::std_or_loom::Lock;
use crate::time::Deadline;

/// Between a caller and the child that it starts.
pub(crate) struct Threshold {
    /// The child, as a place.
    child: OnceLock<Place>,
    state: Lock<State>,
}

struct State {
    /// The child has neither started nor ended, and its caller waits.
    pending: bool,
    /// Does the shield stand with which the child was born?
    shielded: bool,
    /// Where the caller is, while that counts.
    caller: Option<Place>,
    /// What is read here, if anybody asked for it while the start was pending.
    token: Option<CancelToken>,
    /// What turns that with the caller's.
    follows: Option<CallbackGuard>,
}

impl Threshold {
    /// Of a child that is started from here.
    pub(super) fn here() -> Arc<Self> {
        Arc::new(Self {
            child: OnceLock::new(),
            state: Lock::new(State {
                pending: true,
                shielded: true,
                caller: here(),
                token: None,
                follows: None,
            }),
        })
    }

    /// Says which child it is.
    pub(super) fn attach(&self, child: CellRef) {
        // Whoever comes second says the same.
        let _ = self.child.set(Place::Child(child));
    }

    pub(super) fn child(&self) -> Option<&CellRef> {
        match self.child.get() {
            Some(Place::Child(child)) => Some(child),
            _ => None,
        }
    }

    /// From now on this is in the child, which nothing holds any more.
    pub(super) fn pass(&self) {
        let (token, old) = {
            let mut state = self.state.lock();
            state.pending = false;
            let old = (state.caller.take(), state.follows.take());
            (state.token.clone(), old)
        };
        drop(old);
        if let (Some(token), Some(child)) = (token, self.child.get()) {
            let follows = child.token().on_cancel(move |reason| {
                token.turn(reason.clone());
            });
            follows.detach();
        }
        self.unshield();
    }

    fn unshield(&self) {
        if let Some(child) = self.child() {
            if take(&mut self.state.lock().shielded) {
                child.unshield(None);
            }
        }
    }

    /// What counts right now.
    fn side(&self) -> Option<Place> {
        let state = self.state.lock();
        if state.pending {
            state.caller.clone()
        } else {
            self.child.get().cloned()
        }
    }

    pub(super) fn reason(&self) -> Option<CancelReason> {
        self.side()?.reason()
    }

    pub(super) fn deadline(&self) -> Deadline {
        deadline_of(self.side().as_ref())
    }

    /// The child, which shields hold from in here.
    pub(super) fn outside(&self) -> Option<&Place> {
        self.child.get()
    }

    /// Turns with the caller's while the start is pending, and with the child's from then on. Cancelling it cancels the
    /// child.
    pub(super) fn token(self: &Arc<Self>) -> CancelToken {
        let (token, caller) = {
            let mut state = self.state.lock();
            match &state.token {
                Some(token) => return token.clone(),
                None if !state.pending => {
                    drop(state);
                    return token_of(self.child.get());
                }
                None => {
                    let token = CancelToken::new();
                    state.token = Some(token.clone());
                    (token, state.caller.clone())
                }
            }
        };
        let this = Arc::downgrade(self);
        let cancels = token.on_cancel(move |reason| {
            if let Some(this) = this.upgrade() {
                this.cancelled_by_token(reason);
            }
        });
        cancels.detach();
        let follows = caller.map(|caller| {
            let token = token.clone();
            caller.token().on_cancel(move |reason| {
                token.turn(reason.clone());
            })
        });
        let unused = {
            let mut state = self.state.lock();
            if state.pending {
                replace(&mut state.follows, follows)
            } else {
                follows
            }
        };
        drop(unused);
        token
    }

    fn cancelled_by_token(&self, reason: &CancelReason) {
        // What turned it because of a cancel on this side has cancelled what it had to.
        if let (Some(child), None) = (self.child(), self.reason()) {
            child.cancel_alone(reason.clone());
            self.unshield();
        }
    }

    /// Is the child to be dropped, now that its grace is over, if no shield holds it?
    pub(super) fn is_to_go(&self) -> bool {
        let is_cancelled = self.child().is_some_and(CellRef::is_cancelled);
        is_cancelled && !self.state.lock().shielded
    }

    /// Drops the child without waiting for the end of its grace.
    pub(super) fn gives_up(&self) {
        let reason = self.reason().map(|reason| reason.inherited());
        self.gives_up_with(reason.unwrap_or_else(|| CancelReason::new(CancelKind::Dropped)));
    }

    pub(super) fn gives_up_with(&self, reason: CancelReason) {
        if let Some(child) = self.child() {
            child.gives_up_with(reason);
            self.unshield();
        }
    }
}
