//! A worker between two tasks is known for one, and a worker that polls a task is not taken for one. Threads that are no workers are
//! not taken for some.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::executor;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{LocalSet, block_in_place, spawn_blocking, yield_now};
use tokio::time::sleep;

use super::deferred::{defer, is_between_tasks};
use super::probe::keeps_wakers;
use super::worker_index::{index_of_worker, may_be_worker};
use super::{unconstrained, wake_after_look};

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

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn multi_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).build().unwrap()
}

/// Is this thread a worker? It is asked twice, since the second answer may be what is known from the first, and of what is found out also
/// where tokio says it itself.
fn is_worker() -> bool {
    let answers = [index_of_worker().is_some(), keeps_wakers(), keeps_wakers()];
    assert!(answers == [true; 3] || answers == [false; 3], "{answers:?}");
    answers[0]
}

#[test]
fn whoever_polls_tasks_is_a_worker() {
    let runtime = multi_thread();
    let task = runtime.spawn(async {
        assert!(is_worker());
        yield_now().await;
        assert!(is_worker());
        assert!(unconstrained(async { is_worker() }).await);
        assert!(executor::block_on(async { is_worker() }), "in its midst");
    });
    executor::block_on(task).unwrap();

    let runtime = current_thread();
    runtime.block_on(async {
        assert!(is_worker());
        assert!(runtime.spawn(async { is_worker() }).await.unwrap());
    });
    assert!(!is_worker(), "it was");
    assert!(LocalSet::new().block_on(&runtime, async { is_worker() }));
    assert!(!is_worker());
}

#[test]
fn whoever_polls_no_tasks_is_no_worker() {
    assert!(!is_worker() && !may_be_worker());
    let (runtime, other) = (multi_thread(), current_thread());
    {
        let _inside = runtime.enter();
        assert!(!is_worker() && !may_be_worker());
    }
    assert!(!runtime.block_on(async { is_worker() }));
    let (run, runs) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            other.block_on(async {
                run.send(()).unwrap();
                stopped.await.unwrap_err()
            })
        });
        runs.recv().unwrap();
        // The tasks run on that thread.
        assert!(!other.block_on(async { is_worker() }));
        assert!(!other.handle().block_on(async { is_worker() }));
        drop(stop);
    });
    assert!(!runtime.block_on(async { spawn_blocking(is_worker).await.unwrap() }));
}

#[test]
fn a_worker_that_is_blocked_in_place_is_none_meanwhile() {
    let runtime = multi_thread();
    let task = runtime.spawn(async {
        assert!(is_worker());
        block_in_place(|| {
            assert!(!is_worker());
            block_in_place(|| assert!(!is_worker()));
            // tokio has a number for it there, though it keeps nothing.
            assert!(!Handle::current().block_on(async { keeps_wakers() }));
            assert!(current_thread().block_on(async { is_worker() }));
            assert!(!is_worker(), "not of this runtime");
        });
        yield_now().await;
        assert!(is_worker());
    });
    executor::block_on(task).unwrap();
}

/// Asks when it is called, and wakes a task.
struct Asks {
    task: Waker,
    may_be: AtomicBool,
}

impl Wake for Asks {
    fn wake(self: Arc<Self>) {
        self.may_be.store(may_be_worker(), Relaxed);
        self.task.wake_by_ref();
    }
}

#[test]
fn it_may_be_one_while_wakers_are_called_that_were_kept() {
    let runtime = multi_thread();
    let task = runtime.spawn(async {
        let mut asks = None;
        poll_fn(|cx| {
            let asks = asks.get_or_insert_with(|| {
                let asks = Arc::new(Asks {
                    task: cx.waker().clone(),
                    may_be: AtomicBool::new(false),
                });
                wake_after_look(&Waker::from(Arc::clone(&asks)));
                asks
            });
            let may_be = asks.may_be.load(Relaxed);
            if may_be {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    });
    executor::block_on(task).unwrap();
}
