//! Pools as a whole: idle threads, jobs that wait for each other, what never ends, and closing under load.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use ingather::threads::{BlockingPool, CapacityLimiter, FairLock, Refused, from_thread};
use ingather::{
    Run, Task, TaskRegistry, block_on, blocking_scope_on, create_named_task, create_task, to_thread,
};

use crate::support::{Gate, watched};

fn task<T, F>(begun: Result<Task<T>, Refused<F>>) -> Task<T> {
    begun.expect("the pool is open and has threads")
}

// Threads-6
#[test]
fn threads_that_are_idle_end() {
    watched("idle threads", || {
        let pool = BlockingPool::builder()
            .threads(40)
            .idle_for(Duration::from_millis(20))
            .build();
        let all = Arc::new(std::sync::Barrier::new(40));
        let calls = (0..40).map(|_| Arc::clone(&all));
        block_on(pool.map(calls, |all| all.wait().is_leader()));
        // All forty have met. The first may be gone by now.
        assert!(pool.statistics().threads() <= 40);
        while pool.statistics().threads() > 0 {
            thread::yield_now();
        }
        assert_eq!(block_on(to_thread(|| 1).on(&pool)), 1, "and start again");
    });
}

// Threads-12
#[test]
fn five_hundred_and_twelve_jobs_wait_for_one_more() {
    watched("512 jobs", || {
        let (pool, limiter) = (BlockingPool::new(8), CapacityLimiter::new(0));
        let blocked: Vec<_> = (0..512)
            .map(|_| {
                let limiter = limiter.clone();
                task(pool.exec(move || drop(limiter.acquire_blocking())))
            })
            .collect();
        let opens = limiter.clone();
        let last = task(pool.exec(move || opens.set_total(1)));
        last.wait().unwrap();
        blocked.into_iter().for_each(|job| job.wait().unwrap());
        pool.close().wait();
    });
}

// Threads-12
#[test]
fn nothing_runs_on_top_of_work_that_waits() {
    static LOCK: FairLock<Vec<&str>> = FairLock::new(Vec::new());

    watched("nothing on top", || {
        let pool = BlockingPool::new(1);
        let inner = pool.clone();
        let outer = task(pool.exec(move || {
            let guard = LOCK.lock_blocking();
            // It needs what is held here; on this thread it would get it.
            let needs = task(inner.exec(|| {
                LOCK.lock_blocking().with(|log| log.push("needs the lock"));
            }));
            let helps = task(inner.exec(|| 1));
            assert_eq!(helps.wait().unwrap(), 1);
            guard.with(|log| log.push("has the lock"));
            drop(guard);
            needs.wait().unwrap();
        }));
        outer.wait().unwrap();
        let log = LOCK.lock_blocking().get();
        assert_eq!(log, ["has the lock", "needs the lock"]);
    });
}

// Threads-18
#[test]
fn what_never_ends_is_named_and_left_behind() {
    watched("never ends", || {
        let (pool, gate, begun) = (BlockingPool::new(2), Gate::new(), Gate::new());
        let registry = TaskRegistry::new();
        let (block, begins) = (gate.clone(), begun.clone());
        let inner = pool.clone();
        let stuck = registry.named("stuck task").create_task(async move {
            let call = move || {
                begins.open();
                block.block();
            };
            to_thread(call).on(&inner).name("stuck closure").await;
        });
        begun.block();
        let begin = Instant::now();
        let left = pool
            .close()
            .wait_timeout(Duration::from_millis(20))
            .unwrap_err();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].name(), Some("stuck closure"));
        assert!(left[0].location().file().ends_with("threads_pool_ends.rs"));
        let drained = registry.drain(ingather::Deadline::after(Duration::from_millis(20)));
        let drained = block_on(drained);
        assert!(begin.elapsed() < Duration::from_secs(10));
        let report = format!("{drained:?}");
        assert!(report.contains("stuck task"), "{report}");
        gate.open();
        pool.close().wait();
        drop(stuck);
    });
}

// Threads-18, Shutdown-8
#[test]
fn a_run_names_a_closure_that_never_ends_and_leaves() {
    watched("a run is left", || {
        let (pool, gate, begun) = (BlockingPool::new(1), Gate::new(), Gate::new());
        let (on_pool, block, begins) = (pool.clone(), gate.clone(), begun.clone());
        let begin = Instant::now();
        let exit = Run::builder()
            .grace(Duration::from_millis(10))
            .budget(Duration::from_millis(10))
            .run(async move {
                create_named_task("stuck task", async move {
                    let call = move || {
                        begins.open();
                        block.block();
                    };
                    to_thread(call).on(&on_pool).name("stuck closure").await;
                });
                begun.wait().await;
                "left"
            });
        assert!(begin.elapsed() < Duration::from_secs(10));
        let stuck: Vec<_> = exit
            .report()
            .stuck()
            .iter()
            .map(|stuck| stuck.name())
            .collect();
        assert_eq!(stuck, [Some("stuck task")]);
        assert_eq!(exit.value(), Some(&"left"));
        let left = pool.close().wait_timeout(Duration::from_millis(1));
        assert_eq!(left.unwrap_err()[0].name(), Some("stuck closure"));
        gate.open();
        pool.close().wait();
    });
}

// Threads-14
#[test]
fn a_million_queued_jobs_are_closed_half_way() {
    const JOBS: usize = 1_000_000;
    crate::support::watched_for(120, "a million jobs", || {
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
#[test]
fn children_that_borrow_run_on_a_pool_at_the_same_time() {
    watched("borrowing children", || {
        let pool = BlockingPool::new(3);
        let all = std::sync::Barrier::new(3);
        let names = [String::from("a"), String::from("b"), String::from("c")];
        let lengths = blocking_scope_on(&pool, |tg| {
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
    });
}

// Threads-15
#[test]
fn a_registry_is_called_back_to() {
    watched("called back", || {
        let task = block_on(to_thread(|| from_thread::call(|| create_task(async { 5 }))));
        assert_eq!(task.unwrap().wait().unwrap(), 5);
    });
}
