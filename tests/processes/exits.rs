//! Processes that end while runners and pools are at work, and what is left when these are closed.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use ingather::bridge::{AsyncRunner, RunSync};
use ingather::clock::sleep;
use ingather::testing::TestExecutor;
use ingather::threads::{BlockingPool, set_default_pool};
use ingather::{create_task, run_sync, scope, to_thread};

const LONG: Duration = Duration::from_secs(60);

/// Alive to the last.
static RUNNER: OnceLock<AsyncRunner> = OnceLock::new();
static POOL: OnceLock<BlockingPool> = OnceLock::new();

/// Has runners and pools at work, of which some never ends.
fn at_work() {
    let runner = RUNNER.get_or_init(|| AsyncRunner::start().unwrap());
    drop(runner.create_task(pending::<()>()));
    let stubborn = AsyncRunner::builder().threads(2).start().unwrap();
    let (begin, begun) = channel();
    let (end, ended) = channel::<()>();
    drop(stubborn.create_task(async move {
        begin.send(()).unwrap();
        ended.recv().is_err()
    }));
    begun.recv().unwrap();
    let pool = POOL.get_or_init(|| BlockingPool::new(1));
    let (begin, begun) = channel();
    let (end_job, ended) = channel::<()>();
    let busy = pool.exec(move || {
        begin.send(()).unwrap();
        ended.recv().is_err()
    });
    drop(pool.exec(|| unreachable!("it is queued for ever")));
    begun.recv().unwrap();
    drop(RunSync::new().on_runner().detach(pending::<()>()));
    #[cfg(feature = "tokio")]
    {
        let tokio = AsyncRunner::builder().tokio().start().unwrap();
        drop(tokio.create_task(sleep(LONG)));
        std::mem::forget(tokio);
    }
    std::mem::forget((stubborn, end, busy, end_job));
}

// Shutdown-12, Threads-20
pub(crate) fn main_returns() {
    at_work();
}

// Shutdown-12, Threads-20
pub(crate) fn a_job_exits() {
    at_work();
    let runner = AsyncRunner::start().unwrap();
    let pool = BlockingPool::new(1);
    // From a closure on a pool that a task of a runner waits for, which this thread waits for.
    let task = async move { to_thread(|| exit(0)).on(&pool).await };
    runner.run(task).unwrap();
}

// Bridge-12, Shutdown-12
pub(crate) fn exit_handlers() {
    at_work();
    // SAFETY: the function is there as long as the process.
    let registered = unsafe { libc::atexit(at_exit) };
    assert_eq!(registered, 0);
    // Unless the handler says otherwise, at its end.
    exit(7);
}

extern "C" fn at_exit() {
    let called = catch_unwind(AssertUnwindSafe(|| {
        assert_eq!(run_sync(async { 7 }), 7);
        run_sync(sleep(Duration::from_millis(1)));
        let child = scope(|tg| async move { tg.spawn(async { 7 }).await });
        assert_eq!(run_sync(child), Ok(7));
        let runner = RUNNER.get().unwrap();
        assert_eq!(runner.run(async { 7 }).unwrap(), 7);
        assert_eq!(runner.call(|| 7).unwrap(), 7);
        let fresh = AsyncRunner::start().unwrap();
        assert_eq!(fresh.run(async { 7 }).unwrap(), 7);
        assert!(fresh.close(LONG).is_clean());
        assert_eq!(block_on(to_thread(|| 7)), 7);
        let left = POOL.get().unwrap().close();
        assert_eq!(left.wait_timeout(Duration::ZERO).unwrap_err().len(), 1);
    }));
    // SAFETY: it ends this process and touches nothing.
    unsafe { libc::_exit(i32::from(called.is_err())) };
}

// Threads-21
pub(crate) fn default_pool() {
    let mine = BlockingPool::builder().name("mine").threads(2).build();
    assert!(set_default_pool(mine).is_ok());
    let name = || thread::current().name().map(str::to_owned).unwrap();
    assert!(block_on(to_thread(name)).starts_with("mine-"));
    let child = scope(move |tg| async move { tg.spawn_blocking(name).await });
    assert!(run_sync(child).unwrap().starts_with("mine-"));
    let bound = BlockingPool::builder().name("bound").threads(1).build();
    let other = BlockingPool::builder().name("other").threads(1).build();
    let function = ingather::threads::asynced(move |()| name()).on(&bound);
    assert!(block_on(function.call(())).starts_with("bound-"));
    assert!(block_on(function.call(()).on(&other)).starts_with("other-"));
    // It was set, and used.
    let refused = set_default_pool(other).unwrap_err();
    assert!(block_on(to_thread(name).on(&refused)).starts_with("other-"));
    assert!(block_on(to_thread(name)).starts_with("mine-"));
}

/// How many threads this process has, where the system tells.
fn threads() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("Threads:"))?;
    line["Threads:".len()..].trim().parse().ok()
}

