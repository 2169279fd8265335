//! Counted references to a child: what they say of it, who claims it for a drop, and who wakes it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::header::Header;
use super::state::{
    BACKGROUND, CANCEL, DOOM, Ending, KEY, LINE, OVER, REF, RUNNING, SCHEDULED, SHIELD, Snapshot,
    TOO_MANY,
};
use super::upcalls::{self, Core, Group};
use crate::error::{ChildInfo, KeyId};

/// A counted reference to a child, whatever its types.
pub(crate) struct CellRef(NonNull<Header>);

// SAFETY: the header is `Sync`: atomics, a waiter's slot kept by (S4), the block, and things that are `Sync`. What is not is the
// stage. A future is polled and dropped by `run`, `run_in_batch`, `Claimed::cancel` and `Claimed::refuse` alone, which ask
// for the proof that this is a thread for it (`OnThread`). What comes of it is released there, or by the key, which is
// `Send` only if the value is, or taken or reported as a failure by the owner, which has the home of the group, or by
// who polls or drops a child of a group that has lost its owner. And the last reference, which may go anywhere, finds the
// stage empty.
unsafe impl Send for CellRef {}
// SAFETY: what is shared is the header, which is `Sync` but for the waiter's slot, kept by (S4); the stage is by (S1), (S2) and (S5).
unsafe impl Sync for CellRef {}

/// References to one child that are given up in one step.
pub(in crate::group) struct Parting {
    cell: ManuallyDrop<CellRef>,
    count: usize,
}

/// What came of claiming a child that is to be dropped.
pub(in crate::group) enum Claiming {
    /// It is the caller's.
    Claimed(Claimed),
    /// It is over; or it is marked, since it is being polled or a shield holds it: the thread that polls it drops it, or the one that takes
    /// the shield away has it dropped.
    Busy(CellRef),
    /// A shield or clean-up in it holds off its drop, and it is to be polled: once for the clean-up, or since it was woken. This
    /// is one more reference, for the queue.
    Held(CellRef, CellRef),
}

/// Proof that the caller holds `RUNNING` on a child whose future is to be dropped.
#[must_use = "the child can neither run nor end while it is claimed: call `cancel`"]
pub(in crate::group) struct Claimed(pub(super) CellRef);

