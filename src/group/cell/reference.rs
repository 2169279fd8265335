//! Counted references to a child, and each step that its state can take.

use std::fmt;
use std::mem::{ManuallyDrop, take};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::task::{Context, Poll, Waker};

use super::failed::Failed;
use super::header::Header;
use super::state::{
    BACKGROUND, CANCEL, DOOM, Ending, KEY, LINE, OVER, REF, RUNNING, SCHEDULED, SHIELD, Snapshot,
    TOO_MANY, WAITER,
};
use super::waker;
use crate::cancel::CancelReason;
use crate::error::{ChildInfo, KeyId};
use crate::group::core::Core;
use crate::group::place::{Place, stand};

/// A counted reference to a child, whatever its types.
pub(crate) struct CellRef(NonNull<Header>);

// SAFETY: the header is `Sync`: atomics, a waiter's slot kept by (S4), the block, and things that are `Sync`. What is not is the
// stage. Futures, values and errors that are not `Send` are only put into groups whose handle, owner and driver cannot
// leave their thread, and only those three poll, cancel and settle; a key is `Send` only if its value is; and the last
// reference, which may go anywhere, finds the stage empty.
unsafe impl Send for CellRef {}
// SAFETY: as above.
unsafe impl Sync for CellRef {}

/// References to one child that are given up in one step.
pub(in crate::group) struct Parting {
    cell: ManuallyDrop<CellRef>,
    count: usize,
}

/// How a child left the hands of a driver.
pub(in crate::group) enum Ran {
    /// It is over.
    Over(Finished),
    /// It was woken while it was polled and goes back to the queue.
    Woken(CellRef),
    /// It is to be dropped: it was cancelled before or during this poll.
    Cancel(Claimed),
    /// Nothing is left to do.
    Parked,
}

/// A child that ended just now. The group must be told before the waiter is woken.
#[must_use = "the group waits for this child until it is told"]
pub(in crate::group) struct Finished {
    pub(in crate::group) cell: CellRef,
    pub(in crate::group) end: Ending,
    /// Is the value kept for a key?
    pub(in crate::group) kept: bool,
    pub(in crate::group) waiter: Option<Waker>,
}

/// What came of claiming a child that is to be dropped.
pub(in crate::group) enum Claiming {
    /// It is the caller's.
    Claimed(Claimed),
    /// It is being polled or over; if it is not, whoever polls it drops it.
    Busy(CellRef),
    /// A shield holds off its drop. This is one more reference, for the queue: it is to be polled once.
    Held(CellRef, CellRef),
}

/// Proof that the caller holds `RUNNING` on a child whose future is to be dropped.
#[must_use = "the child can neither run nor end while it is claimed: call `cancel`"]
pub(in crate::group) struct Claimed(CellRef);

impl CellRef {
    /// # Safety
    ///
    /// One reference of the cell's count becomes this one.
    pub(super) unsafe fn from_raw(raw: NonNull<Header>) -> Self {
        Self(raw)
    }

