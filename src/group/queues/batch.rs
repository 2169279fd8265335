//! Several children that a driver takes in one critical section and polls one after the other, without the lock in between.
//!
//! 1. The children of a batch are the same from the section in which it is lent to a driver to the one in which the driver
//!    gives it back, and it keeps them. So a thread that has the lock may look at them meanwhile.
//! 2. Who polls one of them is settled by its state word. While its driver is busy, somebody who has nothing to do takes
//!    children over that wait in it.
//! 3. A child that ends with a value, and for which nobody waits, is untold: the group hears of it when the batch is given
//!    back, or earlier if somebody asks. Not if its key is held and the group keeps the order of the ends, nor as long as somebody
//!    waits for a slot. Counting the last end may let the owner return, so future and unclaimed value are dropped before the end is
//!    published.
//! 4. A thread that cannot wait for that [hurries](Batch::hurry) the driver and then looks; the driver changes the state of a
//!    child and then looks whether it is hurried. All four steps are in one order, so that one of them sees the other.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::group::cell::{CellRef, Parting};
use crate::std_or_loom::atomic::AtomicBool;
use crate::std_or_loom::in_one_order;

/// No batch has more children.
pub(in crate::group) const LARGEST: usize = 32;

/// The children that a driver has taken.
pub(in crate::group) struct Batch {
    children: [Option<Parting>; LARGEST],
    len: usize,
    hurried: AtomicBool,
    /// Does the group keep the order in which those end whose key is held?
    ordered: bool,
    /// Did somebody wait for a slot when it was lent?
    counted: bool,
}

impl Batch {
    #[inline]
    fn new() -> Self {
        Self {
            children: [const { None }; LARGEST],
            len: 0,
            hurried: AtomicBool::new(false),
            ordered: false,
            counted: false,
        }
    }

    /// In the order in which they are polled.
    #[inline]
    pub(in crate::group) fn children(&self) -> impl Iterator<Item = &CellRef> {
        self.children
            .iter()
            .map_while(Option::as_ref)
            .map(Parting::child)
    }

    /// Has its driver give it back after the poll that it is at.
    pub(in crate::group) fn hurry(&self) {
        self.hurried.store(true, SeqCst);
        in_one_order();
    }

    /// Is the end of this child to be counted at once?
    #[inline]
    pub(in crate::group) fn tells(&self, child: &CellRef) -> bool {
        self.ordered && child.has_key()
    }

    /// Is each end to be counted at once, until the group says otherwise?
    #[inline]
    pub(in crate::group) fn is_counted(&self) -> bool {
        self.counted
    }

    /// Does somebody want it back?
    #[inline]
    pub(in crate::group) fn is_hurried(&self) -> bool {
        in_one_order();
        self.hurried.load(SeqCst)
    }
}

/// What a driver holds children in. It is empty at first, and costs nothing as long as it is.
#[derive(Default)]
pub(in crate::group) struct BatchSlot {
    /// The batch that is lent, or one that is empty.
    batch: Option<Arc<Batch>>,
    /// The batch that was given back: what is left in it is to be released.
    spent: Option<Arc<Batch>>,
}

impl BatchSlot {
    /// Fills an empty slot with so many children, which are lent. `ordered`: the order of their ends matters; `counted`: somebody
    /// waits for them.
    #[inline]
    pub(in crate::group) fn fill(
        &mut self,
        count: usize,
        ordered: bool,
        counted: bool,
        mut next: impl FnMut() -> Option<CellRef>,
    ) -> Arc<Batch> {
        let shared = self.batch.get_or_insert_with(|| Arc::new(Batch::new()));
        let batch = Arc::get_mut(shared).expect("an empty slot is nobody else's");
        batch.hurried.store(false, Relaxed);
        batch.ordered = ordered;
        batch.counted = counted;
        batch.len = count;
        for slot in &mut batch.children[..count] {
            *slot = next().map(CellRef::part);
        }
        Arc::clone(shared)
    }

    /// The batch in it.
    #[inline]
    pub(in crate::group) fn batch(&self) -> &Batch {
        self.batch.as_ref().expect("a slot is filled first")
    }

    /// Takes the batch out of those that are `lent`: its children. Those that are left where they are will be released.
    pub(in crate::group) fn take_back(
        &mut self,
        lent: &mut Vec<Arc<Batch>>,
    ) -> &mut [Option<Parting>] {
        mem::swap(&mut self.batch, &mut self.spent);
        let shared = self.spent.as_mut().expect("a slot is filled first");
        lent.retain(|batch| !Arc::ptr_eq(batch, shared));
        let batch = Arc::get_mut(shared).expect("a batch is looked at under the lock alone");
        &mut batch.children[..batch.len]
    }

    /// Releases children. Not under the lock.
    #[inline]
    pub(in crate::group) fn let_go(&mut self) {
        if let Some(spent) = &mut self.spent {
            let batch = Arc::get_mut(spent).expect("it is not lent any more");
            batch.children[..batch.len].fill_with(|| None);
            batch.len = 0;
        }
    }
}
