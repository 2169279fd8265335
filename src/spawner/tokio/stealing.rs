//! Jobs that other workers can steal from the worker on which they were spawned or woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Handle;

use crate::spawner::Job;
use crate::turn;

/// A job that other workers can steal from the worker on which it was woken.
pub(super) struct Stealable {
    job: Job,
    handle: Handle,
    /// Made at the first poll, since only then is there a waker. The same twice.
    waking: Option<(Arc<Waking>, Waker)>,
}

impl Stealable {
    pub(super) fn new(job: Job, handle: Handle) -> Self {
        Self {
            job,
            handle,
            waking: None,
        }
    }
}

impl Future for Stealable {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        turn::comes();
        if !turn::begins(Some(cx.waker())) {
            return Poll::Pending;
        }
        // tokio gives a task the same waker each time, so that the job's may be kept, and cloned for an increment.
        let kept = this.waking.take();
        let kept = kept.filter(|(waking, _)| waking.task.will_wake(cx.waker()));
        let (waking, waker) = this.waking.insert(kept.unwrap_or_else(|| {
            let waking = Arc::new(Waking {
                task: cx.waker().clone(),
                handle: this.handle.clone(),
                is_polled: AtomicBool::new(false),
            });
            let waker = Waker::from(Arc::clone(&waking));
            (waking, waker)
        }));
        waking.is_polled.store(true, Ordering::Relaxed);
        let job = this.job.as_mut();
        let poll = turn::poll_within(cx.waker(), waker, |cx| job.poll(cx));
        // Not after a panic: the job is over then, and whether it is offered is all the same.
        waking.is_polled.store(false, Ordering::Relaxed);
        poll
    }
}

/// Wakes the task of a job, and offers it to other workers.
struct Waking {
    task: Waker,
    /// It keeps the runtime's scheduler, but not the runtime: whose shutdown drops the job. `task` keeps it as well.
    handle: Handle,
    /// The job is being polled.
    is_polled: AtomicBool,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.task.wake_by_ref();
        // A task that is woken while it is polled, by itself as when it yields or by others, goes into the queue when
        // that poll is over, and not into the slot. Asked after the wake, so that the answer is right where it matters:
        // a thread that wakes a suspended task sees in the task's state all that its last poll has done, hence the relaxed
        // order; and from this worker's slot it is not polled before this returns.
        if !self.is_polled.load(Ordering::Relaxed) {
            turn::offer(&self.handle);
        }
    }
}
