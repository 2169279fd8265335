//! Children that come by shards: when these are open, and how the group takes in what is in them.

use super::Sched;
use super::effects::Effects;

impl Sched {
    /// Opens the shards, if all who may poll children do so: for a driver that has much to do.
    #[inline]
    pub(in crate::group) fn open_shards(&mut self, effects: &Effects) {
        if self.max_drivers > 1 && !self.has_shards && self.is_busy() && self.cancelled.is_none() {
            self.has_shards = true;
            effects.unlocked().wake_shards().open(self.max_drivers);
        }
    }

    /// At the end of each critical section: closes the shards if from now on somebody has to be called for what comes.
    #[inline]
    pub(in crate::group) fn keep_shards(&mut self, effects: &mut Effects) {
        if self.has_shards {
            self.keep_open_shards(effects);
        }
    }

    #[cold]
    fn keep_open_shards(&mut self, effects: &mut Effects) {
        if !self.is_staffed() {
            self.close_shards(effects);
            self.nudge(effects);
        }
    }

    /// Closes the shards: what is woken from now on comes by way of the group.
    pub(super) fn close_shards(&mut self, effects: &Effects) {
        if self.has_shards {
            self.has_shards = false;
            effects
                .unlocked()
                .wake_shards()
                .close(|child| self.ready.push_back(child));
        }
    }

    /// Takes in what is in the shards.
    #[inline]
    pub(super) fn take_in(&mut self, effects: &Effects) {
        if self.has_shards {
            self.take_in_all(effects);
        }
    }

    #[cold]
    fn take_in_all(&mut self, effects: &Effects) {
        effects
            .unlocked()
            .wake_shards()
            .empty(|child| self.ready.push_back(child));
    }
}
