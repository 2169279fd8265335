//! Threads that wait: who they wait for and who has it, a pool of one that is busy, and closures for a thread that waits.

use std::future::poll_fn;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use ingather::bridge::{AsyncRunner, ControlServer, RunSync, RunSyncError, Whereabouts};
use ingather::sync::{PromiseClosed, promise};
use ingather::threads::{BlockingPool, FairLock};
use ingather::{TaskRegistry, run_sync, scope, to_thread};
use tokio::runtime::Builder;

use crate::support::{
    ByHand, Gate, PATIENCE, Site, behaviour, panic_text, warnings, watched, yield_now,
};

behaviour!(
    a_lock_says_who_has_it_and_who_waits,
    a_wait_for_a_pool_of_one_that_is_busy_is_withdrawn,
    several_threads_wait_for_one_task,
);
behaviour!(outside: closures_are_called_by_the_thread_that_waits);

const SHORT: Duration = Duration::from_millis(5);

// Tasks-15
async fn several_threads_wait_for_one_task(on: Site) {
    let _hold = on.hold();
    let gate = Gate::new();
    let opens = gate.clone();
    let registry = TaskRegistry::on(&on.spawner);
    let task = registry.create_task(async move {
        opens.wait().await;
        7
    });
    let shared = task.map(Result::ok).shared();
    let (tell, told) = oneshot::channel();
    let tell = Mutex::new((0, Some(tell)));
    let tell = Arc::new(tell);
    for _ in 0..4 {
        let (shared, tell) = (shared.clone(), Arc::clone(&tell));
        thread::spawn(move || {
            assert_eq!(run_sync(shared), Some(7));
            let mut tell = tell.lock().unwrap();
            tell.0 += 1;
            if tell.0 == 4 {
                tell.1.take().unwrap().send(()).unwrap();
            }
        });
    }
    gate.open();
    assert_eq!(shared.await, Some(7));
    told.await.unwrap();
}

// Bridge-18, Threads-22
#[test]
fn a_lock_that_a_suspended_waiter_has_is_named() {
    watched("suspended waiter", || {
        let lock = FairLock::new(());
        let guard = lock.lock_blocking();
        let granted_at = line!() + 1;
        let mut suspended = ByHand::new(lock.lock());
        assert!(suspended.poll().is_pending());
        drop(guard);
        // The lock is that waiter's now, which nobody polls: it is in the same task.
        // Nobody wakes the call: it is polled for the second time when it has been silent for long, and said to be.
        let mut waits = ByHand::new(lock.lock());
        let mut polls = 0;
        let twice = poll_fn(|_| {
            assert!(waits.poll().is_pending());
            polls += 1;
            if polls == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let ((), said) = warnings::of(|| run_sync(twice));
        let [text] = &said[..] else {
            panic!("{said:?}")
        };
        let holder = format!(
            "is held by async code outside of all groups at {}:{granted_at}:",
            file!()
        );
        assert!(text.contains(&holder), "{text}");
        let waiter = format!(
            "a lock, asked for by async code outside of all groups at {}:",
            file!()
        );
        assert!(text.contains(&waiter), "{text}");
        drop(waits);
        assert!(suspended.poll().is_ready());
        assert_eq!(lock.waiting(), 0);
    });
}

// Threads-22
async fn a_lock_says_who_has_it_and_who_waits(on: Site) {
    let lock = Arc::new(FairLock::new(0));
    let shared = Arc::clone(&lock);
    assert!(format!("{lock:?}").contains("held: None"));
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let (gate, held) = (Gate::new(), Arc::clone(&shared));
            let (opens, has) = (gate.clone(), Gate::new());
            let (has_it, lock) = (has.clone(), Arc::clone(&shared));
            let holder = tg.spawn(async move {
                let guard = held.lock().await;
                has_it.open();
                gate.wait().await;
                drop(guard);
            });
            has.wait().await;
            let mut waits = ByHand::new(lock.lock());
            assert!(waits.poll().is_pending());
            let text = format!("{lock:?}");
            let has = format!(
                "held: Some(\"by child {} at {}:",
                holder.child().id(),
                file!()
            );
            assert!(text.contains(&has), "{text}");
            assert!(text.contains("waiting: [\"by the body of group "), "{text}");
            opens.open();
            waits.into_inner().await.set(1);
            holder.await.unwrap();
        })
        .await;
    assert_eq!(lock.lock_blocking().get(), 1);
}

// Bridge-27
#[test]
fn the_threads_that_wait_can_be_listed() {
    watched("listed", || {
        Whereabouts::watch_threads();
        let lock = Arc::new(FairLock::new(()));
        let guard = lock.lock_blocking();
        let waits = |name: &str, wait: fn(&FairLock<()>)| {
            let lock = Arc::clone(&lock);
            let thread = thread::Builder::new().name(name.into());
            thread.spawn(move || wait(&lock)).unwrap()
        };
        let threads = [
            waits("listed-blocking", |lock| drop(lock.lock_blocking())),
            waits("listed-run_sync", |lock| drop(run_sync(lock.lock()))),
            waits("listed-timeout", |lock| {
                assert!(lock.lock_timeout(PATIENCE).is_some());
            }),
        ];
        let seen = || {
            let all = Whereabouts::of_waiting_threads();
            let ours = |seen: &Whereabouts| seen.thread().is_some_and(|n| n.starts_with("listed-"));
            all.into_iter().filter(ours).collect::<Vec<_>>()
        };
        while seen().len() < 3 {
            thread::yield_now();
        }
        let here = format!("is held by {:?} at {}:", thread::current().id(), file!());
        for one in seen() {
            let [lock] = one.waits_for() else {
                panic!("{one}")
            };
            assert!(lock.contains(&here), "{one}");
            assert!(one.to_string().contains("where it waits for a lock"));
        }
        drop(guard);
        threads.into_iter().for_each(|one| one.join().unwrap());
        assert_eq!(seen().len(), 0);
    });
}

