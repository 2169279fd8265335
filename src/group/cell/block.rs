//! Memory of cells: blocks that a group fills with one child after the other.
//!
//! 1. A block counts its users: the cells in it, and the group while it fills the block. It goes with the last of them.
//! 2. A block keeps the core, so each cell finds its core as long as there is the cell. Only a group with children that
//!    are not over fills a block: the core would keep itself otherwise.
//! 3. What a cell leaves is not used again. So blocks are small, and large cells have one each: a child that stays long
//!    keeps no more than that.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use super::upcalls::Core;
use crate::error::unhandled::drop_quietly;
use crate::std_or_loom::atomic::AtomicUsize;

/// No block is larger, unless it is for one cell.
const LARGEST: usize = 4096;
/// Nor is one made for less.
const FEW: usize = 208;
/// Larger cells have a block each.
const LARGEST_SHARED: usize = LARGEST / 8;
/// What the group counts for while it fills a block: it counts the cells without touching the block, and settles that
/// when it is done.
const FILLING: usize = usize::MAX / 2;

/// The head of a block. The cells follow it.
pub(super) struct Block {
    users: AtomicUsize,
    core: Arc<Core>,
    /// The number of the first child in it.
    first: u64,
    layout: Layout,
}

/// Room for a cell, and the block in which it is.
pub(super) struct Room {
    pub(super) at: NonNull<u8>,
    pub(super) block: NonNull<Block>,
    /// By how much the child's number is above the first of the block.
    pub(super) above: u32,
}

/// The block that a group fills, if it fills one.
#[derive(Default)]
pub(in crate::group) struct Blocks {
    filling: Option<Filling>,
    /// How much room the next one has for cells.
    room: usize,
}

struct Filling {
    block: NonNull<Block>,
    first: u64,
    layout: Layout,
    /// Where the next cell may begin.
    end: usize,
    cells: usize,
}

// SAFETY: it is a counted pointer to an atomic, a core that is `Send` and `Sync`, and memory that nobody uses yet.
unsafe impl Send for Filling {}

impl Block {
    #[inline]
    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// So many users go.
    ///
    /// # Safety
    ///
    /// They were counted, and do not use the block afterwards.
    #[inline]
    pub(super) unsafe fn leave(block: NonNull<Self>, users: usize) {
        // SAFETY: the caller's users keep it.
        let count = &unsafe { block.as_ref() }.users;
        // If they are all there are, nobody is left to change that: groups of few children have many such blocks.
        if count.load(Acquire) == users || count.fetch_sub(users, Release) == users {
            // SAFETY: there is no other user any more.
            unsafe { Self::free(block) }
        }
    }

    /// # Safety
    ///
    /// The last user is gone.
    #[cold]
    unsafe fn free(block: NonNull<Self>) {
        // SAFETY: the caller vouches for it. The load sees what users did who left earlier; see `CellRef::give_up`.
        unsafe {
            block.as_ref().users.load(Acquire);
            let Self { core, layout, .. } = block.read();
            dealloc(block.cast().as_ptr(), layout);
            // Wherever this is, nothing of the user's unwinds out of it.
            drop_quietly("a group", core);
        }
    }
}

impl Filling {
    /// Fills a new block with so much room, beginning with the child of this number.
    fn new(core: &Arc<Core>, room: usize, align: usize, first: u64) -> Self {
        let (layout, begin) = Layout::from_size_align(room, align)
            .and_then(|cells| Layout::new::<Block>().extend(cells))
            .expect("a child fits into memory");
        // SAFETY: the layout has the head in it, so it is not empty.
        let block = NonNull::new(unsafe { alloc(layout) }).map(NonNull::cast::<Block>);
        let Some(block) = block else {
            handle_alloc_error(layout)
        };
        let head = Block {
            users: AtomicUsize::new(FILLING),
            core: Arc::clone(core),
            first,
            layout,
        };
        // SAFETY: it is ours, large enough and aligned.
        unsafe { block.write(head) };
        Self {
            block,
            first,
            layout,
            end: begin,
            cells: 0,
        }
    }

    /// Room for one cell, if there is as much left.
    #[inline]
    fn take(&mut self, cell: Layout, number: u64) -> Option<Room> {
        let above = u32::try_from(number - self.first).ok()?;
        let begin = self.end.checked_next_multiple_of(cell.align())?;
        let end = begin.checked_add(cell.size())?;
        if end > self.layout.size() || cell.align() > self.layout.align() {
            return None;
        }
        self.end = end;
        self.cells += 1;
        Some(Room {
            // SAFETY: it is within the block.
            at: unsafe { self.block.cast().add(begin) },
            block: self.block,
            above,
        })
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // SAFETY: the group counted for `FILLING`, and the cells count for themselves from now on.
        unsafe { Block::leave(self.block, FILLING - self.cells) }
    }
}

impl Blocks {
    /// Memory for a cell of a child that is not over, and the block in which it is. The cell counts as a user of that.
    #[inline]
    pub(super) fn allot(&mut self, core: &Arc<Core>, cell: Layout, number: u64) -> Room {
        let filling = self.filling.as_mut();
        let taken = filling.and_then(|filling| filling.take(cell, number));
        taken.unwrap_or_else(|| self.allot_in_new(core, cell, number))
    }

    #[cold]
    fn allot_in_new(&mut self, core: &Arc<Core>, cell: Layout, number: u64) -> Room {
        if cell.size() > LARGEST_SHARED {
            return Self::alone(core, cell, number);
        }
        // The first one is for a child or two, or as large as the first child, for groups that have but one.
        self.room = (self.room * 2).max(FEW).clamp(cell.size(), LARGEST);
        let align = cell.align().max(align_of::<Block>());
        let block = Filling::new(core, self.room, align, number);
        let taken = self.filling.insert(block).take(cell, number);
        taken.expect("a new block has room")
    }

    /// Memory for a cell alone.
    pub(super) fn alone(core: &Arc<Core>, cell: Layout, number: u64) -> Room {
        let mut filling = Filling::new(core, cell.size(), cell.align(), number);
        filling.take(cell, number).expect("a new block has room")
    }

    /// No child is left: fills no block until there is one.
    pub(in crate::group) fn rest(&mut self) {
        *self = Self::default();
    }
}
