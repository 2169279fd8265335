//! Performs the effects of a critical section, once the lock is released.
//!
//! 1. No effect unwinds: the caller of a critical section goes on as if nothing had happened, whatever its effects meet.
//! 2. Wakers of others come first: what is dropped here may block or take long.
//! 3. The last reference to a child comes last, since effects before it may still name the child.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use super::core::Core;
use super::position::here;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::group::cell::OnThread;
use crate::group::queues::driver_jobs::DriverId;
use crate::group::queues::wake_shards::WakeShards;
use crate::group::sched::effects::{Effects, More, Nudge, Parts, Unlocked};
use crate::panic::catch;
use crate::spawner::SpawnerHandle;
use crate::turn;

impl Unlocked for Arc<Core> {
    fn wake_shards(&self) -> &WakeShards {
        Core::wake_shards(self)
    }

    fn body_may_go(&self) {
        self.body.may_go();
    }

    fn puts_off(&self) -> bool {
        let crew = self.spawner().and_then(SpawnerHandle::known_crew);
        crew.is_some_and(|crew| {
            let core: Weak<Core> = Arc::downgrade(self);
            crew.puts_off(core)
        })
    }

    fn is_outside(&self) -> bool {
        here().is_none()
    }

    fn permit_waker(&self) -> Waker {
        Waker::from(Arc::new(PermitComes(Arc::downgrade(self))))
    }
}

/// A group that waits for a permit.
struct PermitComes(Weak<Core>);

impl Wake for PermitComes {
    fn wake(self: Arc<Self>) {
        if let Some(core) = self.0.upgrade() {
            core.with(|sched, effects| sched.permit_comes(effects));
        }
    }
}

impl Core {
    #[inline]
    pub(super) fn perform(self: &Arc<Self>, effects: &mut Effects) {
        if let Some(parts) = effects.take() {
            self.perform_some(parts);
        }
    }

    #[inline]
    fn perform_some(self: &Arc<Self>, parts: Parts) {
        if let Parts {
            nudge: None,
            waker: None,
            stale: None,
            more: None,
            child,
        } = parts
        {
            // Nothing of the user's goes with the last reference to a child.
            drop(child);
        } else {
            self.perform_all(parts);
        }
    }

    #[cold]
    fn perform_all(self: &Arc<Self>, parts: Parts) {
        if let Some(waker) = parts.waker {
            wake_quietly(waker);
        }
        match parts.nudge {
            None => {}
            Some(Nudge::Wake(id, waker, keeps)) => self.wake_driver(id, waker, keeps),
            Some(Nudge::Launch(id)) => effect(|| self.launch(id)),
        }
        if let Some(more) = parts.more {
            self.perform_more(*more);
        }
        if let Some(waker) = parts.stale {
            drop_quietly("a waker", waker);
        }
        effect(|| drop(parts.child));
    }

    fn wake_driver(self: &Arc<Self>, id: DriverId, waker: Waker, keeps: bool) {
        let _kept = keeps.then(turn::keep);
        if !wake_quietly(waker) {
            // A waker that panics has not woken its driver: that counts as lost.
            let why = "the waker of the job that polls the children panicked";
            effect(|| self.driver_lost(id, why, OnThread::anywhere(self)));
        }
    }

    fn perform_more(self: &Arc<Self>, more: More) {
        match more.nudge {
            None => {}
            Some(Nudge::Wake(id, waker, keeps)) => self.wake_driver(id, waker, keeps),
            Some(Nudge::Launch(id)) => effect(|| self.launch(id)),
        }
        for waker in more.wakers {
            wake_quietly(waker);
        }
        for waker in more.stale {
            drop_quietly("a waker", waker);
        }
        for child in more.begins {
            effect(|| child.begins_grace());
        }
        if let Some(reason) = more.cancelled {
            effect(|| self.has_been_cancelled(&reason));
        }
        for child in more.goes {
            effect(|| child.mark_cancelled());
        }
        for child in more.enlisted {
            effect(|| child.is_in_with_grace());
        }
        if more.hardened {
            effect(|| self.tell_body_path());
        }
        for child in more.held {
            effect(|| child.tell_path());
        }
        if more.dismisses {
            effect(|| self.dismiss_background());
        }
        for failed in more.unreceived {
            drop_quietly("a failure that nobody received", failed);
        }
        let (children, completions) = (more.children, more.completions);
        effect(|| drop((children, completions)));
        if let Some(around) = more.straggled {
            effect(|| around.loses_straggler());
        }
    }
}

/// One effect, which must not keep the others from being done.
fn effect(f: impl FnOnce()) {
    if let Err(panic) = catch(f) {
        report_panic("what a group was to do", panic);
    }
}