    pub(super) fn raw(&self) -> NonNull<Header> {
        self.0
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: we hold a reference.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn load(&self) -> Snapshot {
        Snapshot(self.header().state.load(Acquire))
    }

    /// Changes the state with `f` until it sticks (`Ok`), or `f` gives `None` (`Err`); the state before either way.
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

    pub(in crate::group) fn end(&self) -> Option<Ending> {
        self.load().end()
    }

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

    pub(in crate::group) fn is_in_line(&self) -> bool {
        self.load().has(LINE)
    }

    /// Polls it once (edge 1). Takes the queue's reference.
    #[inline]
    pub(in crate::group) fn run(self) -> Ran {
        let begun =
            self.update(|now| (!now.has(OVER | RUNNING)).then_some((now.0 & !SCHEDULED) | RUNNING));
        let Ok(before) = begun else {
            return Ran::Parked;
        };
        if before.is_to_go() {
            return Ran::Cancel(Claimed(self));
        }
        let raw = self.0;
        // The place keeps our reference meanwhile.
        let (place, poll) = stand(Place::Child(self), || {
            // The waker lives as long as that reference and does not count; a clone of it does.
            // SAFETY: we hold a reference, and this waker does not give it up.
            let waker = ManuallyDrop::new(unsafe { Waker::from_raw(waker::raw(raw)) });
            let mut cx = Context::from_waker(&waker);
            // SAFETY: we hold a reference.
            let header = unsafe { raw.as_ref() };
            let _context = header.enter_context();
            // SAFETY: we hold `RUNNING`, and a child that is not over has its future.
            unsafe { (header.vtable.poll)(raw, &mut cx) }
        });
        let Place::Child(cell) = place else {
            unreachable!("a place is given back as it was")
        };
        match poll {
            Poll::Ready(end) => Ran::Over(cell.finish(end, tell_group)),
            Poll::Pending => cell.suspend(),
        }
    }

    /// Ends a poll that gave `Pending` (edge 2).
    fn suspend(self) -> Ran {
        let suspended = self.update(|now| (!now.is_to_go()).then_some(now.0 & !RUNNING));
        match suspended {
            Err(_) => Ran::Cancel(Claimed(self)),
            Ok(before) if before.has(SCHEDULED) => Ran::Woken(self),
            Ok(_) => Ran::Parked,
        }
    }

    /// Takes the place of a poll in order to drop the future (edge 5), unless somebody polls it right now, who will do it
    /// at the end of the poll, or a shield holds off the drop. With `force` no shield does, now or later.
    pub(in crate::group) fn claim(self, force: bool) -> Claiming {
        let marks = if force { CANCEL | DOOM } else { CANCEL };
        let marked = self.update(|now| {
            let next = Snapshot(now.0 | marks);
            if now.has(OVER) {
                None
            } else if now.has(RUNNING) {
                // If a shield holds it, it is polled once more, as one that is suspended.
                let again = if now.has(SHIELD) { SCHEDULED } else { 0 };
                Some(next.0 | again)
            } else if next.is_to_go() {
                Some(next.0 | RUNNING)
            } else {
                Some((next.0 | SCHEDULED) + REF)
            }
        });
        match marked {
            Ok(before) if before.has(RUNNING) => Claiming::Busy(self),
            Ok(before) if Snapshot(before.0 | marks).is_to_go() => Claiming::Claimed(Claimed(self)),
            // The reference was counted in the same step.
            Ok(_) => {
                let queue = Self(self.0);
                Claiming::Held(self, queue)
            }
            Err(_) => Claiming::Busy(self),
        }
    }

    /// It will not start, whatever holds it.
    pub(in crate::group) fn doom(&self) {
        let _ = self.update(|now| Some(now.0 | DOOM));
    }

    /// Marks it as cancelled for itself and has it looked at, by whoever polls children.
    pub(super) fn mark_cancelled(&self) {
        self.schedule_with(CANCEL);
        if self.is_shielded() {
            self.tell_path();
        }
    }

    /// Marks it as one that is to be dropped when the shield is gone that holds it; it is in line, and stays there.
    pub(in crate::group) fn mark_in_line(&self) {
        self.header().state.fetch_or(CANCEL, AcqRel);
    }

    /// Does a shield hold off its drop?
    pub(in crate::group) fn is_shielded(&self) -> bool {
        let state = self.load();
        state.has(SHIELD) && !state.has(DOOM)
    }

    pub(in crate::group) fn is_cancelled(&self) -> bool {
        self.load().has(CANCEL)
    }

    /// Is it being polled, or its future being dropped?
    pub(in crate::group) fn is_polled(&self) -> bool {
        self.load().has(RUNNING)
    }

    pub(in crate::group) fn is_background(&self) -> bool {
        self.load().has(BACKGROUND)
    }

    pub(in crate::group) fn core(&self) -> &Arc<Core> {
        self.header().core()
    }

    /// Gives up two references in one step. Both are of the same child.
    pub(in crate::group) fn part_with(self, other: Option<Self>) -> Parting {
        let count = 1 + usize::from(other.is_some());
        debug_assert!(other.as_ref().is_none_or(|other| other.is(&self)));
        // It is given up with the first.
        let _ = ManuallyDrop::new(other);
        Parting {
            cell: ManuallyDrop::new(self),
            count,
        }
    }

    /// Is it the same child?
    pub(in crate::group) fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// Publishes the end (edges 4 and 6). The caller holds `RUNNING`; the future is dropped, the end is in the stage.
    /// `fails` gets the failure, if it is one, before the end can be seen.
    #[inline]
    fn finish(self, mut end: Ending, fails: impl FnOnce(Failed, Ending)) -> Finished {
        let header = self.header();
        let mut kept = end == Ending::Value;
        if kept && !self.load().has(KEY) {
            kept = false;
            // SAFETY: there is no key and there will be none (S5).
            end = unsafe { (header.vtable.let_go)(self.0) };
        }
        if let Some(failed) = Failed::of(&self, end) {
            fails(failed, end);
        }
        let before = Snapshot(header.state.fetch_add(OVER + end.bits() - RUNNING, AcqRel));
        self.lets_go();
        if kept && !before.has(KEY) {
            kept = false;
            self.let_go_late();
        }
        let waiter = if before.has(WAITER) {
            // SAFETY: the slot is ours from this step on (S4).
            header.waiter.with_mut(|slot| unsafe { take(&mut *slot) })
        } else {
            None
        };
        Finished {
            cell: self,
            end,
            kept,
            waiter,
        }
    }

    /// Lets go of a value after `OVER`, when what is wrong with it can only be reported. By whoever (S5) names.
    pub(super) fn let_go_late(&self) {
        let vtable = self.header().vtable;
        // SAFETY: the key is gone, so the value is ours alone; and so is what `let_go` puts in its place.
        unsafe {
            if (vtable.let_go)(self.0) != Ending::Value {
                (vtable.report)(self.0);
            }
        }
    }

    /// Brings the child to its group's queue (edge 3), unless it is there, is being polled, or is over.
    pub(super) fn wake(&self) {
        self.schedule_with(0);
    }

    /// The same, with some bits that are set in the same step.
    fn schedule_with(&self, bits: usize) {
        // Even a wake that changes nothing is a release: the poll that answers it must see what came before the wake.
        let woken = self.update(|now| {
            if now.has(OVER) {
                None
            } else if now.has(SCHEDULED | RUNNING) {
                Some(now.0 | SCHEDULED | bits)
            } else {
                Some((now.0 | SCHEDULED | bits) + REF)
            }
        });
        if woken.is_ok_and(|before| !before.has(SCHEDULED | RUNNING)) {
            // (S3): the reference that the queue gets was counted in the same step.
            self.header().core().push(Self(self.0));
        }
    }
}

impl Claimed {
    /// Drops the future and publishes the end (edge 6). The reason is the group's; if the child was cancelled for itself, its
    /// own counts.
    pub(in crate::group) fn cancel(self, reason: CancelReason) -> Finished {
        let reason = self.0.own_reason().unwrap_or(reason);
        // It follows the group's only as long as the child is there.
        self.0.turn_token(&reason);
        let raw = self.0.0;
        // The place keeps our reference meanwhile: the destructor runs in the child, as its polls did.
        let (place, end) = stand(Place::Child(self.0), || {
            // SAFETY: we hold a reference.
            let header = unsafe { raw.as_ref() };
            let _context = header.enter_context();
            // SAFETY: this is the proof that we hold `RUNNING`.
            unsafe { (header.vtable.cancel)(raw, reason) }
        });
        let Place::Child(cell) = place else {
            unreachable!("a place is given back as it was")
        };
        cell.finish(end, tell_group)
    }

    /// Does the same to a child that the group did not take: its panic, if it panics, is not the group's.
    pub(in crate::group) fn refuse(self, reason: CancelReason) {
        let cell = self.0;
        // SAFETY: as above.
        let end = unsafe { (cell.header().vtable.cancel)(cell.0, reason) };
        drop(cell.finish(end, |failed, _| drop(failed)));
    }
}

/// Before the end can be seen: whoever learns of it from the key and fails in turn comes second.
fn tell_group(failed: Failed, end: Ending) {
    let core = Arc::clone(failed.core());
    core.child_fails(failed, end);
}

impl Clone for CellRef {
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
            // Whoever let go earlier has to be done with the cell before it is freed. A load and not a fence, since
            // ThreadSanitizer knows no fences; here it costs nothing.
            self.load();
            // SAFETY: these were the last references.
            unsafe { (self.header().vtable.free)(self.0) }
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
