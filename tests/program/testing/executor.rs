//! `TestExecutor`: what runs, where, and in which order.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::{Future, pending, poll_fn};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use ingather::spawner::{SpawnError, SpawnerHandle, current_spawner};
use ingather::testing::{TestExecutor, Trace, yield_now, yields};
use ingather::{GatherGroup, LocalSpawner, Spawner, gather, inline, local, scope};

use super::{assert_has, panic_text};
use crate::support::{Gate, watched};

pub(super) fn job(future: impl Future<Output = ()> + Send + 'static) -> ingather::Job {
    Box::pin(future)
}

/// Suspends once, and gives its waker to others.
fn park_in(slot: &Arc<Mutex<Option<Waker>>>) -> impl Future<Output = ()> + Send + use<> {
    let slot = Arc::clone(slot);
    let mut polled = false;
    poll_fn(move |cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        *slot.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    })
}

/// Three jobs and the main future, each of two polls, on an executor.
pub(super) fn order_on(executor: &TestExecutor) -> String {
    let trace = Trace::new();
    for name in ["a", "b", "c"] {
        let trace = trace.clone();
        let two = async move {
            trace.log(name);
            yield_now().await;
            trace.log(name);
        };
        executor.spawn(job(two)).unwrap();
    }
    executor.block_on(async {
        trace.log("m");
        yield_now().await;
        trace.log("m");
    });
    trace.take().concat()
}

/// The order of five children of one group.
fn children_on(executor: &TestExecutor, inline: bool) -> String {
    let trace = Trace::new();
    let child = |n: usize| {
        let trace = trace.clone();
        async move {
            trace.log(n);
            yield_now().await;
            trace.log(n);
        }
    };
    if inline {
        executor.block_on(inline::scope(|tg| async move {
            (0..5).for_each(|n| drop(tg.spawn(child(n))));
        }));
    } else {
        let children: Vec<_> = (0..5).map(child).collect();
        executor.block_on(scope(|tg| async move {
            for child in children {
                drop(tg.spawn(child));
            }
        }));
    }
    trace.take().concat()
}

// Testing-1
#[test]
fn jobs_run_only_inside_the_loop_on_its_thread() {
    let executor = TestExecutor::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let (seen, executor_inside) = (Arc::clone(&seen), executor.clone());
        let look = async move {
            assert!(executor_inside.is_current() && !executor_inside.may_block());
            seen.lock().unwrap().push(thread::current().id());
        };
        executor.spawn(job(look)).unwrap();
    }
    assert_eq!(seen.lock().unwrap().len(), 0);
    assert!(!executor.is_current() && executor.may_block());
    assert_eq!((executor.jobs(), executor.spawned()), (2, 2));
    assert!(executor.step());
    assert_eq!(executor.jobs(), 1);
    let moved = executor.clone();
    let other = thread::spawn(move || {
        assert_eq!(moved.run_until_idle(), 1);
        thread::current().id()
    });
    let other = other.join().unwrap();
    assert_eq!(*seen.lock().unwrap(), [thread::current().id(), other]);
    assert!(!executor.step());
    assert_eq!((executor.jobs(), executor.spawned()), (0, 2));
}

// Testing-1
#[test]
fn inside_it_is_the_current_spawner() {
    let executor = TestExecutor::new().with_parallelism(NonZeroUsize::new(3).unwrap());
    executor.block_on(async {
        let current: SpawnerHandle = current_spawner();
        assert!(current.is_current());
        assert_eq!(current.parallelism().get(), 3);
        let outer = &executor;
        let here = scope(|tg| {
            let executor = outer.clone();
            async move { tg.spawn(async move { executor.is_current() }).await }
        });
        assert_eq!(here.await, Ok(true));
        let group = GatherGroup::new();
        group.spawn(yields(3));
        assert_eq!(group.join().await.ok, 1);
        assert_eq!(gather((|| async { 1 }, || async { 2 })).await, (1, 2));
    });
    let here = executor.clone();
    let key = ingather::on(&executor)
        .scope(|tg| async move { tg.spawn(async move { here.is_current() }).await });
    assert_eq!(executor.block_on(key), Ok(true));
}

// Testing-2
#[test]
fn nothing_is_polled_that_was_not_woken() {
    let executor = TestExecutor::new();
    let polls = Arc::new(AtomicUsize::new(0));
    let slot = Arc::new(Mutex::new(None::<Waker>));
    let (count, keep) = (Arc::clone(&polls), Arc::clone(&slot));
    let waits = poll_fn(move |cx| {
        count.fetch_add(1, Ordering::Relaxed);
        *keep.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    });
    executor.spawn(job(waits)).unwrap();
    assert_eq!(executor.run_until_idle(), 1);
    assert_eq!(executor.run_until_idle(), 0);
    executor.clone().allow_leaks().block_on(yields(10));
    assert_eq!(polls.load(Ordering::Relaxed), 1);

    let waker = slot.lock().unwrap().take().unwrap();
    (0..3).for_each(|_| waker.wake_by_ref());
    assert_eq!(executor.run_until_idle(), 1, "three wakes are one poll");

    executor.shut_down();
    waker.wake();
    assert_eq!(executor.run_until_idle(), 0);
    assert_eq!(polls.load(Ordering::Relaxed), 2);
}

