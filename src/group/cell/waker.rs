//! The waker of a child: a counted reference behind a table of functions.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable};

use super::header::Header;
use super::reference::CellRef;

/// A raw waker for the cell. Code that makes a `Waker` of it answers for one reference.
#[inline]
pub(super) fn raw(cell: NonNull<Header>) -> RawWaker {
    RawWaker::new(cell.as_ptr().cast_const().cast(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// The reference that a waker stands for.
///
/// # Safety
///
/// `data` is the data of a waker that is alive, and the reference is given up only if the waker is.
#[inline]
unsafe fn reference(data: *const ()) -> ManuallyDrop<CellRef> {
    // SAFETY: `raw` made the pointer from a `NonNull`, and the caller answers for the count.
    ManuallyDrop::new(unsafe {
        CellRef::from_raw(NonNull::new_unchecked(data.cast_mut().cast::<Header>()))
    })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker is alive and stays so.
    let original = unsafe { reference(data) };
    raw(ManuallyDrop::new(CellRef::clone(&original)).raw())
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker gives up its reference.
    ManuallyDrop::into_inner(unsafe { reference(data) }).wake();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker is alive and stays so.
    unsafe { reference(data) }.wake();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker gives up its reference.
    drop(ManuallyDrop::into_inner(unsafe { reference(data) }));
}
