//! What tokio's handle and local set do as spawners.

use std::future::{pending, poll_fn};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::executor;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{LocalSet, coop};

use crate::spawner::{Job, LocalSpawner, SpawnError, Spawner};
use crate::turn;

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn multi_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).build().unwrap()
}

/// The output of a future that runs as a task.
fn in_task<F>(runtime: &Handle, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    executor::block_on(runtime.spawn(future)).unwrap()
}

#[test]
fn a_handle_is_as_wide_as_its_runtime() {
    assert_eq!(multi_thread().handle().parallelism().get(), 2);
    assert_eq!(current_thread().handle().parallelism(), NonZeroUsize::MIN);
}

#[test]
fn a_runtime_that_is_shut_down_refuses() {
    let current_thread = current_thread();
    let multi_thread = multi_thread();
    let handles = [
        current_thread.handle().clone(),
        multi_thread.handle().clone(),
    ];
    drop((current_thread, multi_thread));
    for handle in handles {
        let alive = Arc::new(());
        let in_job = Arc::clone(&alive);
        let job = async move { drop(in_job) };
        let refused = Spawner::spawn(&handle, Box::pin(job));
        assert_eq!(refused, Err(SpawnError::shut_down()));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn it_is_current_where_tasks_run() {
    let (runtime, other) = (multi_thread(), multi_thread());
    let (handle, other) = (runtime.handle().clone(), other.handle().clone());
    assert!(!handle.is_current());

    let (inside, not_inside) = (handle.clone(), other.clone());
    assert!(in_task(&handle, async move {
        inside.is_current() && !not_inside.is_current()
    }));
    // All its tasks run elsewhere.
    assert!(!runtime.block_on(async { handle.is_current() }));

    let runtime = current_thread();
    let handle = runtime.handle();
    assert!(runtime.block_on(async { handle.is_current() && !other.is_current() }));
    let inside = handle.clone();
    let task = handle.spawn(async move { inside.is_current() });
    assert!(runtime.block_on(task).unwrap());
    let set = LocalSet::new();
    assert!(set.block_on(&runtime, async { handle.is_current() }));
    // This one only waits for others to run the tasks.
    assert!(!handle.block_on(async { handle.is_current() }));
}

#[test]
fn it_is_not_current_where_its_handle_was_only_entered() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    {
        let _guard = handle.enter();
        assert!(!handle.is_current());
    }
    let inside = handle.clone();
    let blocking = handle.spawn_blocking(move || {
        assert!(
            tokio::task::try_id().is_some(),
            "the reason to ask for more than that"
        );
        inside.is_current()
    });
    assert!(!executor::block_on(blocking).unwrap());
    let inside = handle.clone();
    let in_place = async move { tokio::task::block_in_place(|| inside.is_current()) };
    assert!(!in_task(&handle, in_place));
}

/// Spends what is left of the budget, and counts it.
async fn spend() -> usize {
    let mut spent = 0;
    poll_fn(|cx| {
        // More than tokio ever gives: where there is no limit, this is the end.
        while spent < 100_000 {
            match coop::poll_proceed(cx) {
                Poll::Ready(proceed) => proceed.made_progress(),
                Poll::Pending => break,
            }
            spent += 1;
        }
        Poll::Ready(spent)
    })
    .await
}

#[test]
fn a_task_should_yield_once_its_budget_is_spent() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let inside = handle.clone();
    in_task(&handle, async move {
        assert!(!inside.should_yield());
        assert!(spend().await < 100_000);
        assert!(inside.should_yield());
        // A spawn must still tell the truth.
        assert_eq!(Spawner::spawn(&inside, Box::pin(async {})), Ok(()));
        tokio::task::yield_now().await;
        assert!(!inside.should_yield());
    });
    let set = LocalSet::new();
    set.block_on(&current_thread(), async {
        spend().await;
        assert!(LocalSpawner::should_yield(&set));
    });
}

#[test]
fn no_one_else_should_yield() {
    let runtime = multi_thread();
    let handle = runtime.handle();
    let _guard = handle.enter();
    assert_eq!(executor::block_on(spend()), 100_000);
    assert!(!handle.should_yield());
}

#[test]
fn a_refusal_is_told_with_a_spent_budget_too() {
    let gone = multi_thread();
    let handle = gone.handle().clone();
    drop(gone);
    let runtime = multi_thread();
    let refused = in_task(runtime.handle(), async move {
        spend().await;
        Spawner::spawn(&handle, Box::pin(async {}))
    });
    assert_eq!(refused, Err(SpawnError::shut_down()));
}

/// Long enough for an idle worker to come.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_worker_that_goes_on_leaves_to_others_what_it_spawned_or_woke() {
    let runtime = multi_thread();
    let inside = runtime.handle().clone();
    in_task(runtime.handle(), async move {
        let (tell, told) = channel();
        let job = poll_fn(move |cx| {
            tell.send(cx.waker().clone()).unwrap();
            Poll::Pending
        });
        Spawner::spawn(&inside, Box::pin(job)).unwrap();
        // All in one poll of the task. Some of the wakes come while the job is still being polled.
        for _ in 0..1000 {
            told.recv_timeout(PATIENCE).unwrap().wake();
        }
    });
}

/// Wakes, when it is dropped, the waker that is in there.
struct WakesAtDrop(Arc<Mutex<Option<Waker>>>);

