//! One poll of a child, and its end: the steps of the holder of `RUNNING`.

use std::mem::{ManuallyDrop, take};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::task::{Context, Poll, Waker};

use super::failed::Failed;
use super::header::Header;
use super::reference::{CellRef, Claimed};
use super::state::{
    CANCEL, Ending, KEY, OVER, RUNNING, SCHEDULED, SHIELD, Snapshot, WAITER, untold,
};
use super::thread::OnThread;
use super::upcalls::{self, Group};
use super::waker;
use crate::token::CancelReason;

/// How a child of a batch left the hands of its driver. The batch keeps its reference.
pub(in crate::group) enum RanInBatch {
    /// It is over, and the next thread with the lock that looks at it counts the end.
    Over,
    /// The same, and this task waits for it: it is woken when the group has been told.
    Awaited(Waker),
    /// It is over in some other way.
    Told(Finished),
    /// As in [`Ran`].
    Woken,
    /// As in [`Ran`].
    Cancel(Claimed),
    /// As in [`Ran`].
    Parked,
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

/// Proof that the caller holds `RUNNING` on a child, whose future is being polled by somebody else on this thread.
#[must_use = "the child can neither run nor end while it is in hand: call `goes_on`"]
pub(in crate::group) struct InHand(CellRef);

/// A child that ended just now. The group must be told before the waiter is woken.
#[must_use = "the group waits for this child until it is told"]
pub(in crate::group) struct Finished {
    pub(in crate::group) cell: CellRef,
    pub(in crate::group) end: Ending,
    /// Is the value kept for a key?
    pub(in crate::group) kept: bool,
    pub(in crate::group) waiter: Option<Waker>,
}

impl CellRef {
    /// Polls it once (edge 1), unless somebody else did. Takes the queue's reference.
    #[inline]
    pub(in crate::group) fn run(self, at: OnThread<'_>) -> Ran {
        self.is_at(at);
        let Ok(before) = self.begin() else {
            return Ran::Parked;
        };
        if before.is_to_go() || self.goes_with_group(before) {
            return Ran::Cancel(Claimed(self));
        }
        self.run_on()
    }

    /// The same from where the caller has `RUNNING`.
    #[inline]
    fn run_on(self) -> Ran {
        match self.poll_future() {
            Poll::Ready(end) => Ran::Over(self.finish(end, tell_group)),
            Poll::Pending => match self.suspend() {
                Err(_) => Ran::Cancel(Claimed(self)),
                Ok(before) if before.has(SCHEDULED) => Ran::Woken(self),
                Ok(_) => Ran::Parked,
            },
        }
    }

    /// Begins a poll (edge 1) of a child that nobody knows of as yet: its future was being polled when it became one. Takes the
    /// queue's reference.
    pub(in crate::group) fn take_in_hand(self) -> InHand {
        let begun = self.begin();
        assert!(begun.is_ok(), "it is taken in hand before others see it");
        InHand(self)
    }

    /// The same for a child of a batch, which keeps its reference.
    #[inline]
    pub(in crate::group) fn run_in_batch(&self, at: OnThread<'_>) -> RanInBatch {
        self.is_at(at);
        let Ok(before) = self.begin() else {
            return RanInBatch::Parked;
        };
        if before.is_to_go() || self.goes_with_group(before) {
            return RanInBatch::Cancel(Claimed(self.clone()));
        }
        match self.poll_future() {
            Poll::Ready(Ending::Value) => self.finish_untold(),
            Poll::Ready(end) => RanInBatch::Told(self.clone().finish(end, tell_group)),
            Poll::Pending => match self.suspend() {
                Err(_) => RanInBatch::Cancel(Claimed(self.clone())),
                Ok(before) if before.has(SCHEDULED) => RanInBatch::Woken,
                Ok(_) => RanInBatch::Parked,
            },
        }
    }

    /// The proof is of this child's group.
    #[inline]
    fn is_at(&self, at: OnThread<'_>) {
        debug_assert!(
            Arc::ptr_eq(self.core(), at.core()),
            "a child is polled by its own group"
        );
    }

    /// Takes `RUNNING` on a child that waits for that; the state before.
    #[inline]
    fn begin(&self) -> Result<Snapshot, Snapshot> {
        self.update(|now| now.is_waiting().then_some((now.0 & !SCHEDULED) | RUNNING))
    }

