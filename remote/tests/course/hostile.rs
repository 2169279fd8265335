//! Callers that forget, drop at any point, cancel twice and close twice.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::future::join;
use ingather::{CancelToken, GroupOptions, block_on, scope, timeout};
use ingather_remote::{Ending, Remote, RemoteErrorKind, RemoteOptions};

use crate::toy::{ECHO, Script, Toy};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

/// Polls it so often, or until it is ready; then true.
fn poll_times(future: &mut (impl Future + Unpin), times: usize) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    (0..times).any(|_| pin!(&mut *future).poll(&mut cx).is_ready())
}

#[test]
fn a_call_may_be_dropped_at_each_of_its_awaits() {
    let mut submitted = 0;
    for times in 0..12 {
        let toy = Toy::new(Script::Obeys).slow();
        let far = Remote::new(toy.clone());
        let mut call = Box::pin(far.call(&ECHO, 1));
        assert!(!poll_times(&mut call, times));
        drop(call);
        block_on(far.close()).unwrap();
        assert!(toy.live_now().is_empty(), "after {times} polls");
        assert_eq!(toy.count("submit 0"), toy.count("cancel 0"));
        submitted += toy.count("submit 0");
        // It is left if its lease was held.
        match toy.count("submit 0") {
            0 => assert!(toy.asked().len() <= 2, "{:?}", toy.asked()),
            _ => assert_eq!(toy.asked().last().unwrap(), "leave"),
        }
    }
    assert!((1..12).contains(&submitted));
}

#[test]
fn and_so_may_a_scope_that_is_cancelled() {
    for script in [Script::Obeys, Script::Ignores] {
        for times in 0..12 {
            let toy = Toy::new(script).slow();
            let far = RemoteOptions::new(toy.clone()).drop_grace(SHORT).open();
            let (there, token) = (far.clone(), CancelToken::new());
            let options = GroupOptions::new().grace(LONG).token(&token);
            let mut group = Box::pin(options.inline().scope_or_cut(|tg| async move {
                tg.spawn(there.call(&ECHO, 1)).await.is_ok()
            }));
            assert!(!poll_times(&mut group, 12));
            token.cancel();
            poll_times(&mut group, times);
            drop(group);
            block_on(far.close()).unwrap();
            assert!(toy.live_now().is_empty(), "after {times} polls");
            assert!(toy.count("cancel 0") > 0);
        }
    }
}

#[test]
fn a_call_that_is_forgotten_is_never_said_to_be_over() {
    let toy = Toy::new(Script::Obeys);
    let far = RemoteOptions::new(toy.clone()).lease(SHORT).open();
    let mut call = Box::pin(far.call(&ECHO, 1));
    toy.poll_until(&mut call, "attach 0");
    mem::forget(call);
    assert!(block_on(timeout(2 * SHORT, far.close())).is_err());
    assert_eq!(block_on(far.live()).unwrap().len(), 1);
    assert_eq!(toy.count("leave"), 0);
    // The process keeps it alive, and its end lets the lease run out.
    let renewed = toy.count("renew");
    toy.wait_for("renew", renewed + 2);
}

#[test]
fn a_second_cancel_changes_nothing() {
    let toy = Toy::new(Script::Ignores);
    let far = Remote::new(toy.clone());
    let seen = toy.clone();
    block_on(GroupOptions::new().grace(LONG).scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        tg.cancel();
        tg.cancel();
        child.cancel();
        seen.until("cancel 0", 1).await;
        assert_eq!(seen.count("kill 0"), 0);
        tg.cancel_now();
        tg.cancel_now();
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    assert!(toy.live_now().is_empty());
}

#[test]
fn close_may_be_awaited_twice_at_once_and_dropped_between() {
    let toy = Toy::new(Script::Stays);
    let far = Remote::new(toy.clone());
    let call = far.call(&ECHO, 1);
    let caller = std::thread::spawn(move || block_on(call));
    toy.wait_for("attach 0", 1);
    for _ in 0..3 {
        assert!(block_on(timeout(SHORT, far.close())).is_err());
    }
    let clone = far.clone();
    let closers = std::thread::spawn(move || block_on(join(far.close(), far.close())));
    toy.end(0, Ending::Value(b"1".to_vec()));
    let (a, b) = closers.join().unwrap();
    assert!(a.is_ok() && b.is_ok());
    block_on(clone.close()).unwrap();
    assert_eq!(caller.join().unwrap().unwrap(), 1);
    assert_eq!(toy.count("leave"), 1);
}

#[test]
fn close_while_it_is_submitted_waits_for_it() {
    for times in 1..8 {
        let toy = Toy::new(Script::Echo).slow();
        let far = Remote::new(toy.clone());
        let mut call = Box::pin(far.call(&ECHO, 7));
        if poll_times(&mut call, times) {
            break;
        }
        let (late, clone) = (far.call(&ECHO, 8), far.clone());
        let (value, closed) = block_on(join(call, far.close()));
        assert_eq!(value.unwrap(), 7);
        closed.unwrap();
        let error = block_on(late).unwrap_err();
        assert_eq!(error.kind(), RemoteErrorKind::Closed);
        block_on(clone.close()).unwrap();
        assert_eq!(toy.asked().last().unwrap(), "leave");
    }
}

#[test]
fn a_remote_may_be_dropped_with_calls_in_every_state() {
    let toy = Toy::new(Script::Ignores).slow();
    let far = RemoteOptions::new(toy.clone()).drop_grace(SHORT).open();
    let mut calls: Vec<_> = (0..6).map(|n| Box::pin(far.call(&ECHO, n))).collect();
    for (times, call) in calls.iter_mut().enumerate() {
        assert!(!poll_times(call, times));
    }
    drop(far);
    drop(calls);
    toy.wait_for("leave", 1);
    assert!(toy.live_now().is_empty());
    assert_eq!(toy.asked().last().unwrap(), "leave");
}

#[test]
fn two_calls_with_one_number_share_the_end() {
    let toy = Toy::new(Script::Obeys);
    let far = Remote::new(toy.clone());
    let seen = toy.clone();
    block_on(scope(|tg| async move {
        let [a, b] = [0, 0].map(|n| tg.spawn(far.call(&ECHO, n).number(3)));
        seen.until("attach 3", 2).await;
        a.cancel();
        assert!(a.await.unwrap_err().is_cancelled());
        // Nobody cancelled this one here.
        let error = b.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), RemoteErrorKind::Cancelled);
    }));
    assert!(toy.live_now().is_empty());
}

#[test]
fn a_cancel_before_anything_is_submitted_needs_no_engine() {
    let toy = Toy::new(Script::Obeys);
    let far = RemoteOptions::new(toy.clone()).patience(LONG).open();
    toy.set_reachable(false);
    let (there, seen) = (far.clone(), toy.clone());
    let begin = Instant::now();
    block_on(scope(|tg| async move {
        let child = tg.spawn(there.call(&ECHO, 1));
        seen.until("renew", 2).await;
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    assert!(begin.elapsed() < LONG / 2);
    assert_eq!(toy.count("submit 0"), 0);
    block_on(far.close()).unwrap();
}

#[test]
fn a_lease_of_no_time_leaves_the_reaper_time() {
    for lease in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let toy = Toy::new(Script::Obeys);
        let far = RemoteOptions::new(toy.clone()).lease(lease).open();
        assert!(block_on(timeout(SHORT, far.call(&ECHO, 1))).is_err());
        block_on(far.close()).unwrap();
        assert!(toy.live_now().is_empty());
    }
}