impl CellRef {
    /// # Safety
    ///
    /// One reference of the cell's count becomes this one.
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<Header>) -> Self {
        Self(raw)
    }

    #[inline]
    pub(super) fn raw(&self) -> NonNull<Header> {
        self.0
    }

    #[inline]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: we hold a reference.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(super) fn load(&self) -> Snapshot {
        Snapshot(self.header().state.load(Acquire))
    }

    /// Changes the state with `f` until it sticks (`Ok`), or `f` gives `None` (`Err`); the state before either way.
    #[inline]
    pub(super) fn update(
        &self,
        f: impl Fn(Snapshot) -> Option<usize>,
    ) -> Result<Snapshot, Snapshot> {
        let state = &self.header().state;
        state
            .fetch_update(AcqRel, Acquire, |now| f(Snapshot(now)))
            .map(Snapshot)
            .map_err(Snapshot)
    }

    pub(in crate::group) fn id(&self) -> KeyId {
        self.header().id()
    }

    pub(in crate::group) fn info(&self) -> ChildInfo {
        self.header().info()
    }

    #[inline]
    pub(in crate::group) fn end(&self) -> Option<Ending> {
        self.load().end()
    }

    #[inline]
    pub(in crate::group) fn has_key(&self) -> bool {
        self.load().has(KEY)
    }

    /// Where it is, which is also what its wakers hold.
    #[cfg(feature = "testing")]
    pub(in crate::group) fn addr(&self) -> usize {
        self.0.addr().get()
    }

    /// Marks a child that has to wait for one of the group's slots, and one that has got it.
    pub(in crate::group) fn set_in_line(&self, waits: bool) {
        let state = &self.header().state;
        if waits {
            state.fetch_or(LINE, Relaxed);
        } else {
            state.fetch_and(!LINE, Relaxed);
        }
    }

    #[inline]
    pub(in crate::group) fn is_in_line(&self) -> bool {
        self.load().has(LINE)
    }

    /// Takes the place of a poll in order to drop the future (edge 5), unless somebody polls it right now, who will do it
    /// at the end of the poll, or a shield holds off the drop. With `force` no shield does, now or later.
    pub(in crate::group) fn claim(self, force: bool) -> Claiming {
        let marks = if force { CANCEL | DOOM } else { CANCEL };
        let held = self.polls_if_held();
        // A shield that is raised meanwhile may be a clean-up's.
        let polls = held.as_ref().is_none_or(|(polls, _)| *polls);
        let marked = self.update(|now| {
            let next = Snapshot(now.0 | marks);
            if now.has(OVER) {
                None
            } else if now.has(RUNNING) {
                // If a shield holds it, it is polled once more, as one that is suspended.
                let again = if now.has(SHIELD) && polls {
                    SCHEDULED
                } else {
                    0
                };
                Some(next.0 | again)
            } else if next.is_to_go() {
                Some(next.0 | RUNNING)
            } else if polls || now.has(SCHEDULED) {
                Some((next.0 | SCHEDULED) + REF)
            } else {
                Some(next.0)
            }
        });
        drop(held);
        match marked {
            Ok(before) if before.has(RUNNING) => Claiming::Busy(self),
            Ok(before) if Snapshot(before.0 | marks).is_to_go() => Claiming::Claimed(Claimed(self)),
            Ok(before) if !polls && !before.has(SCHEDULED) => Claiming::Busy(self),
            // The reference was counted in the same step.
            Ok(_) => {
                let queue = Self(self.0);
                Claiming::Held(self, queue)
            }
            Err(_) => Claiming::Busy(self),
        }
    }

    /// Marks it as one that is to be dropped, and sees to that: if it is being polled it goes at the end of that; if not, the one that
    /// comes next drops it, somebody who polls children or an owner. If a shield holds it, it is polled once more.
    pub(in crate::group) fn mark_and_call(&self) {
        let goes = |now: Snapshot| Snapshot(now.0 | CANCEL).is_to_go();
        let marked = self.update(|now| {
            if now.has(OVER) {
                None
            } else if now.has(RUNNING) {
                Some(now.0 | CANCEL | SCHEDULED)
            } else if goes(now) || now.has(SCHEDULED) {
                Some(now.0 | CANCEL)
            } else {
                Some((now.0 | CANCEL | SCHEDULED) + REF)
            }
        });
        if let Ok(before) = marked {
            if before.has(RUNNING) {
                // The thread that polls it sees the mark.
            } else if goes(before) {
                self.group().doom(self.clone());
            } else if !before.has(SCHEDULED) {
                // (S3): the reference that the queue gets was counted in the same step.
                self.group().push(Self(self.0));
            }
        }
    }

    /// Drops it, if it is to be dropped and nobody polls it or has begun to; for somebody who awaits it.
    #[inline]
    pub(super) fn drop_if_to_go(&self, state: Snapshot) {
        if !(state.has(CANCEL) || self.group().drops_children()) {
            return;
        }
        let is_held = state.has(SHIELD | LINE) && !state.has(DOOM);
        if !(is_held || state.has(OVER | RUNNING)) {
            self.group().drops_awaited(self);
        }
    }

    /// Marks it as one that is to be dropped.
    pub(in crate::group) fn mark(&self) {
        self.header().state.fetch_or(CANCEL, AcqRel);
    }

    /// No shield holds it any more.
    pub(in crate::group) fn doom(&self) {
        self.header().state.fetch_or(DOOM, AcqRel);
    }

    /// Is it to be dropped now, since nothing holds it?
    pub(in crate::group) fn is_doomed(&self) -> bool {
        let state = self.load();
        !state.has(OVER) && (state.is_to_go() || self.goes_with_group(state))
    }

    /// Does a shield hold off its drop?
    pub(in crate::group) fn is_shielded(&self) -> bool {
        let state = self.load();
        state.has(SHIELD) && !state.has(DOOM)
    }

    pub(in crate::group) fn is_cancelled(&self) -> bool {
        self.load().has(CANCEL)
    }

    /// Does no shield hold it any more?
    pub(in crate::group) fn is_forced(&self) -> bool {
        self.load().has(DOOM)
    }

    /// Is it being polled, or its future being dropped?
    pub(in crate::group) fn is_polled(&self) -> bool {
        self.load().has(RUNNING)
    }

    #[inline]
    pub(in crate::group) fn is_background(&self) -> bool {
        self.load().has(BACKGROUND)
    }

    #[inline]
    pub(in crate::group) fn core(&self) -> &Arc<Core> {
        self.header().core()
    }

    /// The group, for what the cell asks of it.
    #[inline]
    pub(super) fn group(&self) -> Group<'_> {
        Group::of(self.header().core())
    }

    /// Gives up this reference.
    #[inline]
    pub(in crate::group) fn part(self) -> Parting {
        Parting {
            cell: ManuallyDrop::new(self),
            count: 1,
        }
    }

    /// Gives up two references in one step. Both are of the same child.
    #[inline]
    pub(in crate::group) fn part_with(self, other: Option<Self>) -> Parting {
        let mut parting = self.part();
        if let Some(other) = other {
            parting.and(other);
        }
        parting
    }

    /// Is it the same child?
    #[inline]
    pub(in crate::group) fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// Brings the child to its group's queue (edge 3), unless it is there, is being polled, or is over.
    #[inline]
    pub(super) fn wake(&self) {
        if upcalls::is_inside(self) {
            // The step that ends the poll takes it along, and is a release for all that came before.
            self.header().woken_within.store(true, Relaxed);
            return;
        }
        // Even a wake that changes nothing is a release: the poll that answers it must see what came before the wake.
        let woken = self.update(|now| {
            if now.has(OVER) {
                None
            } else if now.has(SCHEDULED | RUNNING) {
                Some(now.0 | SCHEDULED)
            } else {
                Some((now.0 | SCHEDULED) + REF)
            }
        });
        if woken.is_ok_and(|before| !before.has(SCHEDULED | RUNNING)) {
            // (S3): the reference that the queue gets was counted in the same step.
            self.group().push(Self(self.0));
        }
    }
}

