//! Waiting until a pool that was closed has no thread left.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::work::JobInfo;
use crate::blocked::{park_until_ready, park_until_ready_or};
use crate::shows::shows;

/// Waits until a pool that was closed has no thread left; from [`BlockingPool::close`](super::BlockingPool::close).
///
/// The pool is closed whether or not this is awaited. Dropping it leaves the threads to themselves, which end when their work does.
///
/// # Cancel safety
///
/// It holds nothing, and can be asked for again.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use ingather::threads::BlockingPool;
///
/// let pool = BlockingPool::new(1);
/// let (end, ends) = mpsc::channel::<()>();
/// let task = pool.exec_named("forever", move || ends.recv()).unwrap();
/// let stuck = pool.close().wait_timeout(Duration::from_millis(50)).unwrap_err();
/// assert!(stuck.is_empty() || stuck[0].name() == Some("forever"));
/// drop(end);
/// pool.close().wait();
/// # drop(task);
/// ```
#[must_use = "the pool is closed, and nobody waits for its threads: await this, or call `wait`"]
pub struct Closing(Arc<Shared>);

impl Closing {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Blocks this thread until it is so.
    pub fn wait(self) {
        park_until_ready(self);
    }

    /// Blocks this thread until it is so, but no longer than so long.
    ///
    /// # Errors
    ///
    /// What the threads are at that are left. They are left behind, and go on.
    pub fn wait_timeout(self, limit: Duration) -> Result<(), Vec<JobInfo>> {
        let shared = Arc::clone(&self.0);
        let over = park_until_ready_or(self, Instant::now().checked_add(limit));
        over.ok_or_else(|| shared.running())
    }
}

impl Future for Closing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.is_over(cx.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

shows!([] Closing, ..);