impl Drop for WakesAtDrop {
    fn drop(&mut self) {
        let waker = self.0.lock().unwrap().clone();
        waker.inspect(Waker::wake_by_ref);
    }
}

#[test]
fn a_shutdown_drops_jobs_that_hold_wakers_of_each_other() {
    let scheduler = Arc::new(());
    let in_scheduler = Arc::clone(&scheduler);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        // Kept as long as there is a handle.
        .on_thread_start(move || drop(Arc::clone(&in_scheduler)))
        .build()
        .unwrap();
    let (first, second) = (Arc::default(), Arc::default());
    let alive = Arc::new(());
    let (tell, told) = channel();
    let job = |own: &Arc<Mutex<Option<Waker>>>, other: &Arc<Mutex<Option<Waker>>>| {
        let (own, other) = (WakesAtDrop(Arc::clone(own)), WakesAtDrop(Arc::clone(other)));
        let (held, tell) = (Arc::clone(&alive), tell.clone());
        async move {
            let _held = (held, other);
            poll_fn(|cx| {
                own.0.lock().unwrap().replace(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            tell.send(()).unwrap();
            pending::<()>().await;
            drop(own);
        }
    };
    Spawner::spawn(runtime.handle(), Box::pin(job(&first, &second))).unwrap();
    Spawner::spawn(runtime.handle(), Box::pin(job(&second, &first))).unwrap();
    let both = [told.recv_timeout(PATIENCE), told.recv_timeout(PATIENCE)];
    assert_eq!(both, [Ok(()), Ok(())]);
    drop(runtime);
    assert_eq!(Arc::strong_count(&alive), 1);

    // Late wakes come to nothing, on a worker of another runtime too.
    let late = first.lock().unwrap().take().unwrap();
    late.wake_by_ref();
    let other = multi_thread();
    in_task(other.handle(), async move { late.wake() });
    drop((other, second.lock().unwrap().take()));
    assert_eq!(Arc::strong_count(&scheduler), 1, "the scheduler is kept");
}

/// Keeps one of two workers busy until the sender is used or dropped.
fn with_one_worker(runtime: &Handle) -> std::sync::mpsc::Sender<()> {
    let (is_busy, busy) = channel();
    let (free, freed) = channel();
    runtime.spawn(async move {
        is_busy.send(()).unwrap();
        let _ = freed.recv();
    });
    busy.recv().unwrap();
    free
}

/// A job that gives way so often, and calls `polled` in each poll.
fn gives_way(times: usize, mut polled: impl FnMut(usize) + Send + 'static) -> Job {
    let mut count = 0;
    Box::pin(poll_fn(move |cx| {
        polled(count);
        count += 1;
        if count > times {
            return Poll::Ready(());
        }
        turn::yields(cx.waker());
        Poll::Pending
    }))
}

#[test]
fn a_job_that_gives_way_is_stolen_from_behind_the_long_poll_of_another() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let free = with_one_worker(&handle);
    let (goes_on, gone_on) = channel();
    let (tell, told) = channel();
    // Both on the worker that is left, in this order.
    runtime.spawn(async move {
        let first = gives_way(1, move |count| {
            if count == 1 {
                goes_on.send(()).unwrap();
            }
        });
        let second = async move {
            free.send(()).unwrap();
            let waited = gone_on.recv_timeout(Duration::from_secs(60));
            tell.send(waited.is_ok()).unwrap();
        };
        Spawner::spawn(&handle, first).unwrap();
        Spawner::spawn(&handle, Box::pin(second)).unwrap();
    });
    assert!(told.recv().unwrap());
}

#[test]
fn jobs_that_give_way_in_turn_let_the_runtime_look_at_its_timers() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let _busy = with_one_worker(&handle);
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let looked = in_task(runtime.handle(), async move {
        for _ in 0..2 {
            let polls = Arc::clone(&counted);
            let job = gives_way(1_000, move |_| {
                polls.fetch_add(1, Ordering::Relaxed);
            });
            Spawner::spawn(&handle, job).unwrap();
        }
        // Each goes on when the runtime has looked.
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        counted.load(Ordering::Relaxed)
    });
    assert!(
        looked <= 5 * 20,
        "{looked} polls while it looked five times"
    );
}

#[test]
fn a_worker_that_is_blocked_leaves_to_others_what_has_yielded() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let _busy = with_one_worker(&handle);
    let (tell, told) = channel();
    let (over, is_over) = channel();
    // On the worker that is left, in this order.
    runtime.spawn(async move {
        let ours = tell.clone();
        let yields_to_us = gives_way(1, move |count| ours.send(count).unwrap());
        let yields_to_tokio = async move {
            tokio::task::yield_now().await;
            tell.send(1).unwrap();
        };
        let inside = handle.clone();
        let blocks = async move {
            let mut counts = [None; 3];
            inside.while_blocked(&mut || {
                counts = [(); 3].map(|()| told.recv_timeout(PATIENCE).ok());
            });
            over.send(counts).unwrap();
        };
        Spawner::spawn(&handle, yields_to_us).unwrap();
        Spawner::spawn(&handle, Box::pin(yields_to_tokio)).unwrap();
        Spawner::spawn(&handle, Box::pin(blocks)).unwrap();
    });
    let mut counts = is_over.recv().unwrap();
    counts.sort_unstable();
    assert_eq!(counts, [Some(0), Some(1), Some(1)]);
}
