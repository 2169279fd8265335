//! Who makes the position of code that has none as yet, for whoever asks for it.
//!
//! 1. What is lent to the thread is a frame of a function that takes it away before it returns, also on unwinding. So what is found
//!    here is alive, and belongs to a function further up on the stack of this thread.
//! 2. Frames lie in each other: each keeps the one that was lent before, and what is outside of it.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::group::cell::upcalls::Position;
use crate::std_or_loom::per_thread;

/// Makes the position of the code that it polls.
pub(crate) trait Makes {
    /// Makes it, once. This runs where the code that does the polling is.
    fn make(&self) -> Option<Position>;
}

/// Code without a position, and what is outside of it.
pub(in crate::group) struct Frame<'a> {
    maker: &'a dyn Makes,
    outside: Cell<Option<Position>>,
    outer: Option<Lent>,
}

type Lent = NonNull<Frame<'static>>;

per_thread! {
    static LENT: Cell<Option<Lent>> = const { Cell::new(None) };
}

fn swap(lent: Option<Lent>) -> Option<Lent> {
    LENT.try_with(|here| here.replace(lent)).ok().flatten()
}

impl<'a> Frame<'a> {
    pub(in crate::group) fn new(maker: &'a dyn Makes, outside: Option<Position>) -> Self {
        Self {
            maker,
            outside: Cell::new(outside),
            outer: LENT.try_with(Cell::get).ok().flatten(),
        }
    }

    pub(in crate::group) fn maker(&self) -> &dyn Makes {
        self.maker
    }

    /// Takes out what is outside, for a moment.
    pub(in crate::group) fn take_outside(&self) -> Option<Position> {
        self.outside.take()
    }

    pub(in crate::group) fn put_outside(&self, outside: Option<Position>) {
        self.outside.set(outside);
    }
}

/// Puts back what was lent before.
#[must_use = "it is put back when this is dropped"]
pub(in crate::group) struct Restores(Option<Lent>);

impl Drop for Restores {
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Lends a frame to the thread until `f` is over.
#[inline]
pub(in crate::group) fn lend<R>(frame: &Frame<'_>, f: impl FnOnce() -> R) -> R {
    let _restores = Restores(swap(Some(NonNull::from(frame).cast())));
    f()
}

/// Nothing is lent until what this gives is dropped.
pub(in crate::group) fn none_lent() -> Restores {
    Restores(swap(None))
}

/// Asks the innermost frame, if there is one, where only those outside of it are lent.
pub(in crate::group) fn asked<R>(ask: impl FnOnce(&Frame<'_>) -> R) -> Option<R> {
    let lent = LENT.try_with(Cell::get).ok().flatten()?;
    // SAFETY: it is alive (1), and belongs to this thread.
    let frame = unsafe { lent.as_ref() };
    let _restores = Restores(swap(frame.outer));
    Some(ask(frame))
}

/// Looks at the frames from inside, until `look` finds something.
pub(in crate::group) fn frames<R>(mut look: impl FnMut(&Frame<'_>) -> Option<R>) -> Option<R> {
    let mut next = LENT.try_with(Cell::get).ok().flatten();
    while let Some(lent) = next {
        // SAFETY: it is alive (1): a frame lies on the stack below those that it is the outer one of.
        let frame = unsafe { lent.as_ref() };
        let found = look(frame);
        if found.is_some() {
            return found;
        }
        next = frame.outer;
    }
    None
}
