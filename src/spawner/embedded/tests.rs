//! The embedded default as a whole: its threads, its panics, and `block_on` around it.
//!
//! All tests of the process share its threads, so that no test but one may block them.

use std::cell::Cell;
use std::env;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;

use super::*;
use crate::park::park_until_ready;
use crate::spawner::{current_spawner, enter, from_fn};

/// Far longer than anything here takes; it ends a hung test.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn it_is_current_in_its_jobs_alone() {
    assert!(!Embedded.is_current());
    let (sender, receiver) = mpsc::channel();
    let job = async move {
        let here = current_spawner();
        sender
            .send((
                Embedded.is_current(),
                here.is_here(),
                here.same_as(handle()),
            ))
            .unwrap();
    };
    Embedded.spawn(Box::pin(job)).unwrap();
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok((true, true, true)));
}

#[test]
fn a_guard_that_one_job_forgets_does_not_mislead_the_next() {
    static EXECUTOR: StaticExecutor = StaticExecutor::new();

    let forgetful = Contained::new(Box::pin(async {
        std::mem::forget(enter(&from_fn(|_| Err(SpawnError::shut_down()))));
    }));
    let (sender, receiver) = mpsc::channel();
    let next = Contained::new(Box::pin(async move {
        sender.send(current_spawner().same_as(handle())).unwrap();
    }));
    let tasks = [EXECUTOR.spawn(forgetful), EXECUTOR.spawn(next)];
    // On a thread of its own, for the sake of the other tests.
    let thread = thread::spawn(|| park_until_ready(EXECUTOR.run(futures::future::join_all(tasks))));
    thread.join().unwrap();
    assert_eq!(receiver.recv(), Ok(true));
}

#[test]
fn as_many_threads_as_the_variable_says() {
    let expected = match env::var("INGATHER_THREADS") {
        Ok(threads) => threads.parse().unwrap(),
        Err(_) => thread::available_parallelism().unwrap(),
    };
    assert_eq!(Embedded.parallelism(), expected);
}

/// Runs one test of this module in a process of its own, with `INGATHER_THREADS` set.
fn rerun(test: &str, threads: &str) -> (bool, String) {
    let (_, module) = module_path!().split_once("::").unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{test}"), "--nocapture"])
        .env("INGATHER_THREADS", threads)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn the_variable_is_obeyed_and_rubbish_is_quoted() {
    let (success, text) = rerun("as_many_threads_as_the_variable_says", "3");
    assert!(success && text.contains("1 passed"), "{text}");

    for rubbish in ["0", "", "x", "-1", "1.5"] {
        let (success, text) = rerun("a_pending_job_costs_no_one_anything", rubbish);
        let expected = format!("INGATHER_THREADS is set to {rubbish:?}, which is not a number");
        assert!(!success && text.contains(&expected), "{text}");
    }
}

// Bridge-15
#[test]
fn a_thread_that_waits_runs_no_jobs() {
    let here = thread::current().id();
    let (tell, told) = mpsc::channel();
    for _ in 0..64 {
        let tell = tell.clone();
        let job = async move { tell.send(thread::current().id()).unwrap() };
        Embedded.spawn(Box::pin(job)).unwrap();
    }
    drop(tell);
    let ran = block_on(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        match told.try_recv() {
            Ok(thread) if thread == here => Poll::Ready(false),
            Err(mpsc::TryRecvError::Disconnected) => Poll::Ready(true),
            Ok(_) | Err(mpsc::TryRecvError::Empty) => Poll::Pending,
        }
    }));
    assert!(ran, "a job ran on the thread that waits");
}

/// The one test that blocks worker threads.
#[test]
fn panics_leave_the_threads_alive_and_parallel() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose, in a destructor");
        }
    }
    for _ in 0..4 * Embedded.parallelism().get() {
        Embedded
            .spawn(Box::pin(async { panic!("on purpose") }))
            .unwrap();
        Embedded.spawn(Box::pin(async { panic_any(Bomb) })).unwrap();
        let bomb = Bomb;
        Embedded.spawn(Box::pin(async move { drop(bomb) })).unwrap();
    }

    // Each of these waits for all of the others.
    let count = Embedded.parallelism().get();
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(count));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..count {
        let (barrier, sender) = (barrier.clone(), sender.clone());
        let job = async move {
            barrier.wait();
            sender.send(()).unwrap();
        };
        Embedded.spawn(Box::pin(job)).unwrap();
    }
    for _ in 0..count {
        receiver
            .recv_timeout(PATIENCE)
            .expect("a thread is missing");
    }
}

