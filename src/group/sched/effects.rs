//! What a critical section leaves to be done once the lock is released: data that the core interprets.

use std::mem::{self, ManuallyDrop};
use std::sync::Arc;
use std::task::Waker;

use super::counts::Around;
use crate::group::cell::{CellRef, Failed, Parting};
use crate::group::queues::completions::Completions;
use crate::group::queues::driver_jobs::DriverId;
use crate::group::queues::wake_shards::WakeShards;
use crate::token::CancelReason;

/// Everything that runs or drops something of the user's. Small where little is to be done, as nearly always.
#[must_use = "effects have to be performed once the lock is released: see `Core::perform`"]
pub(in crate::group) struct Effects<'a> {
    unlocked: &'a dyn Unlocked,
    /// Is there anything?
    busy: bool,
    parts: ManuallyDrop<Parts>,
}

/// What is to be done.
#[derive(Default)]
pub(in crate::group) struct Parts {
    /// The first that is called. If that one is kept there may be another, in `more`.
    pub(in crate::group) nudge: Option<Nudge>,
    /// The first of those to wake; the others are in `more`.
    pub(in crate::group) waker: Option<Waker>,
    /// The first of those to drop; the others are in `more`.
    pub(in crate::group) stale: Option<Waker>,
    /// A reference that may be the last; others are in `more`.
    pub(in crate::group) child: Option<Parting>,
    pub(in crate::group) more: Option<Box<More>>,
}

/// The effects that most critical sections do not have.
#[derive(Default)]
pub(in crate::group) struct More {
    pub(in crate::group) nudge: Option<Nudge>,
    pub(in crate::group) wakers: Vec<Waker>,
    pub(in crate::group) stale: Vec<Waker>,
    pub(in crate::group) children: Vec<Parting>,
    pub(in crate::group) unreceived: Vec<Failed>,
    pub(in crate::group) completions: Option<Box<Completions>>,
    /// The group was cancelled just now.
    pub(in crate::group) cancelled: Option<CancelReason>,
    /// Its children are dropped from now on, and so are those inside whatever shields still hold.
    pub(in crate::group) hardened: bool,
    /// Children that are to be dropped and are held by shields.
    pub(in crate::group) held: Vec<CellRef>,
    /// Children whose own grace begins, and those for whom it is over.
    pub(in crate::group) begins: Vec<CellRef>,
    pub(in crate::group) goes: Vec<CellRef>,
    /// Children with a grace of their own that were taken in.
    pub(in crate::group) enlisted: Vec<CellRef>,
    /// Only background children are left.
    pub(in crate::group) dismisses: bool,
    /// The group has ended, and this one has waited for that.
    pub(in crate::group) straggled: Option<Arc<dyn Around>>,
}

/// What a critical section may ask and say of its group at once, since it lies outside of the lock.
pub(in crate::group) trait Unlocked {
    /// The shards of the group.
    fn wake_shards(&self) -> &WakeShards;
    /// The body may have to be dropped from now on. Set inside the critical section: a thread that sees the cause under the
    /// lock must see this flag, too.
    fn body_may_go(&self);
    /// Is a driver to be put off, since enough jobs are on their way to the spawner? Then the group is called later.
    fn puts_off(&self) -> bool;
    /// Does no child and no body run here?
    fn is_outside(&self) -> bool;
    /// Makes what is called when a permit of a shared limit may have come.
    fn permit_waker(&self) -> Waker;
}

/// Somebody is to come for the work.
pub(in crate::group) enum Nudge {
    /// Perhaps for this worker alone.
    Wake(DriverId, Waker, bool),
    Launch(DriverId),
}

impl<'a> Effects<'a> {
    #[inline]
    pub(in crate::group) fn new(unlocked: &'a dyn Unlocked) -> Self {
        Self {
            unlocked,
            busy: false,
            parts: ManuallyDrop::new(Parts::default()),
        }
    }

    /// What is to be done, if there is anything.
    #[inline]
    pub(in crate::group) fn take(&mut self) -> Option<Parts> {
        mem::take(&mut self.busy).then(|| mem::take(&mut *self.parts))
    }

