//! Pools: how many threads, when they end, what closing does, and what a system that starts no thread does.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::tasks::TaskError;
use ingather::threads::{BlockingPool, CapacityLimiter, Refused, from_thread};
use ingather::{Task, to_thread};

use crate::support::{ByHand, Gate, Site, behaviour, boom, yield_now};

behaviour!(
    a_job_has_a_handle_with_two_faces,
    a_task_is_cancelled_in_the_queue,
    a_future_stays_on_its_thread,
    closing_does_what_is_queued,
    closing_can_give_back_what_is_queued,
    items_come_back_in_their_order,
    a_job_that_waits_for_its_own_pool_is_replaced,
    a_future_that_waits_for_its_own_pool_is_replaced,
    destructors_that_panic_cost_no_thread,
    a_thread_that_is_not_started_loses_nothing,
);

pub(crate) fn task<T, F>(begun: Result<Task<T>, Refused<F>>) -> Task<T> {
    begun.expect("the pool is open and has threads")
}

// Threads-7
async fn a_job_has_a_handle_with_two_faces(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::new(2);
    let gate = Gate::new();
    let block = gate.clone();
    let one = on_the_spawner(&on, {
        let pool = pool.clone();
        move || task(pool.exec(move || block.block()))
    })
    .await;
    let waits = thread::spawn(move || {
        let mut one = one;
        assert!(one.wait_timeout(Duration::ZERO).is_none());
        gate.open();
        one.wait().is_ok()
    });
    let two = on_the_spawner(&on, {
        let pool = pool.clone();
        move || task(pool.exec_named("two", || 2))
    });
    let two = two.await;
    assert_eq!(two.name().as_deref(), Some("two"));
    assert_eq!(two.await.unwrap(), 2);
    let fails = on_the_spawner(&on, move || task(pool.exec(|| boom("in a job"))));
    let Err(TaskError::Panicked(panic)) = fails.await.await else {
        panic!("it panicked")
    };
    assert_eq!(panic.message(), "in a job");
    // While nobody needs the spawner any more.
    let joined = to_thread(move || waits.join().unwrap()).await;
    assert!(joined);
}

/// Calls something where the test's spawner is current.
pub(crate) async fn on_the_spawner<R: Send + 'static>(
    on: &Site,
    call: impl FnOnce() -> R + Send + 'static,
) -> R {
    ingather::on(&on.spawner)
        .scope(|_| async move { call() })
        .await
}

// Threads-8
async fn a_task_is_cancelled_in_the_queue(on: Site) {
    let _hold = on.hold();
    let (pool, gate) = (BlockingPool::new(1), Gate::new());
    let block = gate.clone();
    let tasks = on_the_spawner(&on, {
        let pool = pool.clone();
        move || {
            let first = task(pool.exec(move || block.block()));
            (first, task(pool.exec(|| boom("called"))))
        }
    });
    let (first, second) = tasks.await;
    second.cancel();
    assert!(second.await.unwrap_err().is_cancelled());
    gate.open();
    assert!(first.await.is_ok());
    pool.close().await;
}

// Threads-6
async fn a_future_stays_on_its_thread(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::new(1);
    let begun = on_the_spawner(&on, move || {
        pool.exec_async(|| async {
            let here = (Rc::new(thread::current().id()), thread::current().id());
            for _ in 0..3 {
                yield_now().await;
                assert_eq!(*here.0, thread::current().id());
            }
            ingather::inline::local::scope(|tg| async move {
                let rc = Rc::clone(&here.0);
                tg.spawn(async move { *rc == here.1 }).await
            })
            .await
        })
    });
    assert_eq!(begun.await.unwrap().await.unwrap(), Ok(true));
}

// Threads-14
async fn closing_does_what_is_queued(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::new(1);
    let done = Arc::new(AtomicUsize::new(0));
    let gate = Gate::new();
    let mut jobs: Vec<_> = (0..10)
        .map(|_| {
            let (done, gate) = (Arc::clone(&done), gate.clone());
            let call = move || {
                gate.block();
                done.fetch_add(1, Ordering::SeqCst)
            };
            ByHand::new(to_thread(call).on(&pool))
        })
        .collect();
    assert!(jobs.iter_mut().all(|job| job.poll().is_pending()));
    let mut closing = ByHand::new(pool.close());
    assert!(closing.poll().is_pending());
    let late = to_thread(|| 7).on(&pool).or_refused().await.unwrap_err();
    assert!(late.is_closed() && late.thread_error().is_none());
    assert_eq!(late.into_call()(), 7);
    assert!(pool.exec(|| 7).unwrap_err().is_closed());
    assert!(pool.exec_async(|| async { 7 }).unwrap_err().is_closed());
    gate.open();
    closing.into_inner().await;
    assert_eq!(done.load(Ordering::SeqCst), 10);
    assert_eq!(pool.statistics().threads(), 0);
}

// Threads-14
async fn closing_can_give_back_what_is_queued(on: Site) {
    let _hold = on.hold();
    let (pool, gate, begun) = (BlockingPool::new(1), Gate::new(), Gate::new());
    let (block, begins) = (gate.clone(), begun.clone());
    let first = on_the_spawner(&on, {
        let pool = pool.clone();
        move || {
            let first = task(pool.exec(move || {
                begins.open();
                block.block();
            }));
            (first, task(pool.exec(|| boom("called"))))
        }
    });
    let (first, second) = first.await;
    begun.wait().await;
    let mut third = ByHand::new(to_thread(|| 3).on(&pool).or_refused());
    assert!(third.poll().is_pending());
    let closing = pool.close_and_give_back();
    let Poll::Ready(Err(refused)) = third.poll() else {
        panic!("it is given back at once")
    };
    assert_eq!(refused.into_call()(), 3);
    let Err(TaskError::Cancelled(reason)) = second.await else {
        panic!("it is cancelled")
    };
    assert_eq!(reason.kind(), CancelKind::Closed);
    gate.open();
    assert!(first.await.is_ok());
    closing.await;
}