#[test]
fn block_on_runs_what_is_not_send_on_this_thread() {
    let this_thread = thread::current().id();
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    let mut woken = None;
    let output = block_on(poll_fn(move |cx| {
        assert_eq!(thread::current().id(), this_thread);
        counted.set(counted.get() + 1);
        let woken = woken.get_or_insert_with(|| {
            let (sender, receiver) = oneshot::channel();
            thread::spawn(move || sender.send(5).unwrap());
            receiver
        });
        Pin::new(woken).poll(cx)
    }));
    assert_eq!(output, Ok(5));
    assert!(polls.get() >= 1);
}

#[test]
fn block_on_makes_the_default_current_and_puts_back_what_was() {
    let other = SpawnerHandle::new(from_fn(|_| Err(SpawnError::shut_down())));
    let _guard = enter(&other);
    assert!(!handle().is_here());
    block_on(async {
        assert!(current_spawner().same_as(handle()));
        assert!(Embedded.is_current() && handle().is_here());
        block_on(async { assert!(handle().is_here()) });
        assert!(Embedded.is_current() && handle().is_here());
    });
    assert!(current_spawner().same_as(&other));
    assert!(!Embedded.is_current() && !handle().is_here());
}

#[test]
fn block_on_drops_the_future_while_the_default_is_current() {
    struct OnDrop(Rc<Cell<bool>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.set(Embedded.is_current() && handle().is_here());
        }
    }
    let seen = Rc::new(Cell::new(false));
    let on_drop = OnDrop(Rc::clone(&seen));
    block_on(poll_fn(move |_| {
        let _ = &on_drop;
        Poll::Ready(())
    }));
    assert!(seen.get());
}

#[test]
fn a_panic_comes_out_of_block_on_and_puts_back_what_was() {
    let other = SpawnerHandle::new(from_fn(|_| Err(SpawnError::shut_down())));
    let _guard = enter(&other);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        block_on(async {
            // The inner one first, and the outer one goes on after it.
            let inner = catch_unwind(|| block_on(async { panic_any(1) }));
            assert_eq!(inner.unwrap_err().downcast_ref(), Some(&1));
            assert!(handle().is_here());
            panic_any(2);
        })
    }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&2));
    assert!(current_spawner().same_as(&other));
    assert!(!Embedded.is_current());
    assert_eq!(block_on(async { 3 }), 3);
}

#[test]
fn block_on_in_a_job_runs_the_jobs_that_it_waits_for() {
    let (sender, receiver) = mpsc::channel();
    // More levels than there are threads.
    fn level(depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        let (sender, receiver) = oneshot::channel();
        let job = async move { sender.send(level(depth - 1)).unwrap() };
        Embedded.spawn(Box::pin(job)).unwrap();
        block_on(receiver).unwrap() + 1
    }
    let depth = Embedded.parallelism().get() + 3;
    let job = async move { sender.send(level(depth)).unwrap() };
    Embedded.spawn(Box::pin(job)).unwrap();
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(depth));
}

#[test]
fn a_job_that_wakes_others_from_its_thread_reaches_block_on() {
    for round in 0..200 {
        let (sender, receiver) = oneshot::channel();
        let sum = block_on(async move {
            Embedded
                .spawn(Box::pin(async move { sender.send(round).unwrap() }))
                .unwrap();
            receiver.await.unwrap()
        });
        assert_eq!(sum, round);
    }
}

#[test]
fn a_pending_job_costs_no_one_anything() {
    Embedded.spawn(Box::pin(pending())).unwrap();
    assert_eq!(block_on(async { 1 }), 1);
}