impl Parting {
    /// The child.
    #[inline]
    pub(in crate::group) fn child(&self) -> &CellRef {
        &self.cell
    }

    /// Keeps the reference after all.
    #[inline]
    pub(in crate::group) fn stay(self) -> CellRef {
        debug_assert_eq!(self.count, 1);
        let mut this = ManuallyDrop::new(self);
        // SAFETY: it is not used again, and not dropped.
        unsafe { ManuallyDrop::take(&mut this.cell) }
    }

    /// Gives up one more reference in the same step.
    #[inline]
    pub(in crate::group) fn and(&mut self, other: CellRef) {
        debug_assert!(self.cell.is(&other));
        // It is given up with the first.
        let _ = ManuallyDrop::new(other);
        self.count += 1;
    }
}

impl Clone for CellRef {
    #[inline]
    fn clone(&self) -> Self {
        let before = self.header().state.fetch_add(REF, Relaxed);
        if before > TOO_MANY {
            std::process::abort();
        }
        Self(self.0)
    }
}

impl CellRef {
    /// Takes references off the state, this one among them, and with them flags that are on and the caller's alone.
    ///
    /// # Safety
    ///
    /// The references are the caller's, and nobody uses or drops them afterwards.
    #[inline]
    pub(super) unsafe fn give_up(&self, what: usize) {
        let before = self.header().state.fetch_sub(what, Release);
        if Snapshot(before).refs() == Snapshot(what).refs() {
            // Threads that released theirs earlier have to be done with the cell before it is freed. A load and not a fence, since
            // ThreadSanitizer knows no fences; here it costs nothing.
            self.load();
            // SAFETY: these were the last references.
            unsafe { (self.header().vtable.free)(self.0) }
        }
    }

    /// The same, by somebody who has seen this state. If these were all references then, they are so still: nobody else is
    /// left to clone one.
    ///
    /// # Safety
    ///
    /// As for `give_up`.
    #[inline]
    pub(super) unsafe fn give_up_seen(&self, what: usize, seen: Snapshot) {
        // SAFETY: the references are the caller's, and if they were all, nobody is left to use the cell. `load` has seen what came before the others released theirs.
        unsafe {
            if seen.refs() == Snapshot(what).refs() {
                (self.header().vtable.free)(self.0);
            } else {
                self.give_up(what);
            }
        }
    }
}

impl Drop for CellRef {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is ours and is gone.
        unsafe { self.give_up(REF) }
    }
}

impl Drop for Parting {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `part_with` took so many.
        unsafe { self.cell.give_up(self.count * REF) }
    }
}

impl fmt::Debug for CellRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} [{:?}]", self.info(), self.load())
    }
}
