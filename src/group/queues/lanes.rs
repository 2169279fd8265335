//! Lanes: where threads put children that are woken while all drivers are busy, without the group's lock.
//!
//! 1. A lane belongs to some threads, and has a lock of its own. It is open, or what is woken goes by way of the group.
//! 2. Lanes are open only while nobody has to be called for what comes: as many poll children as may, none of them is parked,
//!    there are live children, and the group is not cancelled. Whatever changes that closes the lanes in the same critical
//!    section and takes out what is in them. So what is in a lane never waits while somebody is idle.
//! 3. A lane's lock is taken with the group's held, or without it; the group's is never waited for with a lane's held. Nothing
//!    of the user's runs under it.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

use crate::group::cell::CellRef;
use crate::std_or_loom::atomic::AtomicBool;
use crate::std_or_loom::{Lock, MOST_LANES, thread_number};

/// The lanes of a group. Most groups never need any, and have no memory for them.
pub(in crate::group) struct Lanes {
    lanes: OnceLock<Box<[Lane]>>,
}

/// On cache lines of its own.
#[repr(align(128))]
struct Lane {
    /// Is there anything in it? A driver that looks too early looks again.
    is_used: AtomicBool,
    lot: Lock<Lot>,
}

#[derive(Default)]
struct Lot {
    is_open: bool,
    /// What is in it: nothing unless it is open.
    children: Vec<CellRef>,
}

impl Lanes {
    pub(in crate::group) fn new() -> Self {
        Self {
            lanes: OnceLock::new(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.get().into_iter().flatten()
    }

    /// Puts a child into the lane of this thread. It comes back if it has to go by way of the group.
    #[inline]
    pub(in crate::group) fn put(&self, child: CellRef) -> Result<(), CellRef> {
        match self.lanes.get() {
            Some(lanes) => lanes[thread_number() % lanes.len()].put(child),
            None => Err(child),
        }
    }

    /// Opens them, for so many drivers.
    pub(in crate::group) fn open(&self, drivers: usize) {
        self.lanes.get_or_init(|| {
            let count = drivers.min(MOST_LANES);
            (0..count).map(|_| Lane::new()).collect()
        });
        for lane in self.all() {
            lane.lot.lock().is_open = true;
        }
    }

    /// Closes them, and takes out what is in them.
    pub(in crate::group) fn close(&self, mut take: impl FnMut(CellRef)) {
        for lane in self.all() {
            let mut lot = lane.lot.lock();
            lot.is_open = false;
            lane.empty(&mut lot, &mut take);
        }
    }

    /// Takes out what is in them.
    pub(in crate::group) fn empty(&self, mut take: impl FnMut(CellRef)) {
        for lane in self.all() {
            if lane.is_used.load(Relaxed) {
                lane.empty(&mut lane.lot.lock(), &mut take);
            }
        }
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            is_used: AtomicBool::new(false),
            lot: Lock::default(),
        }
    }

    fn put(&self, child: CellRef) -> Result<(), CellRef> {
        let mut lot = self.lot.lock();
        if !lot.is_open {
            return Err(child);
        }
        lot.children.push(child);
        self.is_used.store(true, Relaxed);
        Ok(())
    }

    fn empty(&self, lot: &mut Lot, take: impl FnMut(CellRef)) {
        self.is_used.store(false, Relaxed);
        lot.children.drain(..).for_each(take);
    }
}
