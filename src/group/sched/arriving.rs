//! Children that come by lanes: when these are open, and how the group takes in what is in them.

use super::Sched;
use super::effects::Effects;

impl Sched {
    /// Opens the lanes, if all who may poll children do so: for a driver that has much to do.
    #[inline]
    pub(in crate::group) fn open_lanes(&mut self, effects: &Effects) {
        if self.max_drivers > 1 && !self.has_lanes && self.is_busy() && self.cancelled.is_none() {
            self.has_lanes = true;
            effects.unlocked().lanes().open(self.max_drivers);
        }
    }

    /// At the end of each critical section: closes the lanes if from now on somebody has to be called for what comes.
    #[inline]
    pub(in crate::group) fn keep_lanes(&mut self, effects: &mut Effects) {
        if self.has_lanes {
            self.keep_open_lanes(effects);
        }
    }

    #[cold]
    fn keep_open_lanes(&mut self, effects: &mut Effects) {
        if !self.is_staffed() {
            self.close_lanes(effects);
            self.nudge(effects);
        }
    }

    /// Closes the lanes: what is woken from now on comes by way of the group.
    pub(super) fn close_lanes(&mut self, effects: &Effects) {
        if self.has_lanes {
            self.has_lanes = false;
            effects
                .unlocked()
                .lanes()
                .close(|child| self.ready.push_back(child));
        }
    }

    /// Takes in what is in the lanes.
    #[inline]
    pub(super) fn take_in(&mut self, effects: &Effects) {
        if self.has_lanes {
            self.take_in_all(effects);
        }
    }

    #[cold]
    fn take_in_all(&mut self, effects: &Effects) {
        effects
            .unlocked()
            .lanes()
            .empty(|child| self.ready.push_back(child));
    }
}
