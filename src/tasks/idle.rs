//! Waiting until a registry has no task left.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::groups::Branch;
use super::handle::TaskRegistry;
use crate::group::Waiting;
use crate::shows::shows;
use crate::turn;

/// The future of [`TaskRegistry::wait_idle`].
#[must_use = "it waits only if it is awaited"]
pub struct WaitIdle {
    registry: TaskRegistry,
    waiting: Waiting,
}

impl WaitIdle {
    pub(super) fn new(registry: TaskRegistry) -> Self {
        Self {
            registry,
            waiting: Waiting::default(),
        }
    }

    pub(super) fn registry(&self) -> &TaskRegistry {
        &self.registry
    }
}

impl Future for WaitIdle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let busy = |branch: &Arc<Branch>| branch.group().len() > 0;
        // While one group is waited for another may get tasks.
        while let Some(branch) = this
            .registry
            .shared()
            .groups()
            .branches()
            .into_iter()
            .find(busy)
        {
            ready!(branch.group().poll_empty(&mut this.waiting, cx));
        }
        ready!(turn::take(cx)).used();
        this.waiting = Waiting::default();
        Poll::Ready(())
    }
}

shows!([] WaitIdle, this => (this.registry));