// Threads-6
async fn items_come_back_in_their_order(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::new(3);
    let squares = pool.map(0..50_u64, |n| n * n).await;
    assert!(squares.into_iter().eq((0..50).map(|n| n * n)));
    assert!(pool.map([0_u8; 0], |n| n).await.is_empty());
}

// Threads-12
async fn a_job_that_waits_for_its_own_pool_is_replaced(on: Site) {
    fn deep(pool: BlockingPool, depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        let inner = pool.clone();
        let wait = from_thread::run(async move {
            let next = inner.clone();
            to_thread(move || deep(next, depth - 1)).on(&inner).await
        });
        wait.unwrap() + 1
    }
    let _hold = on.hold();
    let pool = BlockingPool::new(1);
    let (inner, spawner) = (pool.clone(), on.spawner.clone());
    let depth = ingather::on(&on.spawner).scope(|tg| async move {
        let _spawner = spawner;
        let on_pool = inner.clone();
        let call = move || deep(inner, 10);
        tg.spawn(to_thread(call).on(&on_pool)).await
    });
    assert_eq!(depth.await, Ok(10));
    assert_eq!(pool.statistics().waiting, 0);
}

// Threads-12
async fn a_future_that_waits_for_its_own_pool_is_replaced(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::new(1);
    let inner = pool.clone();
    let outer = on_the_spawner(&on, move || {
        let on_pool = inner.clone();
        on_pool.exec_async(move || async move {
            let first = to_thread(|| 1).on(&inner).await;
            first + to_thread(|| 1).on(&inner).await
        })
    });
    assert_eq!(outer.await.unwrap().await.unwrap(), 2);
}

// Threads-16
async fn destructors_that_panic_cost_no_thread(on: Site) {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            boom("in a destructor");
        }
    }
    let _hold = on.hold();
    let pool = BlockingPool::new(1);
    let limiter = CapacityLimiter::new(1);
    for round in 0..4 {
        let (begun, gate) = (Gate::new(), Gate::new());
        let (begins, block) = (begun.clone(), gate.clone());
        let held = Bad;
        let call = move || {
            begins.open();
            block.block();
            match round {
                0 => std::panic::resume_unwind(Box::new(held)),
                1 => Some(held),
                _ => {
                    std::mem::forget(held);
                    None
                }
            }
        };
        while limiter.statistics().borrowed > 0 {
            yield_now().await;
        }
        let mut waits = ByHand::new(to_thread(call).on(&pool).limiter(&limiter));
        assert!(waits.poll().is_pending());
        begun.wait().await;
        // What it ends with is nobody's.
        drop(waits);
        gate.open();
    }
    let queued = Bad;
    let gate = Gate::new();
    let block = gate.clone();
    let mut first = ByHand::new(to_thread(move || block.block()).on(&pool));
    assert!(first.poll().is_pending());
    let mut second = ByHand::new(to_thread(move || drop(queued)).on(&pool));
    assert!(second.poll().is_pending());
    drop(second);
    gate.open();
    first.into_inner().await;
    assert_eq!(to_thread(|| 1).on(&pool).limiter(&limiter).await, 1);
    assert_eq!(limiter.statistics().borrowed, 0);
    assert!(pool.statistics().threads() == 1);
}

// Threads-13
async fn a_thread_that_is_not_started_loses_nothing(on: Site) {
    let _hold = on.hold();
    // How it refuses: with an error, by dropping what it is given, by a panic, and by dropping it on another thread.
    for manner in 0..4 {
        let allowed = Arc::new(AtomicUsize::new(0));
        let asks = Arc::clone(&allowed);
        let pool = BlockingPool::builder()
            .threads(4)
            .threads_from(move |work| {
                let left =
                    asks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                match (left, manner) {
                    (Ok(_), _) => thread::Builder::new().spawn(work).map(drop),
                    (Err(_), 0) => Err(io::Error::other("no room")),
                    (Err(_), 1) => Ok(()),
                    (Err(_), 2) => boom("no room"),
                    (Err(_), _) => {
                        thread::spawn(move || drop(work));
                        Ok(())
                    }
                }
            });
        let pool = pool.build();
        // No thread: an error, and the closure.
        let refused = to_thread(|| 7).on(&pool).or_refused().await.unwrap_err();
        assert!(refused.thread_error().is_some() && !refused.is_closed());
        assert_eq!(refused.into_call()(), 7);
        assert_eq!(pool.statistics().threads(), 0);
        // One, and it is busy: it does all of the work.
        allowed.store(1, Ordering::SeqCst);
        let gate = Gate::new();
        let mut jobs: Vec<_> = (0..5)
            .map(|number| {
                let block = gate.clone();
                let call = move || {
                    block.block();
                    number
                };
                ByHand::new(to_thread(call).on(&pool))
            })
            .collect();
        assert!(jobs.iter_mut().all(|job| job.poll().is_pending()));
        gate.open();
        for (number, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.into_inner().await, number);
        }
        while pool.statistics().starting > 0 {
            yield_now().await;
        }
        assert_eq!(pool.statistics().threads(), 1, "manner {manner}");
        // Allowed again: as many as are wanted.
        allowed.store(4, Ordering::SeqCst);
        let meter = Arc::new(std::sync::Barrier::new(4));
        let calls = (0..4).map(|_| Arc::clone(&meter));
        pool.map(calls, |all| all.wait().is_leader()).await;
    }
}
