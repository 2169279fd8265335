//! `run_sync` from each place where sync code is called, with each kind of future: a cell each.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use futures::SinkExt;
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use ingather::bridge::{RunSync, RunSyncError};
use ingather::clock::{sleep, timeout};
use ingather::spawner::{Embedded, Smol, enter};
use ingather::{Spawner, TaskRegistry, run_sync, scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::watched;

fn multi(workers: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

fn single() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs code in a job of a spawner, and waits for it.
fn in_job(spawner: &impl Spawner, cell: fn()) {
    let (tell, told) = channel();
    let job = async move { tell.send(catch_unwind(cell)).unwrap() };
    spawner.spawn(Box::pin(job)).unwrap();
    told.recv().unwrap().unwrap();
}

/// The places from which sync code is called.
mod from {
    use super::*;

    pub(super) fn plain_thread(cell: fn()) {
        thread::spawn(cell).join().unwrap();
    }

    pub(super) fn entered_tokio(cell: fn()) {
        let runtime = multi(1);
        let _inside = runtime.enter();
        cell();
    }

    pub(super) fn tokio_as_current_spawner(cell: fn()) {
        let runtime = multi(1);
        let _current = enter(runtime.handle());
        cell();
    }

    pub(super) fn current_thread_task(cell: fn()) {
        single().block_on(async { tokio::spawn(async move { cell() }).await.unwrap() });
    }

    pub(super) fn current_thread_root(cell: fn()) {
        single().block_on(async { cell() });
    }

    pub(super) fn local_set(cell: fn()) {
        let set = tokio::task::LocalSet::new();
        set.block_on(&single(), async {
            tokio::task::spawn_local(async move { cell() })
                .await
                .unwrap();
        });
    }

    pub(super) fn one_worker(cell: fn()) {
        let runtime = multi(1);
        let task = runtime.spawn(async move { cell() });
        runtime.block_on(task).unwrap();
    }

    pub(super) fn two_workers(cell: fn()) {
        let runtime = multi(2);
        let task = runtime.spawn(async move { cell() });
        runtime.block_on(task).unwrap();
    }

    pub(super) fn multi_thread_root(cell: fn()) {
        multi(1).block_on(async { cell() });
    }

    pub(super) fn entered_within_another_worker(cell: fn()) {
        let other = multi(1);
        let handle = other.handle().clone();
        let runtime = multi(1);
        let task = runtime.spawn(async move {
            let _inside = handle.enter();
            cell();
        });
        runtime.block_on(task).unwrap();
    }

    pub(super) fn spawn_blocking(cell: fn()) {
        let runtime = multi(1);
        let task = runtime.spawn_blocking(cell);
        runtime.block_on(task).unwrap();
    }

    pub(super) fn block_in_place(cell: fn()) {
        let runtime = multi(1);
        let task = runtime.spawn(async move { tokio::task::block_in_place(cell) });
        runtime.block_on(task).unwrap();
    }

    /// On as many workers at once as there are, and one more.
    pub(super) fn all_embedded_workers(cell: fn()) {
        let registry = TaskRegistry::on(&Embedded);
        let count = Embedded.parallelism().get() + 1;
        let tasks: Vec<_> = (0..count)
            .map(|_| registry.create_task(async move { cell() }))
            .collect();
        for task in tasks {
            task.wait().unwrap();
        }
    }

    pub(super) fn embedded_block_on(cell: fn()) {
        ingather::block_on(async { cell() });
    }

    pub(super) fn smol_thread(cell: fn()) {
        in_job(&Smol, cell);
    }

    pub(super) fn futures_block_on(cell: fn()) {
        futures::executor::block_on(async { cell() });
    }

    pub(super) fn nested(cell: fn()) {
        fn nest(depth: usize, cell: fn()) {
            if depth == 0 {
                return cell();
            }
            run_sync(async {
                crate::support::yield_now().await;
                nest(depth - 1, cell);
            });
        }
        nest(10, cell);
        let runtime = multi(1);
        let task = runtime.spawn(async move { nest(10, cell) });
        runtime.block_on(task).unwrap();
    }

    pub(super) fn destructor_of_a_thread_local(cell: fn()) {
        struct AtEnd(Cell<Option<fn()>>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                if let Some(cell) = self.0.take() {
                    cell();
                }
            }
        }
        thread_local! {
            static AT_END: AtEnd = const { AtEnd(Cell::new(None)) };
        }
        let (tell, told) = channel::<()>();
        thread::spawn(move || {
            AT_END.with(|at_end| at_end.0.set(Some(cell)));
            drop(tell);
        })
        .join()
        .unwrap();
        assert!(told.recv().is_err());
    }

    struct AtDrop(fn());
    impl Drop for AtDrop {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    pub(super) fn drop_while_unwinding(cell: fn()) {
        let runtime = multi(1);
        let task = runtime.spawn(async move {
            let _at_drop = AtDrop(cell);
            crate::support::boom("unwinds");
        });
        assert!(runtime.block_on(task).unwrap_err().is_panic());
    }

    pub(super) fn drop_of_a_cancelled_task(cell: fn()) {
        let runtime = multi(1);
        let (tell, told) = channel();
        let task = runtime.spawn(async move {
            let _at_drop = AtDrop(cell);
            tell.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        told.recv().unwrap();
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    }

    pub(super) fn runner_thread(cell: fn()) {
        let runner = ingather::bridge::AsyncRunner::start().unwrap();
        runner.call(cell).unwrap();
        assert!(runner.close(Duration::from_secs(60)).is_clean());
    }
}

/// Runs a future in both forms.
fn both<F>(make: impl Fn() -> F) -> F::Output
where
    F: Future<Output: Send + PartialEq + std::fmt::Debug> + Send + 'static,
{
    let on_runner = RunSync::new().on_runner().run(make()).unwrap();
    let here = run_sync(make());
    assert_eq!(here, on_runner);
    let on_thread = RunSync::new().new_thread().run(make()).unwrap();
    assert_eq!(here, on_thread);
    here
}

/// The futures.
mod future {
    use super::*;

    pub(super) fn ready() {
        assert_eq!(both(|| async { 7 }), 7);
        // One that borrows and is not `Send`.
        let number = std::rc::Rc::new(7);
        assert_eq!(run_sync(async { *number }), 7);
    }

    pub(super) fn sleeps() {
        both(|| sleep(Duration::from_millis(1)));
        both(|| async {
            let forever = std::future::pending::<()>();
            assert!(timeout(Duration::from_millis(1), forever).await.is_err());
        });
    }

    pub(super) fn scope_of_two() {
        let both = both(|| {
            scope(|tg| async move {
                let (a, b) = oneshot::channel();
                let first = tg.spawn(async move { b.await.unwrap() });
                let second = tg.spawn(async move {
                    crate::support::yield_now().await;
                    a.send(20).unwrap();
                    22
                });
                first.await.unwrap() + second.await.unwrap()
            })
        });
        assert_eq!(both, 42);
    }

    pub(super) fn channel_of_a_thousand() {
        both(|| async {
            let (mut to, mut from) = mpsc::channel(1);
            let sends = async {
                for n in 0..1000 {
                    to.send(n).await.unwrap();
                }
                to.close_channel();
            };
            let receives = async {
                let mut sum = 0;
                while let Some(n) = from.next().await {
                    sum += n;
                }
                sum
            };
            futures::join!(sends, receives).1
        });
        // tokio's, which takes part in the budget of the task.
        both(|| async {
            let (to, mut from) = tokio::sync::mpsc::unbounded_channel();
            for n in 0..1000 {
                to.send(n).unwrap();
                assert_eq!(from.recv().await, Some(n));
            }
        });
    }

    pub(super) fn tokio_yields() {
        run_sync(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(super) fn ten_thousand_calls() {
        let (to, mut from) = tokio::sync::mpsc::unbounded_channel();
        for n in 0..2_000 {
            to.send(n).unwrap();
            assert_eq!(run_sync(from.recv()), Some(n));
        }
    }

    fn on_tokio<F: Future>(future: F) -> F::Output {
        match Handle::try_current() {
            Ok(_) => run_sync(future),
            Err(_) => {
                let runtime = multi(1);
                RunSync::new().on(runtime.handle()).run(future).unwrap()
            }
        }
    }

    pub(super) fn tokio_sleep() {
        on_tokio(async { tokio::time::sleep(Duration::from_millis(1)).await });
    }

    pub(super) fn tokio_tcp() {
        on_tokio(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            client.write_all(b"hello").await.unwrap();
            let mut text = [0; 5];
            server.read_exact(&mut text).await.unwrap();
            assert_eq!(&text, b"hello");
        });
    }

    /// Starts a task where the caller runs, and gives what it sends.
    fn sibling() -> oneshot::Receiver<u32> {
        let (tell, told) = oneshot::channel();
        let job = async move {
            crate::support::yield_now().await;
            let _ = tell.send(7);
        };
        match Handle::try_current() {
            Ok(tokio) => drop(tokio.spawn(job)),
            Err(_) => Embedded.spawn(Box::pin(job)).unwrap(),
        }
        told
    }

    pub(super) fn sibling_of_the_caller() {
        assert_eq!(both(sibling), Ok(7));
    }

    /// What only the runtime of the caller can do does not happen: in time an error.
    pub(super) fn sibling_that_cannot_come() {
        let waits = RunSync::new().timeout(Duration::from_millis(20));
        assert!(matches!(waits.run(sibling()), Err(RunSyncError::TimedOut)));
    }

    /// Where that is asked for, an error at once, with the future.
    pub(super) fn strict() {
        let error = RunSync::new().strict().run(async { 7 }).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("blocks the only thread of"), "{text}");
        assert!(text.contains("`.await`"), "{text}");
        assert!(text.contains(file!()), "{text}");
        assert_eq!(run_sync(error.into_future().unwrap()), 7);
    }

    pub(super) fn strict_where_nobody_is_blocked() {
        assert_eq!(RunSync::new().strict().run(async { 7 }).unwrap(), 7);
    }
}

macro_rules! cells {
    ($from:ident: $($future:ident),* $(,)?) => {
        mod $from { $(
            #[test]
            fn $future() {
                super::watched(concat!(stringify!($from), ": ", stringify!($future)), || {
                    super::from::$from(super::future::$future);
                });
            }
        )* }
    };
}

// Bridge-12, Bridge-13, Bridge-14, Bridge-15, Bridge-16
cells!(plain_thread: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_of_the_caller, strict_where_nobody_is_blocked);
cells!(entered_tokio: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_of_the_caller, strict_where_nobody_is_blocked);
cells!(tokio_as_current_spawner: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields,
    tokio_sleep, tokio_tcp, strict_where_nobody_is_blocked);
cells!(current_thread_task: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_that_cannot_come, strict);
cells!(current_thread_root: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_that_cannot_come, strict);
cells!(local_set: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, tokio_sleep, tokio_tcp, strict);
cells!(one_worker: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_of_the_caller, strict_where_nobody_is_blocked);
cells!(two_workers: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_of_the_caller);
cells!(multi_thread_root: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_of_the_caller);
cells!(entered_within_another_worker: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields,
    tokio_sleep, tokio_tcp, sibling_of_the_caller);
cells!(spawn_blocking: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, ten_thousand_calls,
    tokio_sleep, tokio_tcp, sibling_of_the_caller, strict_where_nobody_is_blocked);
cells!(block_in_place: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields,
    tokio_sleep, tokio_tcp, sibling_of_the_caller);
cells!(all_embedded_workers: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields,
    tokio_sleep, tokio_tcp, sibling_of_the_caller, strict_where_nobody_is_blocked);
cells!(embedded_block_on: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_sleep, tokio_tcp,
    sibling_of_the_caller);
cells!(smol_thread: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, tokio_sleep, tokio_tcp);
cells!(futures_block_on: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_sleep, tokio_tcp);
cells!(nested: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_yields, tokio_sleep, tokio_tcp,
    sibling_of_the_caller);
cells!(destructor_of_a_thread_local: ready, sleeps, scope_of_two, channel_of_a_thousand);
cells!(drop_while_unwinding: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_sleep, tokio_tcp,
    sibling_of_the_caller);
cells!(drop_of_a_cancelled_task: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_sleep, tokio_tcp);
cells!(runner_thread: ready, sleeps, scope_of_two, channel_of_a_thousand, tokio_sleep, strict);

// Bridge-13
#[test]
fn a_test_executor_is_not_blocked_in_silence() {
    watched("a test executor", || {
        let executor = ingather::testing::TestExecutor::new();
        executor.block_on(async {
            future::strict();
            future::ready();
        });
    });
}

// Bridge-14
#[test]
fn a_panic_is_a_panic_of_the_call() {
    watched("panics", || {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            run_sync(async { crate::support::boom("of the future") })
        }));
        assert_eq!(
            *caught.unwrap_err().downcast::<&str>().unwrap(),
            "of the future"
        );
        assert_eq!(run_sync(async { 7 }), 7);
    });
}