// Testing-2
#[test]
fn the_waker_of_an_earlier_future_wakes_no_later_one() {
    let executor = TestExecutor::new();
    let earlier = executor.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    let mut polls = 0;
    executor.block_on(poll_fn(|cx| {
        polls += 1;
        earlier.wake_by_ref();
        if polls == 1 {
            let waker = cx.waker().clone();
            executor.spawn(job(yields(9))).unwrap();
            executor
                .spawn(job(async move {
                    yields(5).await;
                    waker.wake()
                }))
                .unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    assert_eq!(polls, 2);
    assert_eq!(executor.polls(), 1 + 2 + 10 + 6);
}

// Testing-3
#[test]
fn first_and_last_come_first_served() {
    assert_eq!(order_on(&TestExecutor::new()), "abcmabcm");
    assert_eq!(order_on(&TestExecutor::lifo()), "mmccbbaa");
    for inline in [false, true] {
        assert_eq!(children_on(&TestExecutor::new(), inline), "0123401234");
        assert_eq!(children_on(&TestExecutor::lifo(), inline), "4433221100");
    }
}

// Testing-3
#[test]
fn a_seed_decides_the_order_of_jobs_and_of_children() {
    let tests: [&dyn Fn(&TestExecutor) -> String; 3] = [
        &order_on,
        &|executor| children_on(executor, false),
        &|executor| children_on(executor, true),
    ];
    for test in tests {
        let runs = |seeds: std::ops::Range<u64>| -> Vec<String> {
            seeds
                .map(|seed| test(&TestExecutor::seeded(seed)))
                .collect()
        };
        let all = runs(0..200);
        assert_eq!(all, runs(0..200));
        let different: BTreeSet<_> = all.iter().collect();
        assert!(different.len() > 50, "{different:?}");
        let first: BTreeSet<_> = all.iter().map(|order| &order[..1]).collect();
        assert!(first.len() >= 4, "each may be the first: {first:?}");
    }
}

// Testing-3
#[test]
fn an_executor_goes_on_in_its_order_where_it_was() {
    let twice = |executor: TestExecutor| (order_on(&executor), order_on(&executor));
    let differ = |seed: &u64| {
        let (first, second) = twice(TestExecutor::seeded(*seed));
        first != second
    };
    assert!((0..20).filter(differ).count() > 10);
    assert_eq!(
        twice(TestExecutor::seeded(3)),
        twice(TestExecutor::seeded(3))
    );
}

// Testing-4
#[test]
fn local_jobs_run_on_their_thread() {
    let executor = TestExecutor::new();
    let seen = Rc::new(Cell::new(0));
    let in_job = Rc::clone(&seen);
    let local = async move {
        yield_now().await;
        in_job.set(in_job.get() + 1);
    };
    executor.spawn_local(Box::pin(local)).unwrap();
    let sum = Rc::clone(&seen);
    executor.block_on(local::on(&executor).scope(|tg| async move {
        for n in 1..=4 {
            let sum = Rc::clone(&sum);
            tg.spawn(async move {
                yield_now().await;
                sum.set(sum.get() + n);
            });
        }
    }));
    assert_eq!(seen.get(), 11);
    assert_eq!(Rc::strong_count(&seen), 1);
}

// Testing-4
#[test]
fn a_local_job_is_refused_on_another_thread() {
    let executor = TestExecutor::new();
    let moved = executor.clone();
    let refused = thread::spawn(move || moved.spawn_local(Box::pin(async {})));
    let refused: SpawnError = refused.join().unwrap().unwrap_err();
    assert_has(refused.message(), &["on the thread that made or runs"]);
    assert_eq!(executor.jobs(), 0);

    executor.spawn_local(Box::pin(pending())).unwrap();
    let moved = executor.clone();
    let text = thread::spawn(move || panic_text(|| moved.step()));
    assert_has(&text.join().unwrap(), &["local jobs on another thread"]);
    executor.shut_down();

    // Without local jobs it is at home wherever it runs.
    let moved = executor.clone();
    thread::spawn(move || moved.step()).join().unwrap();
    let moved = TestExecutor::new();
    let local = thread::spawn(move || {
        moved.step();
        moved.spawn_local(Box::pin(async {})).unwrap();
        moved.run_until_idle()
    });
    assert_eq!(local.join().unwrap(), 1);
}

// Testing-7
#[test]
fn wakes_come_from_any_thread() {
    watched(module_path!(), || {
        let executor = TestExecutor::new();
        let slot = Arc::new(Mutex::new(None));
        let parked = Gate::new();
        let hold = executor.hold_clock();
        let (in_thread, told) = (Arc::clone(&slot), parked.clone());
        let other = thread::spawn(move || {
            told.block();
            let waker: Waker = in_thread.lock().unwrap().take().unwrap();
            waker.wake();
            drop(hold);
        });
        executor.block_on(async {
            let waits = park_in(&slot);
            futures::join!(waits, async { parked.open() });
        });
        other.join().unwrap();
    });
}

// Testing-7
#[test]
fn many_threads_wake_and_spawn_at_once() {
    watched(module_path!(), || {
        let executor = TestExecutor::new().with_step_limit(u64::MAX);
        let count = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (executor, hold) = (executor.clone(), executor.hold_clock());
                let count = Arc::clone(&count);
                thread::spawn(move || {
                    for _ in 0..200 {
                        let count = Arc::clone(&count);
                        let counts = async move {
                            yield_now().await;
                            count.fetch_add(1, Ordering::Relaxed);
                        };
                        executor.spawn(job(counts)).unwrap();
                    }
                    drop((executor, hold));
                })
            })
            .collect();
        executor.block_on(async {
            while count.load(Ordering::Relaxed) < 800 {
                yield_now().await;
            }
        });
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}
