//! The registry of a group's children that are not over.

use super::cell::{CellRef, Claimed};

/// The slot of a child that is not in the registry.
const NOWHERE: u32 = u32::MAX;

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
    #[cfg(feature = "testing")]
    pub(super) fn iter(&self) -> impl Iterator<Item = &CellRef> {
        self.slots.iter().flatten()
    }

    /// Is there anything left to sweep?
    pub(super) fn is_swept(&self) -> bool {
        self.swept == self.slots.len()
    }

    /// The next child that can be dropped by the caller. Those that are being polled are marked: they go at the end of
    /// that poll. Nothing may be inserted once this was called.
    pub(super) fn sweep(&mut self) -> Option<Claimed> {
        while !self.is_swept() {
            let slot = self.swept;
            self.swept += 1;
            let Some(child) = self.slots[slot].take() else {
                continue;
            };
            let place = child.slot();
            child.set_slot(NOWHERE);
            match child.claim() {
                Ok(claimed) => return Some(claimed),
                Err(child) => {
                    child.set_slot(place);
                    self.slots[slot] = Some(child);
                }
            }
        }
        None
    }
}
