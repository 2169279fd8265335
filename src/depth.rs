//! How deep calls of this crate lie in each other on a thread, so that none of them overflows its stack.
//!
//! What may call itself by way of a user's code, as the drop of a group whose children own groups, does so a few times. Beyond
//! that it is put off, and the outermost of these calls does it before it returns.

use std::cell::{Cell, RefCell};

use crate::error::unhandled::report_panic;
use crate::panic::catch;
use crate::std_or_loom::per_thread;

/// How many lie in each other at most.
pub(crate) const MOST: usize = 32;

per_thread! {
    static DRIVES: Cell<usize> = const { Cell::new(0) };
}
per_thread! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}
per_thread! {
    static LATER: RefCell<Vec<Later>> = const { RefCell::new(Vec::new()) };
}

/// What was put off.
type Later = Box<dyn FnOnce()>;

/// Somebody polls children on this thread, until it is dropped.
#[must_use = "it counts as long as it is there"]
pub(crate) struct Drive(());

impl Drive {
    #[inline]
    pub(crate) fn begin() -> Self {
        let _ = DRIVES.try_with(|drives| drives.set(drives.get() + 1));
        Self(())
    }

    /// Are there so many in each other that the next should not be one of them?
    #[inline]
    pub(crate) fn is_deep() -> bool {
        DRIVES
            .try_with(|drives| drives.get() >= MOST)
            .unwrap_or(false)
    }
}

impl Drop for Drive {
    #[inline]
    fn drop(&mut self) {
        let _ = DRIVES.try_with(|drives| drives.set(drives.get() - 1));
    }
}

/// One of the calls that may lie in each other.
struct Call;

impl Call {
    /// None: there are enough of them.
    #[inline(never)]
    fn begin() -> Option<Self> {
        let deeper = |calls: &Cell<usize>| {
            let is_deep = calls.get() >= MOST;
            calls.set(calls.get() + usize::from(!is_deep));
            is_deep
        };
        match CALLS.try_with(deeper) {
            Ok(true) => None,
            Ok(false) => Some(Self),
            // The thread is ending, and knows nothing any more.
            Err(_) => Some(Self),
        }
    }
}

impl Drop for Call {
    #[inline(never)]
    fn drop(&mut self) {
        let is_outermost = CALLS.try_with(|calls| calls.get() == 1).unwrap_or(false);
        if is_outermost {
            // Each of them may put off more.
            while let Some(later) = next() {
                if let Err(panic) = catch(later) {
                    report_panic("what was put off", panic);
                }
            }
        }
        let _ = CALLS.try_with(|calls| calls.set(calls.get().saturating_sub(1)));
    }
}

fn next() -> Option<Later> {
    LATER.try_with(|later| later.borrow_mut().pop()).ok()?
}

/// Calls `work`, or where too many such calls lie in each other, has the outermost do it before it returns.
pub(crate) fn bounded(work: impl FnOnce() + 'static) {
    let Some(call) = Call::begin() else {
        put_off(Box::new(work));
        return;
    };
    work();
    drop(call);
}

#[cold]
#[inline(never)]
fn put_off(later: Later) {
    let _ = LATER.try_with(|list| list.borrow_mut().push(later));
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::rc::Rc;

    fn nest(left: usize, deepest: &Rc<Cell<(usize, usize)>>) {
        let (now, most) = deepest.get();
        deepest.set((now + 1, most.max(now + 1)));
        let inner = Rc::clone(deepest);
        if left > 0 {
            bounded(move || nest(left - 1, &inner));
        }
        let (now, most) = deepest.get();
        deepest.set((now - 1, most));
    }

    #[test]
    fn a_hundred_thousand_lie_in_each_other_and_few_on_the_stack() {
        let deepest = Rc::new(Cell::new((0, 0)));
        nest(100_000, &deepest);
        assert_eq!(deepest.get(), (0, MOST + 1));
        assert_eq!(Rc::strong_count(&deepest), 1, "all were called");
    }

    #[test]
    fn one_that_panics_keeps_no_other_from_being_called() {
        let called = Rc::new(Cell::new(0));
        fn nest(left: usize, called: &Rc<Cell<usize>>) {
            called.set(called.get() + 1);
            let inner = Rc::clone(called);
            if left > 0 {
                bounded(move || nest(left - 1, &inner));
            }
            if left % 7 == 3 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
        let outcome = catch(|| nest(1_000, &called));
        assert!(outcome.is_err());
        assert_eq!(called.get(), 1_001);
        assert_eq!(CALLS.get(), 0);
    }
}
