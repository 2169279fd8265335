//! Children that are there for the sake of the others, since they await optional calls: they are cut short when only their like are
//! left, and meanwhile hold up nobody.
//!
//! 1. A child is one as long as it awaits such a call, and is one of them, however many it awaits.
//! 2. They are not there for background children, which go when all others are over, and so after them.
//! 3. Where all others that are under way are background children, the first in line starts in the slot of one: they wait for it,
//!    whoever it is.

use crate::group::queues::watchers::Events;
use crate::group::sched::Sched;
use crate::group::sched::effects::Effects;

/// A child that awaits optional calls.
pub(in crate::group::sched) struct Companion {
    child: u64,
    is_background: bool,
    /// How many calls it awaits.
    calls: usize,
}

impl Sched {
    /// This child awaits one more.
    pub(in crate::group) fn accompanies(&mut self, child: u64, is_background: bool) {
        let all = &mut self.companions;
        match all.iter_mut().find(|one| one.child == child) {
            Some(one) => one.calls += 1,
            None => all.push(Companion {
                child,
                is_background,
                calls: 1,
            }),
        }
    }

    /// It awaits one less.
    pub(in crate::group) fn accompanies_less(&mut self, child: u64) {
        let all = &mut self.companions;
        if let Some(at) = all.iter().position(|one| one.child == child) {
            all[at].calls -= 1;
            if all[at].calls == 0 {
                all.swap_remove(at);
            }
        }
    }

    /// Is nobody left whom they are there for (2)?
    pub(in crate::group) fn has_only_companions(&self) -> bool {
        self.main_companions() == self.live - self.background
    }

    fn main_companions(&self) -> usize {
        let main = self.companions.iter().filter(|one| !one.is_background);
        main.count()
    }

    /// Tells them that this may be so, or that there is somebody in line for them.
    pub(in crate::group) fn tell_companions(&mut self, effects: &mut Effects) {
        self.watchers
            .notify(Events::ALONE, |waker| effects.wake(waker));
    }

    /// One of them looks: is it to be cut short?
    pub(in crate::group) fn is_companion_alone(
        &mut self,
        child: u64,
        may_be: bool,
        effects: &mut Effects,
    ) -> bool {
        if may_be && self.has_only_companions() {
            // Whoever looked before this one came did not know.
            self.tell_companions(effects);
            return true;
        }
        self.companion_lends(child, effects);
        false
    }

    /// Lends its slot to the first in line, if that waits for slots of its like alone (3).
    fn companion_lends(&mut self, child: u64, effects: &mut Effects) {
        if self.limit.waiting() == 0 || self.cancelled.is_some() {
            return;
        }
        let waiting = self.limit.waiting_that(|child| !child.is_background());
        if self.main_companions() == self.live - self.background - waiting {
            let guest = self.limit.lend_to_first(child, |child| child.id().child);
            self.start(guest, effects);
        }
    }
}