// Threads-8, Threads-12, Bridge-14
async fn a_wait_for_a_pool_of_one_that_is_busy_is_withdrawn(on: Site) {
    let _hold = on.hold();
    let (pool, gate, begun) = (BlockingPool::new(1), Gate::new(), Gate::new());
    let (block, begins) = (gate.clone(), begun.clone());
    let call = move || {
        begins.open();
        block.block();
    };
    let mut busy = ByHand::new(to_thread(call).on(&pool));
    assert!(busy.poll().is_pending());
    begun.wait().await;
    let inner = pool.clone();
    // From a thread, since a test executor's own is not to be blocked.
    let late = to_thread(move || {
        let waits = to_thread::<_, u32>(|| unreachable!("it was withdrawn"));
        let run = RunSync::new().timeout(SHORT).run(waits.on(&inner));
        matches!(run, Err(RunSyncError::TimedOut))
    });
    assert!(late.await);
    gate.open();
    busy.into_inner().await;
    // Its only thread may call what waits for the pool itself.
    let inner = pool.clone();
    let nested = to_thread(move || run_sync(to_thread(|| 7).on(&inner))).on(&pool);
    assert_eq!(nested.await, 7);
    pool.close().await;
}

// Bridge-15
#[test]
fn a_runtime_whose_pool_of_one_is_busy_is_blocked_no_longer_than_that() {
    watched("tokio's pool of one", || {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).max_blocking_threads(1);
        let runtime = runtime.enable_all().build().unwrap();
        let (gate, begun) = (Gate::new(), Gate::new());
        let (block, begins) = (gate.clone(), begun.clone());
        let busy = runtime.spawn_blocking(move || {
            begins.open();
            block.block();
        });
        begun.block();
        let opens = gate.clone();
        let task = runtime.spawn(async move {
            let sibling = || {
                let (tell, told) = oneshot::channel();
                tokio::spawn(async move { tell.send(7) });
                told
            };
            // What needs no other thread of the runtime comes at once.
            assert_eq!(run_sync(async { 7 }), 7);
            let child = scope(|tg| async move { tg.spawn(async { 7 }).await });
            assert_eq!(run_sync(child), Ok(7));
            // What needs one does not come, and the call returns in time.
            let late = RunSync::new().timeout(SHORT).run(sibling());
            assert!(matches!(late, Err(RunSyncError::TimedOut)));
            let told = sibling();
            thread::spawn(move || opens.open());
            run_sync(told)
        });
        assert_eq!(runtime.block_on(task).unwrap(), Ok(7));
        runtime.block_on(busy).unwrap();
    });
}

// Bridge-2
async fn closures_are_called_by_the_thread_that_waits(on: Site) {
    type Closure = Box<dyn FnOnce() -> thread::ThreadId + Send>;
    let mut server = ControlServer::<Closure, thread::ThreadId>::new(1);
    let client = server.client();
    let here = thread::current().id();
    let task = TaskRegistry::on(&on.spawner).create_task(async move {
        for _ in 0..3 {
            yield_now().await;
            // This thread waits for the task that sends it a closure.
            let there = client.request(Box::new(|| thread::current().id())).await;
            assert_eq!(there.ok(), Some(here));
        }
    });
    let served = server.serve_until(task, |closure, reply| {
        reply.send(closure()).unwrap();
    });
    served.unwrap();
}

// Bridge-20, Primitives-14
#[test]
fn a_closure_for_a_runner_that_waits_for_its_sender_is_called_after_that() {
    watched("waits for its sender", || {
        let runner = Arc::new(AsyncRunner::start().unwrap());
        // Without a time limit the wait is refused, since it would be one for ever.
        let (_tell, told) = promise::<()>();
        let refused = runner.run(async move {
            let wait = std::panic::AssertUnwindSafe(|| told.wait_blocking());
            panic_text(std::panic::catch_unwind(wait).unwrap_err())
        });
        let text = refused.unwrap();
        assert!(text.contains("block"), "{text}");
        // With one the loop goes on when the time is over; then the closure is called, and nothing is lost.
        let (tell, mut told) = promise::<u32>();
        let (begin, begun) = channel();
        let waits = runner.create_task(async move {
            begin.send(()).unwrap();
            let first = told.wait_timeout(SHORT);
            (first, told.await)
        });
        begun.recv().unwrap();
        let there = Arc::clone(&runner);
        let sender = thread::spawn(move || {
            let called = there.call(|| 7).unwrap();
            tell.set(called).unwrap();
        });
        let (first, then): (Option<Result<u32, PromiseClosed>>, _) = waits.wait().unwrap();
        assert!(first.is_none());
        assert_eq!(then, Ok(7));
        sender.join().unwrap();
        assert!(runner.close(PATIENCE).is_clean());
    });
}
