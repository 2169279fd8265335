//! The roll of a group's live children, linked through their cells: it needs no memory, and a child leaves it in one step.
//!
//! 1. The roll has a reference of each child on it.
//! 2. A child is only ever on the roll of its own group, and links and marks are touched under that group's lock alone.
//! 3. The mark of a child that is not on the roll is `OFF`. Links count only for a child that is on it; the first has none
//!    before it, the last none behind it.
//! 4. `ahead` is the first child to which the sweep has not come. All behind it in the list have not been swept either, all
//!    before it have. Nothing is added while there are any of the latter.

use std::iter;
use std::mem::ManuallyDrop;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::Ordering::Relaxed;

use super::header::Header;
use super::reference::CellRef;
use crate::std_or_loom::atomic::AtomicPtr;

/// The mark of a child that is not on the roll.
pub(super) const OFF: u16 = 0;
/// The mark of one to which no sweep has come.
const ON: u16 = 1;

/// A child's links on the roll, beside its mark.
pub(super) struct Entry {
    before: AtomicPtr<Header>,
    behind: AtomicPtr<Header>,
}

impl Entry {
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
pub(in crate::group) struct Roll {
    first: *mut Header,
    last: *mut Header,
    ahead: *mut Header,
    /// The mark of those to which this sweep has come.
    swept: u16,
}

// SAFETY: it stands for references, which are `Send`.
unsafe impl Send for Roll {}

impl Default for Roll {
    fn default() -> Self {
        Self {
            first: null_mut(),
            last: null_mut(),
            ahead: null_mut(),
            swept: ON + 1,
        }
    }
}

/// The entry of a child that is on the roll.
///
/// # Safety
///
/// It is null, or on the roll for `'a`.
#[inline]
unsafe fn entry<'a>(child: *mut Header) -> Option<&'a Entry> {
    // SAFETY: the roll has a reference of it (1).
    NonNull::new(child).map(|child| unsafe { &child.as_ref().entry })
}

impl Roll {
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
        debug_assert!(child.header().mark.load(Relaxed) == OFF);
        let raw = child.raw().as_ptr();
        // SAFETY: it is null or on the roll.
        let next = unsafe { entry(behind) };
        let before = next.map_or(self.last, |next| next.before.load(Relaxed));
        let own = &child.header().entry;
        child.header().mark.store(mark, Relaxed);
        own.before.store(before, Relaxed);
        own.behind.store(behind, Relaxed);
        // SAFETY: it is null or on the roll.
        match unsafe { entry(before) } {
            Some(previous) => previous.behind.store(raw, Relaxed),
            None => self.first = raw,
        }
        match next {
            Some(next) => next.before.store(raw, Relaxed),
            None => self.last = raw,
        }
        // The reference is the roll's.
        let _ = ManuallyDrop::new(child);
        raw
    }

    /// Takes a child off; `None` if it is not on the roll.
    #[inline]
    pub(in crate::group) fn remove(&mut self, child: &CellRef) -> Option<CellRef> {
        let own = &child.header().entry;
        let mark = &child.header().mark;
        if mark.load(Relaxed) == OFF {
            return None;
        }
        mark.store(OFF, Relaxed);
        let (before, behind) = (own.before.load(Relaxed), own.behind.load(Relaxed));
        // SAFETY: each is null or on the roll.
        match unsafe { entry(before) } {
            Some(previous) => previous.behind.store(behind, Relaxed),
            None => self.first = behind,
        }
        // SAFETY: as above.
        match unsafe { entry(behind) } {
            Some(next) => next.before.store(before, Relaxed),
            None => self.last = before,
        }
        let raw = child.raw();
        if self.ahead == raw.as_ptr() {
            self.ahead = behind;
        }
        // SAFETY: it is the roll's reference (1), and leaves it.
        Some(unsafe { CellRef::from_raw(raw) })
    }

    /// Takes the next child off to which the sweep has not come.
    pub(in crate::group) fn take_ahead(&mut self) -> Option<CellRef> {
        let ahead = NonNull::new(self.ahead)?;
        // SAFETY: it is on the roll, which has a reference of it; this one is not counted, and not dropped.
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

    /// Has the sweep come to this one, or is it not on the roll?
    pub(in crate::group) fn is_behind_sweep(&self, child: &CellRef) -> bool {
        let mark = child.header().mark.load(Relaxed);
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
            // SAFETY: it is on the roll, which has a reference of it and is borrowed; this one is not counted, and not
            // dropped.
            let child = ManuallyDrop::new(unsafe { CellRef::from_raw(NonNull::new(next)?) });
            next = child.header().entry.behind.load(Relaxed);
            Some(CellRef::clone(&child))
        })
    }
}
