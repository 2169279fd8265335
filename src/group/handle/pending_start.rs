//! `PendingStart`: where the code of a child runs that may not have started: with its caller before, in the child afterwards.
//!
//! 1. The child is known once it is polled, or once its caller has the key; whichever comes first says it.
//! 2. The lock is held for a look and no longer: nothing is asked, cancelled or dropped meanwhile.

use std::sync::{Arc, OnceLock};

use crate::group::cell::CellRef;
use crate::group::engine::position::{Position, Surrounding, here, token_of};
use crate::std_or_loom::Lock;
use crate::token::{CallbackGuard, CancelKind, CancelReason, CancelToken};

/// Between a caller and the child that it starts.
pub(crate) struct PendingStart {
    /// The child, as a position.
    child: OnceLock<Position>,
    state: Lock<State>,
}

struct State {
    /// The child has neither started nor ended, and its caller waits.
    pending: bool,
    /// Where the caller is, while that counts.
    caller: Option<Position>,
    /// What is read here, if anybody asked for it while the start was pending.
    token: Option<CancelToken>,
    follows: Follows,
}

/// What turns the token of a pending start: the caller's, and the child's.
#[derive(Default)]
struct Follows {
    _caller: Option<CallbackGuard>,
    child: Option<CallbackGuard>,
}

impl PendingStart {
    /// Of a child that is started from here.
    pub(in crate::group) fn here() -> Arc<Self> {
        Arc::new(Self {
            child: OnceLock::new(),
            state: Lock::new(State {
                pending: true,
                caller: here(),
                token: None,
                follows: Follows::default(),
            }),
        })
    }

    /// Says which child it is.
    pub(in crate::group) fn attach(&self, child: CellRef) {
        // The second that comes says the same.
        let _ = self.child.set(Position::Child(child));
    }

    pub(in crate::group) fn child(&self) -> Option<&CellRef> {
        match self.child.get() {
            Some(Position::Child(child)) => Some(child),
            _ => None,
        }
    }

    /// From now on this is in the child alone.
    pub(in crate::group) fn pass(&self) {
        let (caller, follows) = {
            let mut state = self.state.lock();
            state.pending = false;
            (state.caller.take(), std::mem::take(&mut state.follows))
        };
        drop(caller);
        follows.pass();
    }

    /// Why the child is cancelled, or its group, or while the start is pending its caller.
    pub(in crate::group) fn reason(&self) -> Option<CancelReason> {
        let own = self.child.get().and_then(Position::reason);
        own.or_else(|| self.beside()?.reason())
    }

    /// The token that is read here was cancelled: so is the child, unless that came from what it follows.
    fn token_turned(&self, reason: &CancelReason) {
        if let (Some(child), None) = (self.child(), self.reason()) {
            child.cancel_alone(reason.clone());
        }
    }

    /// The child is dropped without waiting for the end of its grace, for this reason unless it was cancelled before.
    pub(in crate::group) fn gives_up_with(&self, reason: CancelReason) {
        if let Some(child) = self.child() {
            child.gives_up_with(reason);
        }
    }
}

impl Surrounding for PendingStart {
    /// The child, which shields hold from in here.
    fn outside(&self) -> Option<&Position> {
        self.child.get()
    }

    fn is_screen(&self) -> bool {
        false
    }

    /// The caller, while it waits.
    fn beside(&self) -> Option<Position> {
        self.state.lock().caller.clone()
    }

    /// Turns with the child's, and while the start is pending with the caller's, too. Cancelling it cancels the child.
    fn token(self: Arc<Self>) -> CancelToken {
        let (token, caller) = {
            let mut state = self.state.lock();
            match &state.token {
                _ if !state.pending => {
                    drop(state);
                    return token_of(self.child.get());
                }
                Some(token) => return token.clone(),
                None => {
                    let token = CancelToken::new();
                    state.token = Some(token.clone());
                    (token, state.caller.clone())
                }
            }
        };
        let this = Arc::downgrade(&self);
        let cancels = token.on_cancel(move |reason| {
            if let Some(this) = this.upgrade() {
                this.token_turned(reason);
            }
        });
        cancels.detach();
        let this = Arc::downgrade(&self);
        let now = token.on_cancel_now(move |reason| {
            if let Some(child) = this.upgrade().as_ref().and_then(|this| this.child()) {
                child.cancel_alone_now(reason.clone(), false);
            }
        });
        now.detach();
        let follow = |position: &Position| token.follow(&position.token());
        let follows = Follows {
            _caller: caller.as_ref().map(follow),
            child: self.child.get().map(follow),
        };
        let late = {
            let mut state = self.state.lock();
            if state.pending {
                state.follows = follows;
                None
            } else {
                Some(follows)
            }
        };
        if let Some(follows) = late {
            follows.pass();
        }
        token
    }

    fn heeds_token(&self) {
        let token = self.state.lock().token.clone();
        if let Some(reason) = token.and_then(|token| token.reason()) {
            self.token_turned(&reason);
        }
    }

    fn gives_up(&self) {
        let reason = self.reason().map(|reason| reason.inherited());
        self.gives_up_with(reason.unwrap_or_else(|| CancelReason::new(CancelKind::Dropped)));
    }

    fn ends_early(&self, reason: &CancelReason) -> bool {
        if let Some(child) = self.child() {
            child.ends_early(reason.clone());
        }
        true
    }
}

impl Follows {
    /// The start is not pending any more: from now on the token is the child's.
    fn pass(self) {
        if let Some(child) = self.child {
            child.detach();
        }
    }
}