// Bridge-22, Threads-14
pub(crate) fn threads_that_are_left() {
    // What stays for the life of the process is there after the first round.
    starts_and_closes(0);
    let mut fewest = threads();
    for round in 1..20 {
        starts_and_closes(round);
        // A thread that was joined is a moment later gone for the system, too; so the first count may be too high.
        let begin = Instant::now();
        while threads() > fewest && begin.elapsed() < LONG {
            thread::yield_now();
        }
        let left = threads();
        assert!(left <= fewest, "round {round}: {left:?} after {fewest:?}");
        fewest = left;
    }
}

fn starts_and_closes(round: usize) {
    let sum = scope(|tg| async move {
        let both = (tg.spawn(async { 20 }), tg.spawn(async { 22 }));
        sleep(Duration::from_millis(1)).await;
        both.0.await.unwrap() + both.1.await.unwrap()
    });
    assert_eq!(run_sync(sum), 42);
    let runners: Vec<_> = (1..=4)
        .map(|threads| AsyncRunner::builder().threads(threads).start().unwrap())
        .collect();
    #[cfg(feature = "tokio")]
    {
        let runner = AsyncRunner::builder().tokio().threads(2).start().unwrap();
        assert_eq!(runner.run(async { 1 }).unwrap(), 1);
        assert!(runner.close(LONG).is_clean());
    }
    for runner in &runners {
        assert_eq!(runner.run(async { 1 }).unwrap(), 1);
        assert_eq!(runner.run_local(|| async { 1 }).unwrap(), 1);
    }
    assert_eq!(RunSync::new().new_thread().run(async { 1 }).unwrap(), 1);
    assert_eq!(RunSync::new().on_runner().run(async { 1 }).unwrap(), 1);
    let pool = BlockingPool::new(3);
    let all = Arc::new(Barrier::new(3));
    let calls = (0..3).map(|_| Arc::clone(&all));
    block_on(pool.map(calls, |all| all.wait().is_leader()));
    if round % 2 == 0 {
        drop(runners);
    } else {
        for runner in runners {
            let left = runner.create_task(pending::<()>());
            assert!(runner.close(Duration::ZERO).stuck_threads().is_empty());
            assert!(left.wait().unwrap_err().is_cancelled());
        }
    }
    pool.close().wait();
}

// Bridge-12, Bridge-15
pub(crate) fn ten_thousand_threads() {
    const CALLERS: usize = 10_000;
    // What stays for the life of the process is there before.
    assert_eq!(
        run_sync(async { create_task(async { 1 }).await }).ok(),
        Some(1)
    );
    assert_eq!(RunSync::new().on_runner().run(async { 1 }).unwrap(), 1);
    let before = threads();
    let event = Arc::new(ingather::sync::Event::new());
    let (tell, told) = channel();
    let callers: Vec<_> = (0..CALLERS)
        .map_while(|number| {
            let (event, tell) = (Arc::clone(&event), tell.clone());
            let call = move || {
                let waits = async {
                    let mut waits = Box::pin(event.wait());
                    let pending = futures::poll!(&mut waits).is_pending();
                    tell.send(pending).unwrap();
                    waits.await;
                    number
                };
                // All wait at once, in one of the two forms, and then have a child each.
                let first = match number % 2 {
                    0 => run_sync(waits),
                    _ => ingather::block_on(waits),
                };
                let child = scope(|tg| async move { tg.spawn(async move { number }).await });
                (first, run_sync(child).unwrap())
            };
            let thread = thread::Builder::new().stack_size(128 * 1024);
            thread.spawn(call).ok()
        })
        .collect();
    let count = callers.len();
    if count < CALLERS {
        println!("the system starts no more than {count} threads, so no more of them call");
    }
    assert!(count >= 500, "{count} threads say nothing");
    for _ in 0..count {
        assert!(told.recv().unwrap());
    }
    // Each caller is its own loop: nobody has another thread for it.
    let beside = threads()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before + count));
    assert!(
        beside.is_none_or(|beside| beside <= 2),
        "{beside:?} beside the callers"
    );
    event.set();
    for (number, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.join().unwrap(), (number, number));
    }
}

// Testing-13
pub(crate) fn a_shared_runner_is_no_leak() {
    let (end, ended) = futures::channel::oneshot::channel::<()>();
    let stranger = TestExecutor::new().block_on(async {
        // The first use in this process starts it.
        assert_eq!(RunSync::new().on_runner().run(async { 7 }).unwrap(), 7);
        // Somebody else uses it, and is not done when this is over.
        let (begin, begun) = channel();
        let stranger = thread::spawn(move || {
            let waits = async move {
                begin.send(()).unwrap();
                ended.await.unwrap();
            };
            RunSync::new().on_runner().run(waits).unwrap();
        });
        begun.recv().unwrap();
        stranger
    });
    end.send(()).unwrap();
    stranger.join().unwrap();
}

// Executors-13
pub(crate) fn blocked_without_a_group() {
    #[cfg(feature = "tokio")]
    {
        // Nobody has opened a group in this process before, and nobody names one here.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).build().unwrap();
        let (sender, receiver) = futures::channel::oneshot::channel();
        let task = runtime.spawn(async {
            let blocks = || async { run_sync(receiver).unwrap() };
            ingather::gather((blocks, || async { sender.send(7).unwrap() })).await
        });
        assert_eq!(runtime.block_on(task).unwrap(), (7, ()));
    }
}
