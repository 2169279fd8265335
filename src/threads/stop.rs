//! What asks a closure to stop that nothing can stop from outside.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cancel::{CancelKind, CancelReason, CancelToken};
use crate::group::engine::place::Place;

/// Whether a closure is still wanted, for the closure to ask.
#[derive(Default)]
pub(super) struct Stop(Mutex<State>);

#[derive(Default)]
struct State {
    /// Where somebody waits for it.
    caller: Option<Place>,
    /// Nobody waits for it any more.
    abandoned: bool,
    /// The token that the closure has asked for.
    own: Option<CancelToken>,
}

impl Stop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody waits for the closure, in this place.
    pub(super) fn follow(&self, caller: Place) {
        let before = self.state().caller.replace(caller);
        drop(before);
    }

    /// Nobody waits any more.
    pub(super) fn abandon(&self) {
        let (own, caller) = {
            let mut state = self.state();
            state.abandoned = true;
            (state.own.clone(), state.caller.take())
        };
        drop(caller);
        if let Some(own) = own {
            own.turn(CancelReason::new(CancelKind::Dropped));
        }
    }

    /// Why the closure is to stop, if it is.
    pub(super) fn reason(&self) -> Option<CancelReason> {
        self.token().reason()
    }

    /// What turns then. It is made when the closure first asks.
    pub(super) fn token(&self) -> CancelToken {
        let (own, caller) = {
            let state = self.state();
            (state.own.clone(), state.caller.clone())
        };
        own.unwrap_or_else(|| self.make(caller.map(|caller| caller.token())))
    }

    #[cold]
    fn make(&self, caller: Option<CancelToken>) -> CancelToken {
        let fresh = caller.map_or_else(CancelToken::new, |caller| caller.child_token());
        let (token, abandoned) = {
            let mut state = self.state();
            let own = state.own.get_or_insert_with(|| fresh.clone());
            (own.clone(), state.abandoned)
        };
        if abandoned {
            token.turn(CancelReason::new(CancelKind::Dropped));
        }
        token
    }
}
