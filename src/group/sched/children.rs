//! The sweep over a group's live children, which drops those that nobody is polling.

use crate::group::cell::{CellRef, Claimed, Claiming, LiveList};

/// What a sweep came to.
pub(in crate::group) enum Swept {
    /// A child that the caller drops.
    Drop(Claimed),
    /// A child that a shield holds, or that is being polled meanwhile.
    Busy(CellRef),
    /// A child that is held and is to be polled once. This is the queue's reference.
    Held(CellRef),
}

impl LiveList {
    /// The next child that is to be dropped. Those that are being polled are marked: they go at the end of that poll.
    /// Nothing may be added once this was called.
    pub(in crate::group) fn sweep(&mut self, force: bool) -> Option<Swept> {
        while let Some(child) = self.take_ahead() {
            let (child, held) = match child.claim(force) {
                Claiming::Claimed(claimed) => return Some(Swept::Drop(claimed)),
                Claiming::Busy(child) => {
                    let held = child.is_shielded().then(|| Swept::Busy(child.clone()));
                    (child, held)
                }
                Claiming::Held(child, queue) => (child, Some(Swept::Held(queue))),
            };
            self.put_back(child);
            if held.is_some() {
                return held;
            }
        }
        None
    }
}
