//! What asks a closure to stop that nothing can stop from outside.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cancel::{CancelKind, CancelReason, CancelToken};

/// Whether a closure is still wanted, for the closure to ask.
#[derive(Default)]
pub(super) struct Stop(Mutex<State>);

#[derive(Default)]
struct State {
    /// The token of whoever waits for it.
    caller: Option<CancelToken>,
    /// Nobody waits for it any more.
    abandoned: bool,
    /// The token that the closure has asked for.
    own: Option<CancelToken>,
}

impl Stop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody with this token waits for the closure.
    pub(super) fn follow(&self, caller: CancelToken) {
        self.state().caller.get_or_insert(caller);
    }

    /// Nobody waits any more.
    pub(super) fn abandon(&self) {
        let own = {
            let mut state = self.state();
            state.abandoned = true;
            state.own.clone()
        };
        if let Some(own) = own {
            own.turn(CancelReason::new(CancelKind::Dropped));
        }
    }

    /// Why the closure is to stop, if it is.
    pub(super) fn reason(&self) -> Option<CancelReason> {
        let state = self.state();
        if state.abandoned {
            return Some(CancelReason::new(CancelKind::Dropped));
        }
        let caller = state.caller.clone();
        drop(state);
        caller?.reason()
    }

    /// What turns then.
    pub(super) fn token(&self) -> CancelToken {
        let (token, abandoned) = {
            let mut state = self.state();
            let token = match (&state.own, &state.caller) {
                (Some(own), _) => own.clone(),
                (None, Some(caller)) => caller.child_token(),
                (None, None) => CancelToken::new(),
            };
            state.own = Some(token.clone());
            (token, state.abandoned)
        };
        if abandoned {
            token.turn(CancelReason::new(CancelKind::Dropped));
        }
        token
    }
}
