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
use std::mem::ManuallyDrop;

use super::vars::{Value, Vars};
use crate::error::unhandled::drop_quietly;
use crate::std_or_loom::per_thread;

per_thread! {
    // Without a destructor, which costs each access a question: where no guard is there is nothing to drop.
    static CURRENT: RefCell<ManuallyDrop<Option<Vars>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// What is set here; `None` if nothing is.
pub(crate) fn snapshot() -> Option<Vars> {
    read(|vars| vars.cloned())
}

/// Is anything set here?
#[inline]
pub(crate) fn is_set() -> bool {
    read(|vars| vars.is_some())
}

/// The value with this id, held on its own.
pub(super) fn value(id: u64) -> Option<Value> {
    read(|vars| vars?.get(id).cloned())
}

/// Looks at what is set, without code of the user's. On a thread that is ending nothing is set.
#[inline]
pub(super) fn read<R: Default>(look: impl FnOnce(Option<&Vars>) -> R) -> R {
    CURRENT
        .try_with(|current| look(current.borrow().as_ref()))
        .unwrap_or_default()
}

/// Sets exactly this until the guard is dropped, whatever was set before.
#[inline]
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
    let _ = CURRENT.try_with(|current| std::mem::swap(&mut **current.borrow_mut(), &mut vars));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::vars::Entry;
    use super::*;
    use crate::panic::catch;

    fn vars(base: Option<&Vars>, id: u64, value: u32) -> Vars {
        let entry = Entry {
            id,
            name: None,
            value: Arc::new(value),
        };
        Vars::with(base, entry)
    }

    fn number(id: u64) -> Option<u32> {
        value(id)?.downcast_ref().copied()
    }

    #[test]
    fn guards_nest() {
        assert!(!is_set());
        let outer = vars(None, 1, 10);
        let outside = enter(Some(outer.clone()));
        {
            let _inside = enter(Some(vars(Some(&outer), 2, 20)));
            assert_eq!((number(1), number(2)), (Some(10), Some(20)));
            {
                let _nothing = enter(None);
                assert!(!is_set());
                let _something = enter(Some(outer.clone()));
                assert_eq!((number(1), number(2)), (Some(10), None));
            }
            assert_eq!(number(2), Some(20));
        }
        assert_eq!((number(1), number(2)), (Some(10), None));
        drop(outside);
        assert!(!is_set() && snapshot().is_none());
    }

    #[test]
    fn a_panic_leaves_nothing_set() {
        let caught = catch(|| {
            let _guard = enter(Some(vars(None, 1, 10)));
            let _inner = enter(None);
            std::panic::resume_unwind(Box::new("inside"));
        });
        assert!(caught.is_err());
        assert!(!is_set());
    }

    #[test]
    fn a_value_is_found_among_many_and_replaced() {
        let ids = [5, 1, 9, 3, 7, 5, 9];
        let mut all = None;
        for (n, id) in (0..).zip(ids) {
            all = Some(vars(all.as_ref(), id, n));
        }
        let _guard = enter(all);
        let found: Vec<_> = (0..=10).map(number).collect();
        let mut expected = [None; 11];
        for (n, id) in (0..).zip([5, 1, 9, 3, 7, 5, 9_usize]) {
            expected[id] = Some(n);
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_is_set_on_a_thread_that_ends() {
        use std::sync::mpsc::{Sender, channel};

        struct Last(Sender<bool>);
        impl Drop for Last {
            fn drop(&mut self) {
                let _guard = enter(Some(vars(None, 1, 10)));
                self.0.send(is_set()).unwrap();
            }
        }
        thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });

        let (tell, told) = channel();
        let thread = std::thread::spawn(move || {
            // Made first, so dropped last.
            LAST.with(|last| *last.borrow_mut() = Some(Last(tell)));
            drop(enter(Some(vars(None, 1, 10))));
        });
        thread.join().unwrap();
        // Which of the two goes first is the platform's affair; neither harms anybody.
        assert_eq!(told.iter().count(), 1);
    }
}
