//! The one door upwards: all that a cell asks of its group.
//!
//! The argument for the `unsafe` code of this folder rests on what is said here, and on nothing else of the group:
//!
//! 1. [`Core`] is `Send` and `Sync`, and the group of a cell is the one that its block keeps, from the first reference to
//!    the last.
//! 2. Nothing that is asked here unwinds, but for a fault of the crate's own; so no step between two changes of the state
//!    word is left out.
//! 3. A reference that is handed in is kept or dropped, and never made into two: what the queue gets was counted (S3).
//! 4. `drops_children` is `true` from the critical section on from which children are dropped. It may be late in saying
//!    so to those who were not woken by what came of that.
//! 5. `child_fails` has the failure in the group's hands, or reported, when it returns: before `OVER` is set.
//! 6. `inside` runs `f` once, and neither drops nor keeps the reference that it is lent.
//! 7. `is_inside` is `true` only on a thread, and while, `inside` runs code of that very child there.
//! 8. `roams` is said when the group is opened and never changes (`thread`, 4).

use std::mem::{ManuallyDrop, MaybeUninit};
use std::sync::Arc;
use std::task::Waker;

use super::failed::Failed;
use super::reference::CellRef;
use super::state::Ending;
pub(super) use crate::group::engine::core::{Core, Settings};
use crate::group::engine::introspection;
pub(super) use crate::group::engine::position::Position;
use crate::group::engine::position::{enter_lent, is_in};
use crate::spawner::SpawnerHandle;
use crate::token::CancelReason;

/// A group, as its cells see it.
#[derive(Clone, Copy)]
pub(super) struct Group<'a>(&'a Arc<Core>);

impl<'a> Group<'a> {
    #[inline]
    pub(super) fn of(core: &'a Arc<Core>) -> Self {
        Self(core)
    }

    /// The number that no other group has.
    pub(super) fn id(self) -> u64 {
        self.0.id()
    }

    /// May its children be polled and dropped on every thread?
    #[inline]
    pub(super) fn roams(self) -> bool {
        self.0.roams()
    }

    /// Are its children dropped?
    #[inline]
    pub(super) fn drops_children(self) -> bool {
        self.0.drops_children()
    }

    /// A child was woken: this is the queue's reference.
    #[inline]
    pub(super) fn push(self, child: CellRef) {
        self.0.push(child);
    }

    /// A child is to be dropped, and nobody was polling it.
    pub(super) fn doom(self, child: CellRef) {
        self.0.with(|sched, effects| sched.doom(child, effects));
    }

    /// The same, and somebody awaits it: it is dropped at once, if that can be done here.
    pub(super) fn drops_awaited(self, child: &CellRef) {
        child.drops_awaited();
    }

    /// A child has failed and is about to be over.
    pub(super) fn child_fails(self, failed: Failed, end: Ending) {
        self.0.child_fails(failed, end);
    }

    /// A child that was cancelled alone is about to be over. Whether that matters.
    pub(super) fn child_is_missing(self, child: &CellRef, reason: &CancelReason) -> bool {
        self.0.child_is_missing(child, reason)
    }

    /// Its destructor has panicked, which is its end.
    pub(super) fn child_is_not_missing(self, child: &CellRef) {
        self.0.child_is_not_missing(child);
    }

    /// A value was taken.
    #[inline]
    pub(super) fn count_taken(self) {
        self.0.count_taken();
    }

    /// A value was dropped with its key.
    #[inline]
    pub(super) fn count_let_go(self) {
        self.0.count_let_go();
    }

    /// The key of a child is gone that is not over: whoever has awaited it awaits it no more.
    #[inline]
    pub(super) fn is_not_awaited(self, child: &CellRef) {
        if self.0.knows_who_awaits() {
            self.0.is_not_awaited(child);
        }
    }
}

/// Opens a group.
#[inline]
pub(super) fn open(settings: Settings, spawner: Option<SpawnerHandle>, roams: bool) -> Arc<Core> {
    // Made in its place, since it is large.
    let core = Arc::<Core>::new_uninit();
    let place = Arc::as_ptr(&core).cast_mut();
    // SAFETY: nobody else has it as yet, and from the write on it is a core.
    let core = unsafe {
        place.write(MaybeUninit::new(Core::new(settings, spawner, roams)));
        core.assume_init()
    };
    introspection::note(&core);
    core
}

/// Runs `f` as code of this child, a reference to which is lent.
#[inline]
pub(super) fn inside<R>(child: ManuallyDrop<CellRef>, f: impl FnOnce() -> R) -> R {
    let position = Position::Child(ManuallyDrop::into_inner(child));
    enter_lent(ManuallyDrop::new(position), f)
}

/// Runs `f` as code of the body of this group, with the waker of the body. References to the group are lent for both.
#[inline]
pub(crate) fn inside_body<R>(core: &Arc<Core>, f: impl FnOnce(&Waker) -> R) -> R {
    // SAFETY: the reference that the caller has stays as long as these, which do not count and are never dropped.
    let [here, waker] = unsafe { [(); 2].map(|()| Arc::from_raw(Arc::as_ptr(core))) };
    let waker = ManuallyDrop::new(Waker::from(waker));
    enter_lent(ManuallyDrop::new(Position::Body(here)), || f(&waker))
}

/// Does this thread run code of this child, and no other that lies within?
#[inline]
pub(super) fn is_inside(child: &CellRef) -> bool {
    is_in(child)
}

/// The task with this waker awaits the key of this child.
#[inline]
pub(super) fn awaits(waker: &Waker, child: &CellRef) {
    introspection::awaits(waker, || child.info());
}
