//! A worker between two tasks is known for one, and a worker that polls a task is not taken for one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::time::sleep;

use super::deferred::{defer, is_between_tasks};

/// Notes, where it is called, whether that is between two tasks, and wakes a task.
struct Notes {
    task: Waker,
    between: Arc<AtomicBool>,
}

impl Wake for Notes {
    fn wake(self: Arc<Self>) {
        self.between.fetch_or(is_between_tasks(), Relaxed);
        self.task.wake_by_ref();
    }
}

#[test]
fn a_worker_that_looks_at_its_timers_polls_no_task() {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build().unwrap();
    let task = runtime.spawn(async {
        let begin = Instant::now();
        let between = Arc::new(AtomicBool::new(false));
        while !between.load(Relaxed) {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "it is never known"
            );
            let mut waited = false;
            poll_fn(|cx| {
                assert!(!is_between_tasks(), "in a task");
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                defer(cx.waker());
                Poll::Pending
            })
            .await;
            let mut timer = pin!(sleep(Duration::from_millis(1)));
            poll_fn(|cx| {
                assert!(!is_between_tasks(), "in a task");
                let notes = Notes {
                    task: cx.waker().clone(),
                    between: Arc::clone(&between),
                };
                let waker = Waker::from(Arc::new(notes));
                timer.as_mut().poll(&mut Context::from_waker(&waker))
            })
            .await;
        }
    });
    runtime.block_on(task).unwrap();
}
