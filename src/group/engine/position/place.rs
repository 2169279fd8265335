//! Where the thread keeps the position of the code that runs on it.

use std::cell::Cell;
use std::mem::{self, ManuallyDrop};

use super::Position;
use crate::group::cell::{CellRef, Frame, Makes, Restores, asked, frames, lend, none_lent};
use crate::std_or_loom::per_thread;

per_thread! {
    // Without a destructor, which costs each access a question: `Visit` takes each position away again.
    static PLACE: Cell<ManuallyDrop<Option<Position>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

/// Runs `f` in a position.
#[inline]
pub(crate) fn enter<R>(position: Position, f: impl FnOnce() -> R) -> R {
    enter_again(&mut Some(position), f)
}

/// Runs `f` in a position that is lent: what it holds stays the caller's, whatever happens.
#[inline]
pub(in crate::group) fn enter_lent<R>(
    position: ManuallyDrop<Position>,
    f: impl FnOnce() -> R,
) -> R {
    let mut lent = ManuallyDrop::new(Some(ManuallyDrop::into_inner(position)));
    enter_again(&mut lent, f)
}

/// Runs `f` in a position that is kept for the next time.
#[inline]
fn enter_again<R>(position: &mut Option<Position>, f: impl FnOnce() -> R) -> R {
    let _visit = Visit::begin(position);
    f()
}

/// Puts position and outer position back, also when the code in between unwinds.
struct Visit<'a>(&'a mut Option<Position>);

impl<'a> Visit<'a> {
    #[inline]
    fn begin(position: &'a mut Option<Position>) -> Self {
        swap(position);
        Self(position)
    }
}

impl Drop for Visit<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Puts a position where code finds it, and takes out what was there.
#[inline]
fn swap(position: &mut Option<Position>) {
    let _ = PLACE.try_with(|here| {
        let outer = ManuallyDrop::into_inner(here.replace(ManuallyDrop::new(position.take())));
        // What is overwritten is none, and needs no look.
        mem::forget(mem::replace(position, outer));
    });
}

/// Makes this code run in no position, until what this gives is dropped.
pub(in crate::group) fn nowhere() -> Nowhere {
    let mut outer = None;
    swap(&mut outer);
    Nowhere(outer, none_lent())
}

/// Keeps the outer position, and puts it back.
#[must_use = "the outer position is put back when this is dropped"]
pub(in crate::group) struct Nowhere(
    Option<Position>,
    #[expect(dead_code, reason = "held for its drop")] Restores,
);

/// Runs `f` as code that has no position as yet: `maker` makes it for whoever asks for it.
#[inline]
pub(crate) fn enter_unmade<R>(maker: &dyn Makes, f: impl FnOnce() -> R) -> R {
    let mut outside = None;
    swap(&mut outside);
    let visit = VisitUnmade(Frame::new(maker, outside));
    lend(&visit.0, f)
}

/// Puts the outer position back, and drops the one that was made.
struct VisitUnmade<'a>(Frame<'a>);

impl Drop for VisitUnmade<'_> {
    fn drop(&mut self) {
        let mut outside = self.0.take_outside();
        swap(&mut outside);
    }
}

/// Has the position made in which this code runs, if it is one that is to be made.
#[cold]
fn make() -> Option<Position> {
    asked(|frame| {
        let mut outside = frame.take_outside();
        // What is made is made by code that is outside of it.
        let made = enter_again(&mut outside, || frame.maker().make());
        frame.put_outside(outside);
        let mut here = made.clone();
        swap(&mut here);
        made
    })?
}

/// Looks at where this code runs, or at the nearest position around it that was made, and makes none.
pub(in crate::group) fn look_around<R>(look: impl FnOnce(&Position) -> R) -> Option<R> {
    let here = place().or_else(|| {
        frames(|frame| {
            let outside = frame.take_outside();
            let seen = outside.clone();
            frame.put_outside(outside);
            seen
        })
    });
    here.as_ref().map(look)
}

impl Drop for Nowhere {
    fn drop(&mut self) {
        swap(&mut self.0);
    }
}

/// Is this code in this very child, with nothing in between?
#[inline]
pub(in crate::group) fn is_in(child: &CellRef) -> bool {
    let look = |cell: &Cell<ManuallyDrop<Option<Position>>>| {
        let here = cell.replace(ManuallyDrop::new(None));
        let is_it = matches!(&*here, Some(Position::Child(here)) if here.is(child));
        cell.set(here);
        is_it
    };
    PLACE.try_with(look).unwrap_or(false)
}

/// Where this code runs; `None` outside of all children and bodies.
#[inline]
pub(crate) fn here() -> Option<Position> {
    place().or_else(make)
}

/// The same, where no position is made.
#[inline]
fn place() -> Option<Position> {
    let look = |cell: &Cell<ManuallyDrop<Option<Position>>>| {
        let here = cell.replace(ManuallyDrop::new(None));
        let seen = Option::clone(&here);
        cell.set(here);
        seen
    };
    PLACE.try_with(look).ok().flatten()
}
