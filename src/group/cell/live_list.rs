//! The list of a group's live children, linked through their cells: it needs no memory, and a child leaves it in one step.
//!
//! 1. The list has a reference of each child on it.
//! 2. A child is only ever on the live list of its own group, and links and marks are touched under that group's lock alone.
//! 3. The mark of a child that is not on the live list is `OFF`. Links count only for a child that is on it; the first has none
//!    before it, the last none behind it.
//! 4. `ahead` is the first child to which the sweep has not come. Before it everything is swept, from it on nothing is. No child
//!    is added during a sweep.

use std::iter;
use std::mem::ManuallyDrop;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::Ordering::Relaxed;

use super::header::Header;
use super::reference::CellRef;
use crate::std_or_loom::atomic::AtomicPtr;

/// The mark of a child that is not on the live list.
pub(super) const OFF: u16 = 0;
/// The mark of one to which no sweep has come.
const ON: u16 = 1;

/// A child's links on the live list, beside its mark.
pub(super) struct Links {
    before: AtomicPtr<Header>,
    behind: AtomicPtr<Header>,
}

impl Links {
    pub(super) fn new() -> Self {
        Self {
            before: AtomicPtr::new(null_mut()),
            behind: AtomicPtr::new(null_mut()),
        }
    }
}

/// Live children, in the order in which they came.
///
/// It needs no destructor: a child that is on it keeps the group.
pub(in crate::group) struct LiveList {
    first: *mut Header,
    last: *mut Header,
    ahead: *mut Header,
    /// The mark of those to which this sweep has come.
    swept: u16,
}

// SAFETY: it stands for references, which are `Send`.
unsafe impl Send for LiveList {}

impl Default for LiveList {
    fn default() -> Self {
        Self {
            first: null_mut(),
            last: null_mut(),
            ahead: null_mut(),
            swept: ON + 1,
        }
    }
}

/// The links of a child that is on the live list.
///
/// # Safety
///
/// It is null, or on the live list for `'a`.
#[inline]
unsafe fn links<'a>(child: *mut Header) -> Option<&'a Links> {
    // SAFETY: the live list has a reference of it (1).
    NonNull::new(child).map(|child| unsafe { &child.as_ref().links })
}

impl LiveList {
    /// Puts a child at the end.
    #[inline]
    pub(in crate::group) fn add(&mut self, child: CellRef) {
        let raw = self.link(child, null_mut(), ON);
        if self.ahead.is_null() {
            self.ahead = raw;
        }
    }

    /// Puts a child before another one, or at the end.
    #[inline]
    fn link(&mut self, child: CellRef, behind: *mut Header, mark: u16) -> *mut Header {
        debug_assert!(child.header().sweep_mark.load(Relaxed) == OFF);
        let raw = child.raw().as_ptr();
        // SAFETY: it is null or on the live list.
        let next = unsafe { links(behind) };
        let before = next.map_or(self.last, |next| next.before.load(Relaxed));
        let own = &child.header().links;
        child.header().sweep_mark.store(mark, Relaxed);
        own.before.store(before, Relaxed);
        own.behind.store(behind, Relaxed);
        // SAFETY: it is null or on the live list.
        match unsafe { links(before) } {
            Some(previous) => previous.behind.store(raw, Relaxed),
            None => self.first = raw,
        }
        match next {
            Some(next) => next.before.store(raw, Relaxed),
            None => self.last = raw,
        }
        // The reference is the live list's.
        let _ = ManuallyDrop::new(child);
        raw
    }

    /// Takes a child off; `None` if it is not on the live list.
    #[inline]
    pub(in crate::group) fn remove(&mut self, child: &CellRef) -> Option<CellRef> {
        let own = &child.header().links;
        let mark = &child.header().sweep_mark;
        if mark.load(Relaxed) == OFF {
            return None;
        }
        mark.store(OFF, Relaxed);
        let (before, behind) = (own.before.load(Relaxed), own.behind.load(Relaxed));
        // SAFETY: each is null or on the live list.
        match unsafe { links(before) } {
            Some(previous) => previous.behind.store(behind, Relaxed),
            None => self.first = behind,
        }
        // SAFETY: each is null or on the live list (2).
        match unsafe { links(behind) } {
            Some(next) => next.before.store(before, Relaxed),
            None => self.last = before,
        }
        let raw = child.raw();
        if self.ahead == raw.as_ptr() {
            self.ahead = behind;
        }
        // SAFETY: it is the live list's reference (1), and leaves it.
        Some(unsafe { CellRef::from_raw(raw) })
    }

    /// Takes the next child off to which the sweep has not come.
    pub(in crate::group) fn take_ahead(&mut self) -> Option<CellRef> {
        let ahead = NonNull::new(self.ahead)?;
        // SAFETY: it is on the live list, which has a reference of it; this one is not counted, and not dropped.
        let child = ManuallyDrop::new(unsafe { CellRef::from_raw(ahead) });
        self.remove(&child)
    }

    /// Puts a child back to which the sweep has come.
    pub(in crate::group) fn put_back(&mut self, child: CellRef) {
        self.link(child, self.ahead, self.swept);
    }

    /// Has the sweep come to all?
    #[inline]
    pub(in crate::group) fn is_swept(&self) -> bool {
        self.ahead.is_null()
    }

    /// Has the sweep come to this one, or is it not on the live list?
    pub(in crate::group) fn is_behind_sweep(&self, child: &CellRef) -> bool {
        let mark = child.header().sweep_mark.load(Relaxed);
        mark == OFF || mark == self.swept
    }

    /// Begins a new sweep of those that are there.
    pub(in crate::group) fn sweep_again(&mut self) {
        self.ahead = self.first;
        self.swept = self.swept.checked_add(1).unwrap_or(ON + 1);
    }

    /// Those that are on it.
    pub(in crate::group) fn iter(&self) -> impl Iterator<Item = CellRef> {
        let mut next = self.first;
        iter::from_fn(move || {
            // SAFETY: it is on the live list, which has a reference of it and is borrowed; this one is not counted, and not
            // dropped.
            let child = ManuallyDrop::new(unsafe { CellRef::from_raw(NonNull::new(next)?) });
            next = child.header().links.behind.load(Relaxed);
            Some(CellRef::clone(&child))
        })
    }
}