    /// Is it to be dropped, although no sweep has come to it? It may have been woken by its token, which turns before, and be in
    /// somebody's hand from earlier on. A shield in it holds that off until the sweep comes.
    #[inline]
    pub(super) fn goes_with_group(&self, state: Snapshot) -> bool {
        !state.has(CANCEL | SHIELD) && self.group().drops_children()
    }

    /// Polls the future, as code of this child and in its context. The caller holds `RUNNING`, and the child is not over.
    #[inline]
    fn poll_future(&self) -> Poll<Ending> {
        let raw = self.raw();
        upcalls::inside(self.lent(), || {
            // The waker lives as long as our reference and does not count; a clone of it does.
            // SAFETY: we hold a reference, and this waker does not give it up.
            let waker = ManuallyDrop::new(unsafe { Waker::from_raw(waker::raw(raw)) });
            let mut cx = Context::from_waker(&waker);
            // SAFETY: we hold a reference.
            let header = unsafe { raw.as_ref() };
            // SAFETY: the caller holds `RUNNING`, and a child that is not over has its future.
            unsafe { header.in_context(|| (header.vtable.poll)(raw, &mut cx)) }
        })
    }

    /// This reference once more, for as long as it is there.
    #[inline]
    fn lent(&self) -> ManuallyDrop<Self> {
        // SAFETY: it does not count, and is never dropped.
        ManuallyDrop::new(unsafe { Self::from_raw(self.raw()) })
    }

    /// Ends a poll that gave `Pending` (edge 2), unless the child is to be dropped; the state before, and a wake that it did not
    /// know of.
    #[inline]
    fn suspend(&self) -> Result<Snapshot, Snapshot> {
        let Header {
            state,
            woken_within,
            ..
        } = self.header();
        let mut woken = 0;
        if woken_within.load(Relaxed) {
            woken_within.store(false, Relaxed);
            woken = SCHEDULED;
        }
        // In the one order with `Batch::hurry`, as the end of one that is untold.
        let next = |now: usize| (!Snapshot(now).is_to_go()).then_some((now & !RUNNING) | woken);
        let suspended = state.fetch_update(SeqCst, Acquire, next);
        let before = |before: usize| Snapshot(before | woken);
        suspended.map(before).map_err(before)
    }

    /// Publishes the end (edges 4 and 6). The caller holds `RUNNING`; the future is dropped, the end is in the stage.
    /// `fails` gets the failure, if it is one, before the end can be seen.
    #[inline]
    fn finish(self, mut end: Ending, fails: impl FnOnce(Failed, Ending)) -> Finished {
        let header = self.header();
        // SAFETY: the caller holds `RUNNING`.
        unsafe { header.leave_context() }
        let mut kept = end == Ending::Value;
        if kept && !self.load().has(KEY) {
            kept = false;
            // SAFETY: there is no key and there will be none (S5).
            end = unsafe { (header.vtable.let_go)(self.raw()) };
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
        // SAFETY: `OVER` was set two steps before, in the state `before` (S4).
        let waiter = unsafe { self.take_waiter(before) };
        Finished {
            cell: self,
            end,
            kept,
            waiter,
        }
    }

    /// Who awaits the key.
    ///
    /// # Safety
    ///
    /// The caller has set `OVER` just now, and found the state like this.
    #[inline]
    unsafe fn take_waiter(&self, before: Snapshot) -> Option<Waker> {
        if !before.has(WAITER) {
            return None;
        }
        let slot = &self.header().waiter;
        // SAFETY: the slot is ours from that step on (S4).
        slot.with_mut(|slot| unsafe { take(&mut *slot) })
    }

    /// Publishes an end with a value, and leaves it to others to tell the group.
    #[inline]
    fn finish_untold(&self) -> RanInBatch {
        let header = self.header();
        // SAFETY: the caller holds `RUNNING`.
        unsafe { header.leave_context() }
        let mut kept = self.load().has(KEY);
        let before = loop {
            if !kept {
                // SAFETY: there is no key and there will be none (S5).
                let end = unsafe { (header.vtable.let_go)(self.raw()) };
                if end != Ending::Value {
                    return RanInBatch::Told(self.clone().finish(end, tell_group));
                }
            }
            // Not while a value is left to be released: from this step on anybody may count this end, and if it is the last
            // of the group, what the value borrows is gone.
            let next = |now: usize| {
                let stays = !kept || Snapshot(now).has(KEY);
                stays.then_some(now + OVER + untold(kept) - RUNNING)
            };
            // In the one order with `Batch::hurry`: a thread that hurries is seen by the driver, or sees this.
            match header.state.fetch_update(SeqCst, Acquire, next) {
                Ok(before) => break Snapshot(before),
                Err(_) => kept = false,
            }
        };
        self.lets_go();
        // SAFETY: `OVER` was set in the loop above, in the state `before` (S4).
        let waiter = unsafe { self.take_waiter(before) };
        waiter.map_or(RanInBatch::Over, RanInBatch::Awaited)
    }

    /// Is it over, and the group may not have been told (S6)? Then whether the value was kept for a key.
    #[inline]
    pub(in crate::group) fn untold(&self) -> Option<bool> {
        Snapshot(self.header().state.load(SeqCst)).untold()
    }

    /// Does it wait to be polled, and nobody polls it?
    #[inline]
    pub(in crate::group) fn is_waiting(&self) -> bool {
        Snapshot(self.header().state.load(SeqCst)).is_waiting()
    }

    /// Drops a value after `OVER`, when a panic can only be reported. Caller: the side named by S5.
    pub(super) fn let_go_late(&self) {
        let vtable = self.header().vtable;
        // SAFETY: the key is gone, so the value is ours alone; and so is what `let_go` puts in its place.
        unsafe {
            if (vtable.let_go)(self.raw()) != Ending::Value {
                (vtable.report)(self.raw());
            }
        }
    }
}

impl InHand {
    pub(in crate::group) fn child(&self) -> &CellRef {
        &self.0
    }

