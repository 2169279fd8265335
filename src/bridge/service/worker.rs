//! The thread of a service: takes items in batches, and survives what the handler does.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue_service::Shared;
use crate::error::unhandled::{report_callback_error, report_callback_panic};
use crate::panic::catch;
use crate::sync::GetTimeoutError;

pub(super) struct Worker<T, H> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) name: String,
    pub(super) batch: NonZeroUsize,
    pub(super) interval: Duration,
    pub(super) handler: H,
}

/// When the next batch may begin, unless the service is drained.
#[derive(Clone, Copy)]
enum Begin {
    AtOnce,
    At(Instant),
    Never,
}

impl<T, H> Worker<T, H> {
    pub(super) fn run<E: fmt::Display>(mut self)
    where
        H: FnMut(Vec<T>) -> Result<(), E>,
    {
        let mut next_begin = Begin::AtOnce;
        while let Ok(first) = self.shared.items.get_blocking() {
            let mut batch = vec![first];
            self.fill(&mut batch, next_begin);
            let after = Instant::now().checked_add(self.interval);
            next_begin = after.map_or(Begin::Never, Begin::At);
            let size = batch.len();
            let handler = &mut self.handler;
            match catch(|| handler(batch)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    report_callback_error(&self.name, &error);
                    // User code, which must not end the thread.
                    crate::error::unhandled::drop_quietly("an error of a service", error);
                }
                Err(panic) => report_callback_panic(&self.name, &panic),
            }
            self.shared.handled(size);
        }
    }

    /// Adds what is there, and what comes until the next batch may begin.
    fn fill(&self, batch: &mut Vec<T>, next: Begin) {
        let items = &self.shared.items;
        loop {
            let left = match next {
                Begin::AtOnce => Duration::ZERO,
                Begin::At(instant) => instant.saturating_duration_since(Instant::now()),
                Begin::Never => Duration::MAX,
            };
            if batch.len() >= self.batch.get() {
                // Closed: the service is drained, and nobody has time.
                self.shared.draining.wait_timeout(left);
                return;
            }
            match items.get_timeout(left) {
                Ok(item) => batch.push(item),
                Err(GetTimeoutError::TimedOut | GetTimeoutError::Closed) => return,
            }
        }
    }
}
