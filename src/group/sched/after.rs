//! What a critical section leaves to be done once the lock is released.

use std::mem;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use crate::cancel::CancelReason;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::group::cell::{CellRef, Failed, OnThread, Parting};
use crate::group::engine::core::Core;
use crate::group::queues::completions::Completions;
use crate::group::queues::drivers::DriverId;
use crate::group::queues::lanes::Lanes;
use crate::panic::catch;
use crate::spawner::SpawnerHandle;

/// Everything that runs or drops something of the user's. Small where little is to be done, as nearly always.
///
/// None of it unwinds: who runs a critical section goes on as if nothing had happened, whatever its effects meet.
#[must_use = "what is put off until the lock is released has to be done then: call `run`"]
pub(in crate::group) struct After<'a> {
    core: &'a Arc<Core>,
    /// Is there anything?
    busy: bool,
    nudge: Option<Nudge>,
    /// The first of those to wake; the others are in `more`.
    waker: Option<Waker>,
    /// The first of those to drop; the others are in `more`.
    stale: Option<Waker>,
    /// A reference that may be the last; others are in `more`.
    child: Option<Parting>,
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    wakers: Vec<Waker>,
    stale: Vec<Waker>,
    children: Vec<Parting>,
    unreceived: Vec<Failed>,
    completions: Option<Completions>,
    /// The group was cancelled just now.
    cancelled: Option<CancelReason>,
    /// Its children are dropped from now on, and so are those inside whatever shields still hold.
    hardened: bool,
    /// Children that are to be dropped and are held by shields.
    held: Vec<CellRef>,
    /// Only background children are left.
    dismisses: bool,
}

/// Somebody is to come for the work.
pub(in crate::group) enum Nudge {
    Wake(DriverId, Waker),
    Launch(DriverId),
}

impl<'a> After<'a> {
    #[inline]
    pub(in crate::group) fn new(core: &'a Arc<Core>) -> Self {
        Self {
            core,
            busy: false,
            nudge: None,
            waker: None,
            stale: None,
            child: None,
            more: None,
        }
    }

    /// The lanes of the group.
    pub(in crate::group) fn lanes(&self) -> &'a Lanes {
        self.core.lanes()
    }

    /// The body may have to be dropped from now on. Not put off: whoever sees why, under the lock, finds this said.
    pub(in crate::group) fn body_may_go(&self) {
        self.core.body.may_go();
    }

    fn more(&mut self) -> &mut More {
        self.busy = true;
        self.more.get_or_insert_default()
    }

    /// Is a driver to be put off, since enough jobs are on their way to the spawner? Then the group is called later.
    pub(in crate::group) fn puts_off(&self) -> bool {
        let crew = self.core.spawner().and_then(SpawnerHandle::known_crew);
        crew.is_some_and(|crew| {
            let core: Weak<Core> = Arc::downgrade(self.core);
            crew.puts_off(core)
        })
    }

    /// Calls somebody to the work.
    pub(in crate::group) fn nudge(&mut self, nudge: Nudge) {
        self.busy = true;
        self.nudge = Some(nudge);
    }

    /// Wakes it.
    #[inline]
    pub(in crate::group) fn wake(&mut self, waker: Waker) {
        self.busy = true;
        match &self.waker {
            None => self.waker = Some(waker),
            Some(_) => self.more().wakers.push(waker),
        }
    }

    /// Drops a waker.
    pub(in crate::group) fn drop_waker(&mut self, waker: impl Into<Option<Waker>>) {
        let Some(waker) = waker.into() else {
            return;
        };
        self.busy = true;
        match &self.stale {
            None => self.stale = Some(waker),
            Some(_) => self.more().stale.push(waker),
        }
    }

    /// Lets go of a reference to a child.
    #[inline]
    pub(in crate::group) fn release(&mut self, child: CellRef) {
        self.part(child.part());
    }

    /// Lets go of references to a child.
    #[inline]
    pub(in crate::group) fn part(&mut self, child: Parting) {
        self.busy = true;
        match &self.child {
            None => self.child = Some(child),
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

    /// Lets go of completions that nobody will ask for.
    pub(in crate::group) fn drop_completions(&mut self, completions: Option<Completions>) {
        if completions.is_some() {
            self.more().completions = completions;
        }
    }

    /// Tells whoever asked for the token, and sets the grace.
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

    /// Cancels the background children.
    pub(in crate::group) fn dismiss(&mut self) {
        self.more().dismisses = true;
    }

    /// Makes what is called when a permit of a shared limit may have come.
    pub(in crate::group) fn permit_waker(&self) -> impl Fn() -> Waker + use<'a> {
        let core = self.core;
        move || Waker::from(Arc::new(PermitComes(Arc::downgrade(core))))
    }

    /// Does what was put off. With the lock released.
    #[inline]
    pub(in crate::group) fn run(self) {
        if self.busy {
            self.do_it();
        } else {
            // It has nothing to drop, which the compiler would ask each part of it for.
            mem::forget(self);
        }
    }

    #[inline]
    fn do_it(self) {
        if let Self {
            nudge: None,
            waker: None,
            stale: None,
            more: None,
            child,
            ..
        } = self
        {
            // Nothing of the user's goes with the last reference to a child.
            drop(child);
        } else {
            self.do_all();
        }
    }

    #[cold]
    fn do_all(self) {
        let core = self.core;
        if let Some(waker) = self.waker {
            wake_quietly(waker);
        }
        match self.nudge {
            None => {}
            Some(Nudge::Wake(id, waker)) => {
                let woken = wake_quietly(waker);
                if !woken {
                    let why = "the waker of the job that polls the children panicked";
                    effect(|| core.driver_lost(id, why, OnThread::anywhere(core)));
                }
            }
            Some(Nudge::Launch(id)) => effect(|| core.launch(id)),
        }
        if let Some(more) = self.more {
            for waker in more.wakers {
                wake_quietly(waker);
            }
            for waker in more.stale {
                drop_quietly("a waker", waker);
            }
            if let Some(reason) = more.cancelled {
                effect(|| core.has_been_cancelled(&reason));
            }
            if more.hardened {
                effect(|| core.tell_body_path());
            }
            for child in more.held {
                effect(|| child.tell_path());
            }
            if more.dismisses {
                effect(|| core.dismiss_background());
            }
            for failed in more.unreceived {
                drop_quietly("a failure that nobody received", failed);
            }
            let (children, completions) = (more.children, more.completions);
            effect(|| drop((children, completions)));
        }
        if let Some(waker) = self.stale {
            drop_quietly("a waker", waker);
        }
        effect(|| drop(self.child));
    }
}

/// A group that waits for a permit.
struct PermitComes(Weak<Core>);

impl Wake for PermitComes {
    fn wake(self: Arc<Self>) {
        if let Some(core) = self.0.upgrade() {
            core.with(|sched, after| sched.permit_comes(after));
        }
    }
}

/// One effect, which must not keep the others from being done.
fn effect(f: impl FnOnce()) {
    if let Err(panic) = catch(f) {
        report_panic("what a group was to do", panic);
    }
}
