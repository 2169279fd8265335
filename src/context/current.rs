//! What is set on this thread right now.
//!
//! Invariants:
//!
//! 1. What is set is what the guard that was made last and is still alive entered. Guards do not leave their thread or the
//!    crate, and are dropped in the reverse order of their making, also on unwinding. So where no guard is, nothing is set.
//! 2. The thread's slot is borrowed for a moment only, to read a value's pointer or to swap. No value is cloned or dropped
//!    meanwhile: their code may use variables.

use std::cell::RefCell;
use std::marker::PhantomData;

use super::vars::{Value, Vars};
use crate::error::unhandled::drop_quietly;

thread_local! {
    static CURRENT: RefCell<Option<Vars>> = const { RefCell::new(None) };
}

/// What is set here; `None` if nothing is.
pub(crate) fn snapshot() -> Option<Vars> {
    read(|vars| vars.cloned())
}

/// Is anything set here?
pub(crate) fn is_set() -> bool {
    read(|vars| vars.is_some())
}

/// The value with this id, held on its own.
pub(super) fn value(id: u64) -> Option<Value> {
    read(|vars| vars?.get(id).cloned())
}

/// Looks at what is set, without code of the user's. On a thread that is ending nothing is set.
pub(super) fn read<R: Default>(look: impl FnOnce(Option<&Vars>) -> R) -> R {
    CURRENT
        .try_with(|current| look(current.borrow().as_ref()))
        .unwrap_or_default()
}

/// Sets exactly this until the guard is dropped, whatever was set before.
pub(crate) fn enter(vars: Option<Vars>) -> Entered {
    let before = match vars {
        None if !is_set() => None,
        vars => Some(swap(vars)),
    };
    Entered {
        before,
        not_send: PhantomData,
    }
}

fn swap(vars: Option<Vars>) -> Option<Vars> {
    let mut vars = vars;
    // Where the thread is ending they stay outside, and are dropped by the caller.
    let _ = CURRENT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), &mut vars));
    vars
}

/// Keeps something set on this thread; made by [`enter`]. Dropped, it sets again what was set before.
#[must_use = "it is set only as long as the guard lives"]
pub(crate) struct Entered {
    /// What was set before; the outer `None` if there is nothing to do.
    before: Option<Option<Vars>>,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            let vars = swap(before);
            drop_quietly("a context value", vars);
        }
    }
}
