//! What `docs/comparison.md` says of other crates, where code can show it: each test names the cells that it is of.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_executor::Executor;
use async_scoped::TokioScope;
use futures::future::{FutureExt, join_all, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use moro::prelude::*;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};
use tokio_util::task::TaskTracker;

/// On tokio's current-thread runtime, where nothing runs but at an await.
fn on_tokio(test: impl Future<Output = ()>) {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// A future that holds this and is never over.
async fn holds(held: Arc<()>) {
    let _held = held;
    pending::<()>().await;
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().unwrap()
}

/// `JoinSet`, who waits: "dropping it aborts and does not wait"; cancel: "dropped at the next suspension".
#[test]
fn a_dropped_join_set_does_not_wait() {
    on_tokio(async {
        let (held, mut set) = (Arc::new(()), JoinSet::new());
        set.spawn(holds(Arc::clone(&held)));
        yield_now().await;
        drop(set);
        assert_eq!(Arc::strong_count(&held), 2, "the task is still there");
        yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

/// `JoinSet`, a panic: "a `JoinError` of its task; `join_all` goes on with it and aborts the rest".
#[test]
fn a_panic_in_a_join_set() {
    on_tokio(async {
        let mut set = JoinSet::new();
        set.spawn(async { panic!("one") });
        let error = set.join_next().await.unwrap().unwrap_err();
        assert_eq!(message(&*error.into_panic()), "one");

        let held = Arc::new(());
        set.spawn(holds(Arc::clone(&held)));
        set.spawn(async { panic!("all") });
        let panic = AssertUnwindSafe(set.join_all()).catch_unwind().await;
        assert_eq!(message(&*panic.unwrap_err()), "all");
        yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

/// `JoinSet`, errors: "each a value of its task"; results: "in the order of the ends, with an id".
#[test]
fn results_of_a_join_set() {
    on_tokio(async {
        let mut set = JoinSet::new();
        set.spawn(async {
            yield_now().await;
            Ok(1)
        });
        let second = set.spawn(async { Err("no") }).id();
        let (id, first_to_end) = set.join_next_with_id().await.unwrap().unwrap();
        assert_eq!((id, first_to_end), (second, Err("no")));
        assert_eq!(set.join_next().await.unwrap().unwrap(), Ok(1));
    });
}

/// `TaskTracker`, who waits: "whoever calls `close` and `wait`; dropping it does nothing"; a panic: "lost if that was dropped".
#[test]
fn a_task_tracker() {
    on_tokio(async {
        let (held, tracker) = (Arc::new(()), TaskTracker::new());
        let task = tracker.spawn(holds(Arc::clone(&held)));
        assert!(tracker.wait().now_or_never().is_none(), "it is not closed");
        drop(tracker.spawn(async { panic!("nobody sees this") }));
        yield_now().await;
        assert_eq!(tracker.len(), 1);
        drop(tracker);
        yield_now().await;
        assert_eq!(Arc::strong_count(&held), 2);
        task.abort();
    });
}

/// `FuturesUnordered` and `join_all`, who waits: "dropping it drops the futures"; a panic: "goes on in the task that polls"; errors:
/// "`try_join_all` gives the first and drops the rest".
#[test]
fn futures_in_one_task() {
    let held = Arc::new(());
    let all = FuturesUnordered::from_iter([holds(Arc::clone(&held)), holds(Arc::clone(&held))]);
    assert_eq!(Arc::strong_count(&held), 3);
    drop(all);
    assert_eq!(Arc::strong_count(&held), 1);

    let mut panics = FuturesUnordered::from_iter([async { panic!("one") }]);
    let poll = || panics.next().now_or_never();
    let panic = catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
    assert_eq!(message(&*panic), "one");

    // They borrow.
    let (words, held) = (["one", "three"].map(String::from), Arc::new(()));
    let lengths = join_all(words.iter().map(async |word| word.len()));
    assert_eq!(lengths.now_or_never(), Some(vec![3, 5]));
    let calls = [0, 1].map(|n| {
        let held = Arc::clone(&held);
        async move {
            match n {
                0 => {
                    holds(held).await;
                    Ok(())
                }
                _ => Err("no"),
            }
        }
    });
    assert_eq!(try_join_all(calls).now_or_never(), Some(Err("no")));
    assert_eq!(Arc::strong_count(&held), 1);
}

/// moro, cancel: "`terminate`, which drops all"; errors: "`unwrap_or_cancel` ends the scope with one"; borrow: "yes".
#[test]
fn a_scope_of_moro() {
    let (held, number) = (Arc::new(()), 7);
    let scope = moro::async_scope!(|scope| {
        scope.spawn(holds(Arc::clone(&held)));
        let job = scope.spawn(async { if number > 0 { Err(number) } else { Ok(()) } });
        job.await.unwrap_or_cancel(scope).await;
        Ok(())
    });
    assert_eq!(futures::executor::block_on(scope), Err(7));
    assert_eq!(Arc::strong_count(&held), 1);
}

const PART: &str = "INGATHER_COMPARISON_PART";

/// moro, a panic: "ends the process".
#[test]
fn a_panic_in_a_scope_of_moro() {
    if std::env::var_os(PART).is_some() {
        let scope = moro::async_scope!(|scope| {
            scope.spawn(async { panic!("in a job") });
        });
        let _ = catch_unwind(AssertUnwindSafe(|| scope.now_or_never()));
        return;
    }
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--exact", "a_panic_in_a_scope_of_moro"])
        .env(PART, "1");
    // 101 is a test that failed.
    let code = this.output().unwrap().status.code();
    assert!(code != Some(0) && code != Some(101), "{code:?}");
}

/// async-scoped on tokio, who waits: "`scope_and_block` blocks its thread"; a panic: "a `JoinError`"; results: "in the order of the
/// spawns"; borrow: "yes".
#[test]
fn a_scope_of_async_scoped() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let words = ["one", "three", "never"].map(String::from);
    let ((), results) = TokioScope::scope_and_block(|scope| {
        for word in &words {
            scope.spawn(async move {
                assert!(word != "never", "no such word");
                word.len()
            });
        }
    });
    let [one, three, never] = &results[..] else {
        panic!("{} results", results.len());
    };
    assert_eq!((one.as_ref().unwrap(), three.as_ref().unwrap()), (&3, &5));
    assert!(never.as_ref().unwrap_err().is_panic());
}

/// async-executor's `Task`, who waits: "dropping one cancels it, later"; a panic: "goes on where the `Task` is awaited".
#[test]
fn a_task_of_async_executor() {
    let (executor, held) = (Executor::new(), Arc::new(()));
    let task = executor.spawn(holds(Arc::clone(&held)));
    assert!(executor.try_tick());
    drop(task);
    assert_eq!(Arc::strong_count(&held), 2, "the executor has it still");
    while executor.try_tick() {}
    assert_eq!(Arc::strong_count(&held), 1);

    let mut task = executor.spawn(async { panic!("one") });
    assert!(executor.try_tick(), "the executor goes on");
    let mut cx = Context::from_waker(Waker::noop());
    let poll = AssertUnwindSafe(|| task.poll_unpin(&mut cx).map(|()| ()));
    match catch_unwind(poll) {
        Ok(Poll::Ready(()) | Poll::Pending) => panic!("no panic"),
        Err(panic) if message(&*panic) == "one" => {}
        Err(panic) => resume_unwind(panic),
    }
}
