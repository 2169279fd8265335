//! Children that block their thread: the groups whose drivers and owners are blocked with them call somebody else.

use std::cell::RefCell;
use std::sync::Arc;

use super::core::Core;
use super::position::{Position, here};
use crate::error::KeyId;
use crate::std_or_loom::per_thread;

per_thread! {
    // The code on this thread that is known to be blocked, the innermost last.
    static KNOWN: RefCell<Vec<KeyId>> = const { RefCell::new(Vec::new()) };
}

/// This thread waits in a blocking call until this is dropped: who polls the child or body that does so, and those around it,
/// sees to no other child.
#[must_use = "the groups count on this thread again when this is dropped"]
pub(in crate::group) struct Blocked {
    /// Whom was told, and whether it was of its body.
    told: Vec<(Arc<Core>, bool)>,
    /// How many were known before.
    known: usize,
}

/// Tells them while `wait` goes on.
pub(in crate::group) fn around(wait: &mut dyn FnMut()) {
    let _blocked = Blocked::begin();
    wait();
}

impl Blocked {
    pub(in crate::group) fn begin() -> Self {
        let mut blocked = Self {
            told: Vec::new(),
            known: KNOWN.try_with(|known| known.borrow().len()).unwrap_or(0),
        };
        let Some(position) = here() else {
            return blocked;
        };
        let mut innermost = true;
        for position in position.enclosing() {
            let (core, of_body) = match position {
                // Where nobody polls the code further out, this thread was not lent by it.
                Position::Child(child) if innermost || child.is_polled() => (child.core(), false),
                Position::Child(_) => break,
                Position::Body(core) => (core, true),
                Position::Behind(_) => continue,
            };
            innermost = false;
            let is_new = position.code().is_some_and(|code| {
                let learn = |known: &RefCell<Vec<KeyId>>| {
                    let mut known = known.borrow_mut();
                    let is_new = !known.contains(&code);
                    known.extend(is_new.then_some(code));
                    is_new
                };
                KNOWN.try_with(learn).unwrap_or(false)
            });
            if !is_new {
                break;
            }
            if core.with(|sched, effects| sched.is_blocked(of_body, effects)) {
                blocked.told.push((Arc::clone(core), of_body));
            }
        }
        blocked
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let _ = KNOWN.try_with(|known| known.borrow_mut().truncate(self.known));
        for (core, of_body) in self.told.drain(..) {
            core.with(|sched, _| sched.goes_on(of_body));
        }
    }
}
