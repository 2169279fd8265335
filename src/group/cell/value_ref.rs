//! The typed reference behind a key: it alone reads, takes and releases the value.

use std::marker::PhantomData;
use std::mem::{ManuallyDrop, take};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use super::header::Header;
use super::reference::CellRef;
use super::state::{Ending, KEY, LINE, OVER, REF, Snapshot, WAITER};
use super::upcalls::{self, Core, Group};
use crate::error::GatherIncomplete;
use crate::error::unhandled::drop_quietly;
use crate::token::{CancelKind, CancelReason};

/// The right to a child's value. There is one for each child; `KEY` is set while it exists.
pub(in crate::group) struct ValueRef<T> {
    cell: ManuallyDrop<CellRef>,
    value: PhantomData<T>,
}

impl<T> ValueRef<T> {
    /// # Safety
    ///
    /// One reference of the cell's count becomes this one's, `KEY` is set, no other exists, and `T` is the type
    /// of the child's value.
    pub(super) unsafe fn from_raw(raw: NonNull<Header>) -> Self {
        Self {
            // SAFETY: one reference of the count is the caller's, and becomes ours.
            cell: ManuallyDrop::new(unsafe { CellRef::from_raw(raw) }),
            value: PhantomData,
        }
    }

    #[inline]
    pub(in crate::group) fn cell(&self) -> &CellRef {
        &self.cell
    }

    pub(in crate::group) fn core(&self) -> &Core {
        self.cell.header().core()
    }

    /// Why there is no value to be had; `None` if the child ended with one, taken or not.
    pub(in crate::group) fn missing(&self) -> Option<GatherIncomplete> {
        self.missing_of(self.cell.load())
    }

    /// The same, where this is the state.
    #[inline]
    fn missing_of(&self, state: Snapshot) -> Option<GatherIncomplete> {
        match state.end() {
            None if state.has(LINE) => Some(GatherIncomplete::Waiting),
            None => Some(GatherIncomplete::Running),
            Some(Ending::Value) => None,
            Some(Ending::Failed) => Some(GatherIncomplete::Failed),
            Some(Ending::Panicked) => Some(GatherIncomplete::Panicked),
            Some(Ending::Cancelled) => {
                // SAFETY: the child ended cancelled, and we are its key.
                let reason = unsafe { (self.cell.header().vtable.reason)(self.cell.raw()) };
                let reason = reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit));
                Some(GatherIncomplete::Cancelled(reason))
            }
        }
    }

    pub(in crate::group) fn get(&self) -> Result<&T, GatherIncomplete> {
        if let Some(why) = self.missing() {
            return Err(why);
        }
        // SAFETY: the child is over with a value, which is ours: it stays until we are borrowed mutably or dropped.
        unsafe { self.value().as_ref() }.ok_or(GatherIncomplete::Taken)
    }

    /// Where the value is, or null if it was taken.
    ///
    /// # Safety
    ///
    /// The child ended with a value.
    unsafe fn value(&self) -> *const T {
        // SAFETY: the value of a child that is over is ours, and `T` is its type.
        unsafe { (self.cell.header().vtable.value)(self.cell.raw()) }.cast()
    }

    pub(in crate::group) fn take(&mut self) -> Result<T, GatherIncomplete> {
        self.take_of(self.cell.load())
    }

    /// The same, where this is the state.
    #[inline]
    fn take_of(&mut self, state: Snapshot) -> Result<T, GatherIncomplete> {
        if let Some(why) = self.missing_of(state) {
            return Err(why);
        }
        let header = self.cell.header();
        let mut out: Option<T> = None;
        // SAFETY: the child is over with a value, which is ours, and `T` is its type.
        unsafe { (header.vtable.take_value)(self.cell.raw(), (&raw mut out).cast()) };
        if out.is_some() {
            header.taken.store(true, Relaxed);
            Group::of(header.core()).count_taken();
        }
        out.ok_or(GatherIncomplete::Taken)
    }

    /// Takes the value, or has the task woken when the child is over.
    pub(in crate::group) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, GatherIncomplete>> {
        let state = self.cell.load();
        if state.has(OVER) {
            return Poll::Ready(self.take_of(state));
        }
        self.cell.drop_if_to_go(state);
        let header = self.cell.header();
        // The mark goes off first: the slot is ours while `WAITER` and `OVER` are off (S4).
        let idle = self
            .cell
            .update(|now| (!now.has(OVER)).then_some(now.0 & !WAITER));
        if idle.is_err() {
            return Poll::Ready(self.take());
        }
        // SAFETY: `WAITER` and `OVER` were off in the step before, so the slot is ours (S4).
        let known = header.waiter.with(|slot| unsafe {
            (*slot)
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
        });
        if !known {
            let waker = cx.waker().clone();
            // SAFETY: the slot is ours until `WAITER` goes on (S4).
            let old = header
                .waiter
                .with_mut(|slot| unsafe { (*slot).replace(waker) });
            drop_quietly("a waker", old);
        }
        let waits = self
            .cell
            .update(|now| (!now.has(OVER)).then_some(now.0 | WAITER));
        if waits.is_ok() {
            upcalls::awaits(cx.waker(), &self.cell);
            return Poll::Pending;
        }
        // It ended in between, without seeing the mark: the slot is still ours.
        self.empty_slot();
        Poll::Ready(self.take())
    }

    /// Drops the waker in the slot. The callers own the slot by (S4).
    #[inline]
    fn empty_slot(&self) {
        let slot = &self.cell.header().waiter;
        // SAFETY: the caller owns the slot (S4).
        if let Some(waker) = slot.with_mut(|slot| unsafe { take(&mut *slot) }) {
            drop_quietly("a waker", waker);
        }
    }
}

impl<T> Drop for ValueRef<T> {
    fn drop(&mut self) {
        let state = self.cell.load();
        let taken = self.cell.header().taken.load(Relaxed);
        if taken || (state.has(OVER) && state.end() != Some(Ending::Value)) {
            if !state.has(WAITER) {
                self.empty_slot();
            }
            // SAFETY: the reference is ours and goes with us. `KEY` is on, and off from here (S5).
            unsafe { self.cell.give_up_seen(REF + KEY, state) }
        } else {
            self.leave();
            // SAFETY: it goes with us.
            unsafe { ManuallyDrop::drop(&mut self.cell) }
        }
    }
}

impl<T> ValueRef<T> {
    /// Says that nobody wants the value any more.
    fn leave(&self) {
        let dropped = self.cell.update(|now| {
            let waiter = if now.has(OVER) { 0 } else { WAITER };
            Some(now.0 & !(KEY | waiter))
        });
        let (Ok(before) | Err(before)) = dropped;
        if !(before.has(OVER) && before.has(WAITER)) {
            self.empty_slot();
        }
        if !before.has(OVER) {
            self.cell.group().is_not_awaited(&self.cell);
        }
        match before.end() {
            // SAFETY: the child is over with a value, which is ours.
            Some(Ending::Value) if !unsafe { self.value() }.is_null() => {
                self.cell.group().count_let_go();
                self.cell.let_go_late();
            }
            _ => {}
        }
    }
}
