//! Each adapter keeps the contract, and runs a scope that waits by timers and is cut by a deadline.
//!
//! Without the feature `bevy` the clock of the system is not there, so that each executor's own has kept time.

#![allow(
    dead_code,
    reason = "each executor can be tested without the others, and no executor needs all of this"
)]

#[cfg(feature = "bevy")]
#[path = "executors/bevy.rs"]
mod bevy;
#[cfg(feature = "compio")]
#[path = "executors/compio.rs"]
mod compio;
#[cfg(feature = "glib")]
#[path = "executors/glib.rs"]
mod glib;
#[cfg(all(feature = "glommio", target_os = "linux"))]
#[path = "executors/glommio.rs"]
mod glommio;
#[cfg(all(feature = "monoio", target_os = "linux"))]
#[path = "executors/monoio.rs"]
mod monoio;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use ingather::clock::{ClockHandle, sleep, try_current_clock};
use ingather::{LocalSpawner, Spawner, local, on};

/// A future that is ready after some milliseconds by the executor's own timers.
type Sleeps<F> = fn(Duration) -> F;

/// Children wait for each other by the executor's timers and by ingather's, and those that never end are cut.
async fn scope_with_time<S, F>(spawner: &S, sleeps: Sleeps<F>)
where
    S: Spawner + Clone + 'static,
    F: Future + Send + 'static,
{
    let begin = Instant::now();
    let sum = on(spawner).scope(move |tg| async move {
        let its_own = tg.spawn(async move {
            sleeps(Duration::from_millis(20)).await;
            1
        });
        let ours = tg.spawn(async {
            sleep(Duration::from_millis(20)).await;
            2
        });
        Ok::<_, ingather::error::GatherIncomplete>(its_own.await? + ours.await?)
    });
    assert_eq!(sum.await, Ok(3));
    assert!(begin.elapsed() >= Duration::from_millis(20));

    let cut = on(spawner)
        .timeout(Duration::from_millis(20))
        .scope_or_cut(|tg| async move {
            tg.spawn(pending::<()>());
        });
    let error = cut.await.expect_err("a child never ends");
    assert!(error.is_timeout(), "{error}");
}

/// The same with children that are not `Send`.
async fn local_scope_with_time<S, F>(spawner: &S, sleeps: Sleeps<F>)
where
    S: LocalSpawner + Clone + 'static,
    F: Future + 'static,
{
    let (begin, seen) = (Instant::now(), Rc::new(RefCell::new(Vec::new())));
    let shared = Rc::clone(&seen);
    let scope = local::on(spawner).scope(|tg| async move {
        let (first, second) = (Rc::clone(&shared), shared);
        tg.spawn(async move {
            sleeps(Duration::from_millis(20)).await;
            first.borrow_mut().push(1);
        });
        tg.spawn(async move {
            sleep(Duration::from_millis(20)).await;
            second.borrow_mut().push(2);
        });
    });
    scope.await;
    seen.borrow_mut().sort_unstable();
    assert_eq!(*seen.borrow(), [1, 2]);
    assert!(begin.elapsed() >= Duration::from_millis(20));

    let cut = local::on(spawner)
        .timeout(Duration::from_millis(20))
        .scope_or_cut(|tg| async move {
            tg.spawn(pending::<()>());
        });
    let error = cut.await.expect_err("a child never ends");
    assert!(error.is_timeout(), "{error}");
}

/// The deadline of a local group is kept by a timer of the executor: it comes on this thread, in the middle of a poll.
async fn its_own_timer_keeps_a_deadline<S: LocalSpawner + Clone + 'static>(spawner: &S) {
    let told = Arc::new(Mutex::new(None));
    let tells = Arc::clone(&told);
    let cut = local::on(spawner)
        .timeout(Duration::from_millis(20))
        .scope_or_cut(|tg| async move {
            let token = tg.token();
            let _told = token.on_cancel(move |_| {
                *tells.lock().expect("nobody panics") = Some(thread::current().id());
            });
            tg.spawn(pending::<()>());
            pending::<()>().await
        });
    let error: ingather::CutShort = cut.await.expect_err("a child never ends");
    assert!(error.is_timeout(), "{error}");
    let told = *told.lock().expect("nobody panics");
    assert_eq!(told, Some(thread::current().id()));
}

/// The clock that counts in a body, with a timer that is left in it.
async fn clock_that_is_left<S: LocalSpawner + Clone + 'static>(
    spawner: &S,
) -> (ClockHandle, Pin<Box<ingather::clock::Sleep>>) {
    let left = local::on(spawner).scope(|_tg| async {
        let clock = try_current_clock().expect("that of the spawner");
        let mut left = Box::pin(sleep(Duration::from_millis(30)));
        let first = poll_fn(|cx| Poll::Ready(left.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        (clock, left)
    });
    left.await
}

#[cfg(not(feature = "bevy"))]
#[test]
fn the_clock_of_the_system_is_not_there() {
    assert!(try_current_clock().is_none());
}

/// Runs a test on a thread of its own, and fails if it is not over in a minute: an executor that loses a wake waits for ever.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (ends, end) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _ends = ends;
        test();
    });
    if end.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("it hangs");
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
