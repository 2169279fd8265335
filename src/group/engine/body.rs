//! The body of a scope, as its group knows it: whether it was woken, whether it is to be dropped, and how it failed.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::task::{Poll, Wake, Waker};

use super::core::Core;
use super::position::{here, look_around};
use crate::error::{Failure, KeyId, unhandled};
use crate::group::cell::Ending;
use crate::group::queues::watchers::Events;
use crate::group::sched::Sched;
use crate::group::sched::left::Left;
use crate::panic::Panic;
use crate::std_or_loom::atomic::{AtomicBool, AtomicU8};
use crate::std_or_loom::{in_one_order, per_thread};
use crate::token::{CancelKind, CancelReason};

/// The body sleeps and its waker is to be called.
const PARKED: u8 = 0;
/// The owner is being polled; it looks again before it suspends.
const POLLING: u8 = 1;
/// The body was woken, or was never polled.
const WOKEN: u8 = 2;

/// What is known of the body without the lock.
pub(in crate::group) struct Body {
    state: AtomicU8,
    /// Is it worth asking, under the lock, whether it is to be dropped?
    may_go: AtomicBool,
    /// Where it does nothing but to wait for the children: are all of them there?
    has_begun: AtomicBool,
    /// Does a child await an optional call?
    is_accompanied: AtomicBool,
}

impl Body {
    #[inline]
    pub(in crate::group) fn new() -> Self {
        Self {
            state: AtomicU8::new(WOKEN),
            may_go: AtomicBool::new(false),
            has_begun: AtomicBool::new(false),
            is_accompanied: AtomicBool::new(false),
        }
    }

    /// All children are there. Is there one that has to know? This step and the next are in one order, so that one of them sees the
    /// other.
    fn begins(&self) -> bool {
        self.has_begun.store(true, SeqCst);
        in_one_order();
        self.is_accompanied.load(SeqCst)
    }

    /// A child awaits an optional call. Are all children there?
    pub(in crate::group) fn is_accompanied(&self) -> bool {
        self.is_accompanied.store(true, SeqCst);
        in_one_order();
        self.has_begun.load(SeqCst)
    }

    pub(in crate::group) fn may_have_to_go(&self) -> bool {
        self.may_go.load(Relaxed)
    }

    /// Something has happened for which it may be dropped, or is going to be. Said under the lock, in the section in which it happens.
    pub(in crate::group) fn may_go(&self) {
        self.may_go.store(true, Relaxed);
    }
}

/// So often in a row code is told to suspend that is to be dropped. What a driver or an owner polls is dropped after the first.
const TOLD_TO_SUSPEND: u32 = 8;

per_thread! {
    // Which code was told to suspend last on this thread, and how often in a row.
    static TOLD: Cell<(Option<KeyId>, u32)> = const { Cell::new((None, 0)) };
}

/// Does the code in this position suspend if it is told to? It is told a few times; if it is still polled then, it blocks its thread.
fn suspends(code: KeyId) -> bool {
    let told = TOLD.try_with(|told| {
        let (last, times) = told.get();
        let times = if last == Some(code) { times + 1 } else { 1 };
        told.set((Some(code), times.min(TOLD_TO_SUSPEND + 1)));
        times <= TOLD_TO_SUSPEND
    });
    told.unwrap_or(false)
}

impl Core {
    /// The body is polled for the first time: until then it has no waker.
    pub(crate) fn body_begins(self: &Arc<Self>) {
        self.body.state.store(POLLING, Relaxed);
        if self.body_waits && self.body.begins() {
            self.tell_companions();
        }
    }

    #[cold]
    fn tell_companions(self: &Arc<Self>) {
        self.with(|sched, effects| sched.tell_companions(effects));
    }

    /// Whether the body is to be polled, and from now on the owner is.
    pub(crate) fn take_body_wake(&self) -> bool {
        self.body.state.swap(POLLING, AcqRel) == WOKEN
    }

    /// Was the body woken since?
    pub(crate) fn is_body_woken(&self) -> bool {
        self.body.state.load(Acquire) == WOKEN
    }

    /// Nothing of the body is to be done; its waker is called from now on. `false` if it was woken in between.
    pub(in crate::group) fn park_body(&self) -> bool {
        self.body
            .state
            .compare_exchange(POLLING, PARKED, AcqRel, Acquire)
            .is_ok()
    }

    /// Is the body to be dropped instead of being polled? For a panic that is to go on it always is.
    #[inline]
    pub(crate) fn dooms_body(&self) -> bool {
        self.body.may_go.load(Relaxed) && self.read(|sched| sched.dooms_body(self.drops_body()))
    }

    /// Is the body to be dropped, now or when nothing holds it any more?
    pub(in crate::group) fn is_body_to_go(&self) -> bool {
        self.body.may_go.load(Relaxed) && self.read(|sched| sched.drops_body(self.drops_body()))
    }

    /// Is the code that runs here, and awaits this group, to be dropped now, and the group with it? Then its end is not told: the
    /// code is dropped at this suspension.
    ///
    /// Code that blocks its thread inside of its poll, by `block_on` or `Scope::wait`, cannot be dropped there. It is told to
    /// suspend a few times and then goes on: see [`suspends`].
    #[inline]
    pub(crate) fn is_cut_off(&self) -> bool {
        self.body.may_go.load(Relaxed)
            && here().is_some_and(|position| {
                position.is_doomed() && position.code().is_some_and(suspends)
            })
    }

