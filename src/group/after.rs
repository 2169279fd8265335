//! What a critical section leaves to be done once the lock is released.

use std::sync::Arc;
use std::task::Waker;

use super::cell::{CellRef, Failed};
use super::completions::Completions;
use super::core::Core;
use super::drivers::DriverId;
use crate::error::unhandled::{drop_quietly, wake_quietly};

/// Everything that runs or drops something of the user's.
#[derive(Default)]
#[must_use = "what is put off until the lock is released has to be done then: call `run`"]
pub(super) struct After {
    /// Who awaits the key of the child that ended.
    pub(super) waiter: Option<Waker>,
    pub(super) wakers: Vec<Waker>,
    pub(super) nudge: Option<Nudge>,
    /// Wakers to drop.
    pub(super) stale: Vec<Waker>,
    /// References to children, any of which may be the last.
    pub(super) released: Vec<CellRef>,
    /// Failures that nobody can take any more.
    pub(super) unreceived: Vec<Failed>,
    pub(super) completions: Option<Completions>,
}

/// Somebody is to come for the work.
pub(super) enum Nudge {
    Wake(Waker),
    Launch(DriverId),
}

impl After {
    /// Does what was put off. With the lock released.
    pub(super) fn run(self, core: &Arc<Core>) {
        if let Some(waker) = self.waiter {
            wake_quietly(waker);
        }
        self.wakers.into_iter().for_each(wake_quietly);
        match self.nudge {
            None => {}
            Some(Nudge::Wake(waker)) => wake_quietly(waker),
            Some(Nudge::Launch(id)) => core.launch(id),
        }
        for waker in self.stale {
            drop_quietly("a waker", waker);
        }
    }
}
