//! Holding off a drop for work that nothing can stop, and seeing when it is due.

use super::shielded::Hold;
use crate::group::engine::position::{Position, here};

/// Holds off the drop of the child or body that this code runs in by a cancel, as a shield does, but goes on reading the
/// cancel. The task that has it is polled when the drop is due. Its own drop ends the hold.
pub(crate) struct Holding {
    /// The nearest thing around that a cancel drops.
    position: Option<Position>,
    /// It is told when the drop is due, and also holds bodies which no cancel drops, against a panic.
    hold: Hold,
}

impl Holding {
    /// `None` outside of all groups.
    pub(crate) fn take() -> Option<Self> {
        let here = here()?;
        let position = here.dropped_by_cancel().cloned();
        let hold = Hold::take_all(&here);
        Some(Self { position, hold })
    }

    /// Is it this hold that keeps the position from being dropped?
    pub(crate) fn is_due(&self) -> bool {
        self.position.as_ref().is_some_and(Position::is_to_go)
    }

    pub(crate) fn let_go(&self) {
        self.hold.let_go();
    }
}