    /// The poll is over, and what came of it is the first thing that the child's future gives now.
    pub(in crate::group) fn goes_on(self, at: OnThread<'_>) -> Ran {
        self.0.is_at(at);
        self.0.run_on()
    }
}

impl Claimed {
    /// Drops the future and publishes the end (edge 6). The reason is the group's; if the child was cancelled for itself, its
    /// own counts.
    pub(in crate::group) fn cancel(self, reason: &CancelReason, at: OnThread<'_>) -> Finished {
        self.0.is_at(at);
        let own = self.0.own_reason();
        let reason = own.as_ref().unwrap_or(reason);
        // Before its destructor, which may tell others what it did not give.
        let is_missing = own
            .as_ref()
            .is_some_and(|own| self.0.group().child_is_missing(&self.0, own));
        // It follows the group's only as long as the child is there.
        self.0.turn_token(reason);
        // Nobody but its key asks why it was cancelled.
        let reason = self.0.has_key().then(|| reason.clone());
        let raw = self.0.raw();
        // The destructor runs in the child, as its polls did.
        let end = upcalls::inside(self.0.lent(), || {
            // SAFETY: we hold a reference.
            let header = unsafe { raw.as_ref() };
            // SAFETY: this is the proof that we hold `RUNNING`.
            unsafe { header.in_context(|| (header.vtable.cancel)(raw, reason)) }
        });
        if is_missing && end == Ending::Panicked {
            self.0.group().child_is_not_missing(&self.0);
        }
        self.0.finish(end, tell_group)
    }

    /// Polls a child that the group does not count and that fails at once: its failure is the group's.
    pub(in crate::group) fn fail(self, at: OnThread<'_>) {
        let cell = self.0;
        cell.is_at(at);
        let Poll::Ready(end) = cell.poll_future() else {
            unreachable!("it fails at once");
        };
        drop(cell.finish(end, tell_group));
    }

    /// Drops a child that the group did not take: its panic, if it panics, is not the group's.
    pub(in crate::group) fn refuse(self, reason: CancelReason, at: OnThread<'_>) {
        let cell = self.0;
        cell.is_at(at);
        // SAFETY: this is the proof that we hold `RUNNING` (S1).
        let end = unsafe { (cell.header().vtable.cancel)(cell.raw(), Some(reason)) };
        drop(cell.finish(end, |failed, _| drop(failed)));
    }
}

/// Before the end can be seen: a sibling that learns of it from the key and fails in turn comes second.
fn tell_group(failed: Failed, end: Ending) {
    let core = Arc::clone(failed.core());
    Group::of(&core).child_fails(failed, end);
}
