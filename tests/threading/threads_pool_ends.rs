//! Pools as a whole: idle threads, jobs that wait for each other, what never ends, and closing under load.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use ingather::program::Run;
use ingather::tasks::create_named_task;
use ingather::threads::{BlockingPool, CapacityLimiter, FairLock, from_thread};
use ingather::{Deadline, TaskRegistry, create_task, parallel, to_thread};

use crate::support::{Drops, Gate, Site, Witness, behaviour, may_block, watched_for, yield_now};
use crate::threads_pool::{on_the_spawner, task};

behaviour!(
    threads_that_are_idle_end,
    a_value_for_each_thread_is_made_once_and_dropped_with_it,
    five_hundred_and_twelve_jobs_wait_for_one_more,
    nothing_runs_on_top_of_work_that_waits,
    what_never_ends_is_named_and_left_behind,
    a_run_names_a_closure_that_never_ends_and_leaves,
    queued_children_are_closed_half_way,
    children_that_borrow_run_on_a_pool_at_the_same_time,
    a_registry_is_called_back_to,
);

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(10);

/// Until it is so, by way of a thread of another pool.
async fn until(mut what: impl FnMut() -> bool + Send + 'static) {
    let waits = move || {
        while !what() {
            thread::yield_now();
        }
    };
    to_thread(waits).await;
}

// Threads-6
async fn threads_that_are_idle_end(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::builder().threads(40).idle_for(SHORT).build();
    let all = Arc::new(std::sync::Barrier::new(40));
    let calls = (0..40).map(|_| Arc::clone(&all));
    pool.map(calls, |all| all.wait().is_leader()).await;
    // All forty have met. The first may be gone by now.
    assert!(pool.statistics().threads() <= 40);
    let idle = pool.clone();
    until(move || idle.statistics().threads() == 0).await;
    assert_eq!(to_thread(|| 1).on(&pool).await, 1, "and start again");
}

// Threads-6
async fn a_value_for_each_thread_is_made_once_and_dropped_with_it(on: Site) {
    thread_local! {
        static KEPT: RefCell<Option<Witness>> = const { RefCell::new(None) };
    }
    let _hold = on.hold();
    let (pool, drops) = (BlockingPool::new(1), Drops::new());
    for _ in 0..10 {
        let drops = drops.clone();
        let uses = move || {
            KEPT.with_borrow_mut(|kept| {
                kept.get_or_insert_with(|| drops.witness());
            });
        };
        to_thread(uses).on(&pool).await;
    }
    assert_eq!((drops.made(), drops.count()), (1, 0));
    pool.close().await;
    let dropped = drops.clone();
    until(move || dropped.count() == 1).await;
    assert!(!drops.all_here(), "on its own thread");
}

// Threads-12
async fn five_hundred_and_twelve_jobs_wait_for_one_more(on: Site) {
    const JOBS: usize = 512;
    let _hold = on.hold();
    let (pool, limiter) = (BlockingPool::new(8), CapacityLimiter::new(0));
    let (inner, shared) = (pool.clone(), limiter.clone());
    ingather::on(&on.spawner)
        .scope(|_| async move {
            let blocked: Vec<_> = (0..JOBS)
                .map(|_| {
                    let limiter = shared.clone();
                    task(inner.exec(move || drop(limiter.acquire_blocking())))
                })
                .collect();
            let last = task(inner.exec(move || {
                while shared.statistics().waiting < JOBS {
                    thread::yield_now();
                }
                shared.set_total(1);
            }));
            last.await.unwrap();
            for job in blocked {
                job.await.unwrap();
            }
        })
        .await;
    pool.close().await;
    assert_eq!(limiter.statistics().borrowed, 0);
}

// Threads-12
async fn nothing_runs_on_top_of_work_that_waits(on: Site) {
    let _hold = on.hold();
    let (pool, lock) = (BlockingPool::new(1), Arc::new(FairLock::new(Vec::new())));
    let (inner, shared) = (pool.clone(), Arc::clone(&lock));
    let outer = move || {
        let guard = shared.lock_blocking();
        // It needs what is held here; on this thread it would get it.
        let wanted = Arc::clone(&shared);
        let needs = task(inner.exec(move || {
            wanted
                .lock_blocking()
                .with(|log| log.push("needs the lock"));
        }));
        let helps = task(inner.exec(|| 1));
        assert_eq!(helps.wait().unwrap(), 1);
        guard.with(|log| log.push("has the lock"));
        drop(guard);
        needs.wait().unwrap();
    };
    let outer = on_the_spawner(&on, move || task(pool.exec(outer))).await;
    outer.await.unwrap();
    let log = lock.lock_blocking().get();
    assert_eq!(log, ["has the lock", "needs the lock"]);
}

// Threads-18
async fn what_never_ends_is_named_and_left_behind(on: Site) {
    let hold = on.hold();
    let (pool, gate, begun) = (BlockingPool::new(2), Gate::new(), Gate::new());
    let registry = TaskRegistry::on(&on.spawner);
    let (block, begins, inner) = (gate.clone(), begun.clone(), pool.clone());
    let stuck = registry.named("stuck task").create_task(async move {
        let call = move || {
            begins.open();
            block.block();
        };
        to_thread(call).on(&inner).name("stuck closure").await;
    });
    begun.wait().await;
    let begin = Instant::now();
    let left = pool.close().wait_timeout(SHORT).unwrap_err();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].name(), Some("stuck closure"));
    assert!(left[0].location().file().ends_with("threads_pool_ends.rs"));
    // From here on nobody waits for the closure but by the clock.
    drop(hold);
    let drained = registry.drain(Deadline::after(SHORT)).await;
    assert!(begin.elapsed() < LONG);
    let report = format!("{drained:?}");
    assert!(report.contains("stuck task"), "{report}");
    let _hold = on.hold();
    gate.open();
    pool.close().await;
    drop(stuck.await);
}

