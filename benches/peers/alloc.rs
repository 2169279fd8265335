//! The allocator of the program: the system's, with counters that can be switched on.
//!
//! They are off while time is taken: two threads that count in one place would be timed for that.

#![expect(
    unsafe_code,
    reason = "an allocator cannot be written without; every call is handed on as it comes"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_ON: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// What was counted so far.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub allocations: u64,
    /// Bytes asked for.
    pub allocated: u64,
    /// Bytes given back, those of before the counting among them.
    pub freed: u64,
}

pub fn counts() -> Counts {
    Counts {
        allocations: ALLOCATIONS.load(Relaxed),
        allocated: ALLOCATED.load(Relaxed),
        freed: FREED.load(Relaxed),
    }
}

/// Counts while `work` runs, on all threads.
pub fn counting<R>(work: impl FnOnce() -> R) -> R {
    IS_ON.store(true, Relaxed);
    let result = work();
    IS_ON.store(false, Relaxed);
    result
}

struct Counting;

impl Counting {
    fn came(size: usize) {
        if IS_ON.load(Relaxed) {
            ALLOCATIONS.fetch_add(1, Relaxed);
            ALLOCATED.fetch_add(size as u64, Relaxed);
        }
    }

    fn went(size: usize) {
        if IS_ON.load(Relaxed) {
            FREED.fetch_add(size as u64, Relaxed);
        }
    }
}

// SAFETY: all memory is the system allocator's, which is asked for just what we are asked for.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::came(layout.size());
        // SAFETY: the caller keeps the contract of this function, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::came(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::went(layout.size());
        Self::came(size);
        // SAFETY: as for `alloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::went(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}
