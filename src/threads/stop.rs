//! What asks a closure to stop that nothing can stop from outside.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::group::engine::position::Position;
use crate::limiter::CapacityLimiter;
use crate::token::{CallbackGuard, CancelKind, CancelReason, CancelToken};

/// Whether a closure is still wanted, for the closure to ask.
#[derive(Default)]
pub(super) struct Stop(Mutex<State>);

#[derive(Default)]
struct State {
    /// Where somebody waits for it.
    caller: Option<Position>,
    /// Nobody waits for it any more.
    abandoned: bool,
    /// The token that the closure has asked for.
    own: Option<CancelToken>,
    /// Turns that with the caller's, where it was made before.
    follows: Option<CallbackGuard>,
}

impl Stop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody waits for the closure, in this place. Once.
    pub(super) fn follow(&self, caller: Position) {
        let own = {
            let mut state = self.state();
            state.caller = Some(caller.clone());
            state.own.clone()
        };
        let Some(own) = own else { return };
        // The closure has asked before anybody waited.
        let turns = move |reason: &CancelReason| {
            own.turn(reason.clone());
        };
        let follows = caller.token().on_cancel(turns);
        self.state().follows = Some(follows);
    }

    /// The limiter whose permit the one who waits holds meanwhile, as a child of a group.
    pub(super) fn limiter(&self) -> Option<CapacityLimiter> {
        let caller = self.state().caller.clone();
        caller?.limiter()
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
        loop {
            let caller = {
                let state = self.state();
                if let Some(own) = &state.own {
                    return own.clone();
                }
                state.caller.clone()
            };
            let is_followed = caller.is_some();
            let fresh = match caller {
                Some(caller) => caller.token().child_token(),
                None => CancelToken::new(),
            };
            let mut state = self.state();
            if state.caller.is_some() && !is_followed {
                continue;
            }
            let own = state.own.get_or_insert(fresh).clone();
            let is_abandoned = state.abandoned;
            drop(state);
            if is_abandoned {
                own.turn(CancelReason::new(CancelKind::Dropped));
            }
            return own;
        }
    }
}
