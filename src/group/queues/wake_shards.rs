//! WakeShards: where threads put children that are woken while all drivers are busy, without the group's lock.
//!
//! 1. A shard belongs to some threads, and has a lock of its own. It is open, or what is woken goes by way of the group.
//! 2. WakeShards are open only while nobody has to be called for what comes: as many poll children as may, none of them is parked,
//!    there are live children, and the group is not cancelled. Whatever changes that closes the shards in the same critical
//!    section and takes out what is in them. So what is in a shard never waits while somebody is idle.
//! 3. A shard's lock is taken with the group's held, or without it; the group's is never waited for with a shard's held. Nothing
//!    of the user's runs under it.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

use crate::group::cell::CellRef;
use crate::std_or_loom::atomic::AtomicBool;
use crate::std_or_loom::{Lock, MOST_SHARDS, thread_number};

/// The shards of a group. Most groups never need any, and have no memory for them.
pub(in crate::group) struct WakeShards {
    shards: OnceLock<Box<[Shard]>>,
}

/// On cache lines of its own.
#[repr(align(128))]
struct Shard {
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

impl WakeShards {
    pub(in crate::group) fn new() -> Self {
        Self {
            shards: OnceLock::new(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Shard> {
        self.shards.get().into_iter().flatten()
    }

    /// Puts a child into the shard of this thread. It comes back if it has to go by way of the group.
    #[inline]
    pub(in crate::group) fn put(&self, child: CellRef) -> Result<(), CellRef> {
        match self.shards.get() {
            Some(shards) => shards[thread_number() % shards.len()].put(child),
            None => Err(child),
        }
    }

    /// Opens them, for so many drivers.
    pub(in crate::group) fn open(&self, drivers: usize) {
        self.shards.get_or_init(|| {
            let count = drivers.min(MOST_SHARDS);
            (0..count).map(|_| Shard::new()).collect()
        });
        for shard in self.all() {
            shard.lot.lock().is_open = true;
        }
    }

    /// Closes them, and takes out what is in them.
    pub(in crate::group) fn close(&self, mut take: impl FnMut(CellRef)) {
        for shard in self.all() {
            let mut lot = shard.lot.lock();
            lot.is_open = false;
            shard.empty(&mut lot, &mut take);
        }
    }

    /// Takes out what is in them.
    pub(in crate::group) fn empty(&self, mut take: impl FnMut(CellRef)) {
        for shard in self.all() {
            if shard.is_used.load(Relaxed) {
                shard.empty(&mut shard.lot.lock(), &mut take);
            }
        }
    }
}

impl Shard {
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