    pub(in crate::group) fn unlocked(&self) -> &'a dyn Unlocked {
        self.unlocked
    }

    /// Makes what is called when a permit of a shared limit may have come.
    pub(in crate::group) fn permit_waker(&self) -> impl Fn() -> Waker + use<'a> {
        let unlocked = self.unlocked;
        move || unlocked.permit_waker()
    }

    /// Those that most critical sections do not have: once for all of them.
    #[cold]
    #[inline(never)]
    fn more(&mut self) -> &mut More {
        self.busy = true;
        self.parts.more.get_or_insert_default()
    }

    /// Calls somebody to the work.
    pub(in crate::group) fn nudge(&mut self, nudge: Nudge) {
        self.busy = true;
        if self.parts.nudge.is_some() {
            return self.nudge_another(nudge);
        }
        self.parts.nudge = Some(nudge);
    }

    #[cold]
    fn nudge_another(&mut self, nudge: Nudge) {
        let another = self.more().nudge.replace(nudge);
        debug_assert!(
            another.is_none(),
            "besides one that is kept one is called at a time"
        );
    }

    /// Wakes it.
    #[inline]
    pub(in crate::group) fn wake(&mut self, waker: Waker) {
        self.busy = true;
        match &self.parts.waker {
            None => self.parts.waker = Some(waker),
            Some(_) => self.wake_another(waker),
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_another(&mut self, waker: Waker) {
        self.more().wakers.push(waker);
    }

    /// Drops a waker.
    pub(in crate::group) fn drop_waker(&mut self, waker: impl Into<Option<Waker>>) {
        let Some(waker) = waker.into() else {
            return;
        };
        self.busy = true;
        match &self.parts.stale {
            None => self.parts.stale = Some(waker),
            Some(_) => self.more().stale.push(waker),
        }
    }

    /// Releases a reference to a child.
    #[inline]
    pub(in crate::group) fn release(&mut self, child: CellRef) {
        self.part(child.part());
    }

    /// Releases references to a child.
    #[inline]
    pub(in crate::group) fn part(&mut self, child: Parting) {
        self.busy = true;
        match &self.parts.child {
            None => self.parts.child = Some(child),
            Some(_) => self.more().children.push(child),
        }
    }

    /// Reports failures that nobody can take any more.
    pub(in crate::group) fn report(&mut self, failures: impl IntoIterator<Item = Failed>) {
        let mut failures = failures.into_iter().peekable();
        if failures.peek().is_some() {
            self.more().unreceived.extend(failures);
        }
    }

    /// Releases completions that nobody will ask for.
    pub(in crate::group) fn drop_completions(&mut self, completions: Option<Box<Completions>>) {
        if completions.is_some() {
            self.more().completions = completions;
        }
    }

    /// Turns the token if there is one, and sets the alarm of the grace.
    pub(in crate::group) fn cancelled(&mut self, reason: CancelReason) {
        self.more().cancelled = Some(reason);
    }

    /// Passes on to the groups inside that children are dropped from now on.
    pub(in crate::group) fn hardened(&mut self) {
        self.more().hardened = true;
    }

    /// Passes on to the groups inside a child that it is to be dropped.
    pub(in crate::group) fn holds(&mut self, child: CellRef) {
        self.more().held.push(child);
    }

    /// Sets the alarm of a child that has a grace of its own.
    pub(in crate::group) fn grace_begins(&mut self, child: CellRef) {
        self.more().begins.push(child);
    }

    /// Has a child dropped whose own grace is over.
    pub(in crate::group) fn grace_ends(&mut self, child: CellRef) {
        self.more().goes.push(child);
    }

    /// Asks whether what the group is in was cancelled before this child came, which has a grace of its own.
    pub(in crate::group) fn enlisted(&mut self, child: CellRef) {
        self.more().enlisted.push(child);
    }

    /// Tells the group around that this one has ended.
    pub(in crate::group) fn straggled(&mut self, around: Arc<dyn Around>) {
        self.more().straggled = Some(around);
    }

    /// Cancels the background children.
    pub(in crate::group) fn dismiss(&mut self) {
        self.more().dismisses = true;
    }
}

/// Each critical section may unwind, for all that the compiler knows, so each has a way out that drops these: it is a call.
impl Drop for Effects<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.busy {
            drop_parts(&mut self.parts);
        }
    }
}

#[cold]
#[inline(never)]
fn drop_parts(parts: &mut Parts) {
    drop(mem::take(parts));
}
