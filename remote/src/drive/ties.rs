//! What a call, its course and the reaper share: one piece of memory, since each call has one.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use super::wish::Wish;
use crate::engine::Submission;
use crate::ticket::Ticket;

pub(crate) struct Ties {
    pub(crate) submission: Arc<Submission>,
    pub(crate) wish: Wish,
    /// Set once the engine has given the work a name.
    pub(super) given: OnceLock<Ticket>,
    pub(crate) told: Told,
}

/// What the child knows of its cancel.
#[derive(Default)]
pub(crate) struct Told {
    /// The token has turned.
    pub(crate) has_begun: AtomicBool,
    /// The clean-up was polled in this poll; once it has begun and is polled no more, the grace is over.
    pub(crate) was_polled: AtomicBool,
    /// There is nothing more to be told.
    pub(crate) is_over: AtomicBool,
}

impl Ties {
    pub(crate) fn new(submission: Submission) -> Arc<Self> {
        Arc::new(Self {
            submission: Arc::new(submission),
            wish: Wish::new(),
            given: OnceLock::new(),
            told: Told::default(),
        })
    }

    /// With the engine's name for the work, if there is one by now.
    pub(crate) fn ticket(&self) -> &Ticket {
        self.given.get().unwrap_or(&self.submission.ticket)
    }
}
