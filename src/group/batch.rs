//! Several children that a driver takes in one critical section and polls one after the other, without the lock in between.
//!
//! 1. The children of a batch are the same from the section in which it is lent to a driver to the one in which the driver
//!    gives it back, and it keeps them. So whoever has the lock may look at them meanwhile.
//! 2. Who polls one of them is settled by its state word. While its driver is busy, somebody who has nothing to do takes
//!    children over that wait in it.
//! 3. A child that ends with a value, and for which nobody waits, is untold: the group hears of it when the batch is given
//!    back, or earlier if somebody asks.
//! 4. Whoever cannot wait for that [hurries](Batch::hurry) the driver and then looks; the driver changes the state of a
//!    child and then looks whether it is hurried. All four steps are in one order, so that one of them sees the other.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::cell::{CellRef, Claimed, Finished, Parting};
use crate::cancel::CancelReason;
use crate::sync::atomic::AtomicBool;
use crate::sync::in_one_order;

/// No batch has more children.
pub(super) const LARGEST: usize = 32;

/// The children that a driver has taken.
pub(super) struct Batch {
    children: [Option<Parting>; LARGEST],
    hurried: AtomicBool,
    /// Does the group keep the order in which those end whose key is held?
    ordered: bool,
}

impl Batch {
    #[inline]
    fn new() -> Self {
        Self {
            children: [const { None }; LARGEST],
            hurried: AtomicBool::new(false),
            ordered: false,
        }
    }

    /// In the order in which they are polled.
    #[inline]
    pub(super) fn children(&self) -> impl Iterator<Item = &CellRef> {
        self.children
            .iter()
            .map_while(Option::as_ref)
            .map(Parting::child)
    }

    /// Has its driver give it back after the poll that it is at.
    pub(super) fn hurry(&self) {
        self.hurried.store(true, SeqCst);
        in_one_order();
    }

    /// Is the group to be told of the end of this child at once?
    #[inline]
    pub(super) fn tells(&self, child: &CellRef) -> bool {
        self.ordered && child.has_key()
    }

    /// Does somebody want it back?
    #[inline]
    pub(super) fn is_hurried(&self) -> bool {
        in_one_order();
        self.hurried.load(SeqCst)
    }
}

/// What a driver holds a batch in. It is used for one batch after the other.
#[derive(Default)]
pub(super) struct Hand {
    batch: Option<Arc<Batch>>,
    /// Children whose futures the driver is to drop, from the last to the first.
    claimed: Vec<Claimed>,
    /// Those that it has dropped.
    dropped: Vec<Finished>,
    /// What the driver has to let go of once the lock is released.
    gone: Vec<Parting>,
}

impl Hand {
    /// Fills an empty hand with so many children, which are lent. `ordered`: the order of their ends matters.
    #[inline]
    pub(super) fn fill(
        &mut self,
        count: usize,
        ordered: bool,
        mut next: impl FnMut() -> Option<CellRef>,
    ) -> Arc<Batch> {
        let shared = self.batch.get_or_insert_with(|| Arc::new(Batch::new()));
        let batch = Arc::get_mut(shared).expect("an empty hand is nobody else's");
        batch.hurried.store(false, Relaxed);
        batch.ordered = ordered;
        for place in &mut batch.children[..count] {
            *place = next().map(CellRef::part);
        }
        Arc::clone(shared)
    }

    /// The batch in it.
    #[inline]
    pub(super) fn batch(&self) -> &Batch {
        self.batch.as_ref().expect("a hand is filled first")
    }

    /// Takes the batch out of those that are `lent`, to be emptied: its children, and where to put those that are gone.
    pub(super) fn take_back(
        &mut self,
        lent: &mut Vec<Arc<Batch>>,
    ) -> (&mut [Option<Parting>], &mut Vec<Parting>) {
        let shared = self.batch.as_mut().expect("a hand is filled first");
        lent.retain(|batch| !Arc::ptr_eq(batch, shared));
        let batch = Arc::get_mut(shared).expect("a batch is looked at under the lock alone");
        (&mut batch.children, &mut self.gone)
    }

    /// Takes children whose futures are to be dropped.
    pub(super) fn claim(&mut self, claimed: impl Iterator<Item = Claimed>) -> bool {
        self.claimed.extend(claimed);
        self.claimed.reverse();
        !self.claimed.is_empty()
    }

    /// Drops their futures, and says how many there were.
    pub(super) fn drop_claimed(&mut self, reason: &CancelReason) -> usize {
        let before = self.dropped.len();
        while let Some(claimed) = self.claimed.pop() {
            self.dropped.push(claimed.cancel(reason));
        }
        self.dropped.len() - before
    }

    /// Those that were dropped, and where to put those that are gone.
    pub(super) fn dropped(&mut self) -> (&mut Vec<Finished>, &mut Vec<Parting>) {
        (&mut self.dropped, &mut self.gone)
    }

    /// Lets go of children that are gone.
    #[inline]
    pub(super) fn let_go(&mut self) {
        if !self.gone.is_empty() {
            self.gone.clear();
        }
    }
}