// Threads-18, Shutdown-8
async fn a_run_names_a_closure_that_never_ends_and_leaves(on: Site) {
    let hold = on.hold();
    let (pool, gate, begun) = (BlockingPool::new(1), Gate::new(), Gate::new());
    let (on_pool, block, begins) = (pool.clone(), gate.clone(), begun.clone());
    let begin = Instant::now();
    let exit = Run::builder()
        .on(&on.spawner)
        .grace(SHORT)
        .budget(SHORT)
        .run_async(async move {
            drop(create_named_task("stuck task", async move {
                let call = move || {
                    begins.open();
                    block.block();
                };
                to_thread(call).on(&on_pool).name("stuck closure").await;
            }));
            begun.wait().await;
            drop(hold);
            "left"
        })
        .await;
    assert!(begin.elapsed() < LONG);
    let stuck = exit.report().stuck();
    let stuck: Vec<_> = stuck.iter().map(|stuck| stuck.name()).collect();
    assert_eq!(stuck, [Some("stuck task")]);
    assert_eq!(exit.value(), Some(&"left"));
    let _hold = on.hold();
    let left = pool.close().wait_timeout(Duration::from_millis(1));
    assert_eq!(left.unwrap_err()[0].name(), Some("stuck closure"));
    gate.open();
    pool.close().await;
}

// Threads-14
async fn queued_children_are_closed_half_way(on: Site) {
    const JOBS: usize = 1_000;
    let _hold = on.hold();
    let (pool, gate) = (BlockingPool::new(2), Gate::new());
    let run = Arc::new(AtomicUsize::new(0));
    let (inner, count) = (pool.clone(), Arc::clone(&run));
    let refused = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let children: Vec<_> = (0..JOBS)
                .map(|_| {
                    let (count, gate) = (Arc::clone(&count), gate.clone());
                    let call = move || {
                        gate.block();
                        count.fetch_add(1, Ordering::SeqCst)
                    };
                    tg.spawn(to_thread(call).on(&inner).or_refused())
                })
                .collect();
            while inner.statistics().queued + inner.statistics().busy < JOBS {
                yield_now().await;
            }
            gate.open();
            let seen = Arc::clone(&count);
            until(move || seen.load(Ordering::SeqCst) >= 10).await;
            inner.close_and_give_back().await;
            let mut refused = 0;
            for child in children {
                if let Err(back) = child.await.unwrap() {
                    assert!(back.is_closed());
                    // The closure is as good as before.
                    back.into_call()();
                    refused += 1;
                }
            }
            refused
        })
        .await;
    assert_eq!(run.load(Ordering::SeqCst), JOBS, "{refused} came back");
    let now = pool.statistics();
    assert_eq!((now.threads(), now.queued), (0, 0));
}

// Threads-14
#[test]
fn a_million_queued_jobs_are_closed_half_way() {
    const JOBS: usize = 1_000_000;
    watched_for(120, "a million jobs", || {
        let (pool, gate) = (BlockingPool::new(2), Gate::new());
        let run = Arc::new(AtomicUsize::new(0));
        let mut cx = Context::from_waker(Waker::noop());
        let mut jobs: Vec<_> = (0..JOBS)
            .map(|_| {
                let (count, gate) = (Arc::clone(&run), gate.clone());
                let call = move || {
                    gate.block();
                    count.fetch_add(1, Ordering::Relaxed)
                };
                let mut job = to_thread(call).on(&pool).or_refused();
                assert!(Pin::new(&mut job).poll(&mut cx).is_pending());
                job
            })
            .collect();
        gate.open();
        while run.load(Ordering::Relaxed) < 1000 {
            thread::yield_now();
        }
        pool.close_and_give_back().wait();
        let mut refused = 0;
        for job in &mut jobs {
            match Pin::new(job).poll(&mut cx) {
                Poll::Ready(Err(back)) => refused += usize::from(back.is_closed()),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => panic!("a job hangs"),
            }
        }
        assert_eq!(run.load(Ordering::Relaxed) + refused, JOBS);
    });
}

// Threads-17
async fn children_that_borrow_run_on_a_pool_at_the_same_time(on: Site) {
    if !may_block(&on) {
        return;
    }
    let pool = BlockingPool::new(3);
    let all = std::sync::Barrier::new(3);
    let names = [String::from("a"), String::from("b"), String::from("c")];
    let lengths = parallel::on(&pool).scope(|tg| {
        let keys: Vec<_> = names
            .iter()
            .map(|name| {
                let all = &all;
                tg.spawn_blocking(move || {
                    all.wait();
                    name.len()
                })
            })
            .collect();
        keys.into_iter()
            .map(|key| tg.wait(key).unwrap())
            .sum::<usize>()
    });
    assert_eq!(lengths, 3);
}

// Threads-15
async fn a_registry_is_called_back_to(on: Site) {
    let _hold = on.hold();
    let task = ingather::on(&on.spawner)
        .scope(|_| async { to_thread(|| from_thread::call(|| create_task(async { 5 }))).await });
    assert_eq!(task.await.unwrap().await.unwrap(), 5);
}
