//! Children that were made of calls which had been polled before: in the middle of a poll, or when they were over.

use super::key::Key;
use crate::group::cell::{InHand, OnThread, Ran};
use crate::group::engine::position::Position;

/// A child whose poll is under way.
#[must_use = "the child can neither run nor end while it is in hand: call `goes_on`"]
pub(crate) struct PolledChild(InHand);

impl PolledChild {
    /// Where the code runs that is being polled.
    pub(crate) fn position(&self) -> Position {
        Position::Child(self.0.child().clone())
    }

    /// The poll is over.
    pub(crate) fn goes_on(self, at: OnThread<'_>) {
        settle(self.0.goes_on(at), at);
    }
}

impl<T> Key<T> {
    /// Polls the child, which is in the queue. For one that is over as soon as it is polled.
    pub(crate) fn run_now(&self, at: OnThread<'_>) {
        settle(self.cell().clone().run(at), at);
    }

    /// The future of the child, which is in the queue, is being polled.
    pub(crate) fn take_in_hand(&self) -> Option<PolledChild> {
        self.cell().take_in_hand().map(PolledChild)
    }
}

/// Tells the group how a child was left.
fn settle(ran: Ran, at: OnThread<'_>) {
    let core = at.core();
    match ran {
        Ran::Over(finished) => core.is_over(finished),
        Ran::Woken(child) => core.push(child),
        Ran::Cancel(claimed) => core.is_over(claimed.cancel(&core.reason(), at)),
        Ran::Parked => {}
    }
}
