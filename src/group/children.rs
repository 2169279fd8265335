//! The registry of a group's children that are not over.

use super::cell::{CellRef, Claimed, Claiming};

/// The slot of a child that is not in the registry.
const NOWHERE: u32 = u32::MAX;

/// What a sweep came to.
pub(super) enum Swept {
    /// A child that the caller drops.
    Drop(Claimed),
    /// A child that is being polled, and that a shield holds.
    Busy(CellRef),
    /// A child that a shield holds; it is to be polled once. This is the queue's reference.
    Held(CellRef),
}

/// Children by slot. Slots are used again; each child knows its own.
#[derive(Default)]
pub(super) struct Children {
    slots: Vec<Option<CellRef>>,
    free: Vec<u32>,
    /// How far `sweep` has come.
    swept: usize,
}

impl Children {
    pub(super) fn insert(&mut self, child: CellRef) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1)
                .ok()
                .filter(|slot| *slot != NOWHERE)
                .expect("a group holds fewer than 2^32 live children")
        });
        child.set_slot(slot);
        self.slots[slot as usize] = Some(child);
    }

    /// Takes a child out, unless a sweep did so before.
    pub(super) fn remove(&mut self, child: &CellRef) {
        let slot = child.slot();
        if slot != NOWHERE {
            self.take(slot);
            // Not the last reference: the caller has one.
        }
    }

    fn take(&mut self, slot: u32) -> Option<CellRef> {
        let child = self.slots[slot as usize].take()?;
        child.set_slot(NOWHERE);
        self.free.push(slot);
        Some(child)
    }

    /// Those that are in the registry.
    pub(super) fn iter(&self) -> impl Iterator<Item = &CellRef> {
        self.slots.iter().flatten()
    }

    /// Is there anything left to sweep?
    pub(super) fn is_swept(&self) -> bool {
        self.swept == self.slots.len()
    }

    /// Begins a new sweep, of those that are still there.
    pub(super) fn sweep_again(&mut self) {
        self.swept = 0;
    }

    /// Has the sweep been at this child? Then it was marked as one to be dropped.
    pub(super) fn is_behind_sweep(&self, child: &CellRef) -> bool {
        let slot = child.slot();
        slot == NOWHERE || (slot as usize) < self.swept
    }

    /// The next child that is to be dropped. Those that are being polled are marked: they go at the end of that poll.
    /// Nothing may be inserted once this was called.
    pub(super) fn sweep(&mut self, force: bool) -> Option<Swept> {
        while !self.is_swept() {
            let slot = self.swept;
            self.swept += 1;
            let Some(child) = self.slots[slot].take() else {
                continue;
            };
            if !force && child.is_in_line() && child.is_shielded() {
                // A start that is pending: it takes its turn in line.
                child.mark_in_line();
                self.slots[slot] = Some(child);
                continue;
            }
            let place = child.slot();
            child.set_slot(NOWHERE);
            let (child, held) = match child.claim(force) {
                Claiming::Claimed(claimed) => return Some(Swept::Drop(claimed)),
                Claiming::Busy(child) => {
                    let held = child.is_shielded().then(|| Swept::Busy(child.clone()));
                    (child, held)
                }
                Claiming::Held(child, queue) => (child, Some(Swept::Held(queue))),
            };
            child.set_slot(place);
            self.slots[slot] = Some(child);
            if held.is_some() {
                return held;
            }
        }
        None
    }
}
