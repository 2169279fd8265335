//! Events, between threads and tasks.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ingather::sync::Event;
use ingather::{GroupOptions, timeout};

use crate::support::{ByHand, Kind, Site, behaviour, yields};

behaviour!(
    a_thread_and_a_task_reach_each_other,
    a_set_releases_all_who_wait,
    a_wait_counts_from_its_call,
    a_clear_takes_no_release_back,
    a_wait_dropped_at_any_poll_leaves_nothing,
    a_limited_wait_says_whether_it_came,
);
behaviour!(inside: the_only_thread_of_a_runtime_is_not_blocked);

// Primitives-1
async fn a_thread_and_a_task_reach_each_other(on: Site) {
    let _hold = on.hold();
    let (ping, pong) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (pinged, pongs) = (Arc::clone(&ping), Arc::clone(&pong));
    let thread = thread::spawn(move || {
        pinged.wait_blocking();
        pongs.set();
    });
    let task = GroupOptions::new().on(&on.spawner).registry();
    let task = task.create_task(async move {
        ping.set();
        pong.wait().await;
    });
    task.await.unwrap();
    thread.join().unwrap();
}

// Primitives-2
async fn a_set_releases_all_who_wait(_: Site) {
    let event = Event::new();
    let mut waits: Vec<_> = (0..3).map(|_| ByHand::new(event.wait())).collect();
    assert!(waits.iter_mut().all(|wait| wait.poll().is_pending()));
    event.set();
    event.set();
    assert!(waits.iter().all(|wait| wait.wakes() == 1));
    assert!(waits.iter_mut().all(|wait| wait.poll().is_ready()));
    event.wait().await;
    event.clear();
    assert!(ByHand::new(event.wait()).poll().is_pending());
    // One that was ready stays so.
    assert!(waits.iter_mut().all(|wait| wait.poll().is_ready()));
}

// Primitives-2
async fn a_wait_counts_from_its_call(_: Site) {
    let event = Event::new();
    let mut early = ByHand::new(event.wait());
    event.set();
    let mut while_set = ByHand::new(event.wait());
    event.clear();
    let mut late = ByHand::new(event.wait());
    assert!(early.poll().is_ready() && while_set.poll().is_ready());
    assert!(late.poll().is_pending());
}

// Primitives-2
async fn a_clear_takes_no_release_back(_: Site) {
    let event = Arc::new(Event::new());
    let mut wait = ByHand::new(event.wait());
    assert!(wait.poll().is_pending());
    event.set();
    event.clear();
    let mut late = ByHand::new(event.wait());
    assert!(late.poll().is_pending());
    assert!(wait.is_woken() && wait.poll().is_ready());
    // What the first was told is none of the second's business.
    drop(wait);
    assert!(!late.is_woken() && late.poll().is_pending());
    // A thread is released by the same.
    let both = Arc::clone(&event);
    let thread = thread::spawn(move || both.wait_blocking());
    while !thread.is_finished() {
        event.set();
        event.clear();
        thread::yield_now();
    }
    thread.join().unwrap();
}

// Primitives-4
async fn a_wait_dropped_at_any_poll_leaves_nothing(_: Site) {
    for polls in 0..3 {
        for set in [false, true] {
            let event = Event::new();
            let (mut dropped, mut stays) = (ByHand::new(event.wait()), ByHand::new(event.wait()));
            for _ in 0..polls {
                assert!(dropped.poll().is_pending());
            }
            assert!(stays.poll().is_pending());
            let wakers = dropped.counter();
            if set {
                event.set();
            }
            drop(dropped);
            assert_eq!(wakers.held(), 0, "polls: {polls}, set: {set}");
            event.set();
            assert_eq!(stays.wakes(), 1);
            assert_eq!(wakers.count(), usize::from(set && polls > 0));
            assert!(stays.poll().is_ready());
        }
    }
}

// Primitives-14
async fn a_limited_wait_says_whether_it_came(_: Site) {
    let event = Event::new();
    let begin = Instant::now();
    let limit = Duration::from_millis(5);
    assert!(!event.wait_timeout(limit));
    assert!(begin.elapsed() >= limit, "real time");
    assert!(timeout(limit, event.wait()).await.is_err());
    yields(1).await;
    event.set();
    assert!(event.wait_timeout(Duration::ZERO));
    assert!(event.wait_timeout(Duration::MAX));
    assert_eq!(timeout(Duration::ZERO, event.wait()).await, Ok(()));
}

// Primitives-14
async fn the_only_thread_of_a_runtime_is_not_blocked(on: Site) {
    if !matches!(on.kind, Kind::TokioOne | Kind::Test) {
        return;
    }
    let event = Event::new();
    let panic = std::panic::AssertUnwindSafe(|| {
        let _guard = ingather::spawner::enter(&on.spawner);
        event.wait_blocking();
    });
    let panic = std::panic::catch_unwind(panic).unwrap_err();
    let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(text.contains("await"), "{text}");
    event.set();
    event.wait_blocking();
}