    /// The end of a group whose owner waits for nothing else, unless there are children. An owner that is cut off suspends here.
    pub(crate) fn poll_left(self: &Arc<Self>, waker: &Waker) -> Poll<Option<Left>> {
        match self.leave_if_empty() {
            Some(left) if self.is_cut_off() => {
                self.stays_with(left, waker);
                Poll::Pending
            }
            left => Poll::Ready(left),
        }
    }

    /// One that was about to leave suspends instead, since it is cut off. What it was to be told stays in the group: where the code
    /// cannot be dropped it comes back for it.
    #[cold]
    pub(in crate::group) fn stays_with(self: &Arc<Self>, left: Left, waker: &Waker) {
        self.with(|sched, _| sched.put_back(left));
        waker.wake_by_ref();
    }

    /// Does no shield hold anything here any more?
    pub(in crate::group) fn holds_nothing(&self) -> bool {
        self.body.may_go.load(Relaxed) && self.read(Sched::is_forced)
    }

    /// Are the children dropped? A task that was woken by what comes of that sees it.
    #[inline]
    pub(in crate::group) fn drops_children(&self) -> bool {
        // Said in the section from which on they are.
        self.body.may_go.load(Relaxed) && self.read(Sched::is_hard)
    }

    /// Is this the waker of the body, and the body to be dropped?
    pub(in crate::group) fn dooms(&self, waker: &Waker) -> bool {
        ptr::eq(waker.data(), ptr::from_ref(self).cast()) && self.dooms_body()
    }

    /// The body gave an error.
    pub(crate) fn body_failed<E>(self: &Arc<Self>, error: E) -> BodyFailure<E> {
        self.body_over(Failure::Error(error), Ending::Failed)
    }

    /// The body panicked.
    pub(crate) fn body_panicked<E>(self: &Arc<Self>, panic: Panic) -> BodyFailure<E> {
        self.body_over(Failure::Panicked(panic), Ending::Panicked)
    }

    /// The body cannot go on: cancels the group, and drops the body without waiting for the end of the grace.
    pub(in crate::group) fn ends_body_early(self: &Arc<Self>, reason: CancelReason) {
        self.cancel(reason);
        self.body_gives_up();
    }

    /// The body has nothing to give, and nothing to wait for: once it may be dropped it is, without waiting for the end of the grace.
    pub(crate) fn body_gives_up(self: &Arc<Self>) {
        self.with(|sched, effects| sched.body_gives_up(effects));
    }

    fn body_over<E>(self: &Arc<Self>, failure: Failure<E>, ending: Ending) -> BodyFailure<E> {
        BodyFailure::new(failure, self.cancels_for_body(ending))
    }

    /// How many failures came before that of the body.
    fn cancels_for_body(self: &Arc<Self>, ending: Ending) -> usize {
        let reason = self.first_cause(CancelReason::new(CancelKind::BodyFailed));
        self.with(|sched, effects| {
            if self.policy().cancels_siblings(ending) {
                sched.cancel(reason, effects);
            }
            sched.failed()
        })
    }
}

/// How the body of a scope failed, and how many failures came before it. Dropped untaken, it goes to the unhandled hook.
pub(crate) struct BodyFailure<E> {
    failure: Option<Failure<E>>,
    pub(in crate::group) position: usize,
}

impl<E> BodyFailure<E> {
    pub(in crate::group) fn new(failure: Failure<E>, position: usize) -> Self {
        Self {
            failure: Some(failure),
            position,
        }
    }

    pub(in crate::group) fn is_panic(&self) -> bool {
        self.failure.as_ref().is_some_and(Failure::is_panic)
    }

    pub(in crate::group) fn take(mut self) -> Option<Failure<E>> {
        self.failure.take()
    }

    pub(in crate::group) fn into_panic(self) -> Option<Panic> {
        match self.take() {
            Some(Failure::Panicked(panic)) => Some(panic),
            _ => None,
        }
    }
}

impl<E> Drop for BodyFailure<E> {
    fn drop(&mut self) {
        match self.failure.take() {
            Some(Failure::Error(error)) => {
                unhandled::report_body_error::<E>();
                unhandled::drop_quietly("an error that nobody received", error);
            }
            Some(Failure::Panicked(panic)) => unhandled::report_panic("the body of a scope", panic),
            Some(Failure::Cancelled(_)) | None => {}
        }
    }
}

/// Is the code that runs here to be dropped now? See [`Core::is_cut_off`]; this is for code that has no group as yet.
pub(crate) fn is_code_cut_off() -> bool {
    code_suspends() == Some(true)
}

/// Does the code that runs here suspend, since it is to be dropped now? `Some(false)`: it is, but it blocks its thread, and goes on.
pub(crate) fn code_suspends() -> Option<bool> {
    look_around(|position| {
        let is_doomed = position.is_doomed();
        is_doomed.then(|| position.code().is_some_and(suspends))
    })?
}

/// The waker of a scope's body.
impl Wake for Core {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.body.state.swap(WOKEN, AcqRel) == PARKED {
            self.with(|sched, effects| {
                sched
                    .watchers
                    .notify(Events::BODY, |waker| effects.wake(waker))
            });
        }
    }
}
