//! Starts from inside: of siblings, with the word said by another thread or by a child of the child, and in each other.

use std::future::pending;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use ingather::{GatherGroup, Ready, Scope};

use crate::support::{Drops, Gate, Kind, Site, behaviour, yields};

behaviour!(
    a_sibling_is_started_from_a_child,
    another_thread_says_that_it_has_started,
    a_child_of_the_child_says_that_it_has_started,
    ten_starts_in_each_other,
    a_start_that_is_forgotten_does_not_hold_a_cancelled_group,
);

// Starting-9
async fn a_sibling_is_started_from_a_child(on: Site) {
    let sum = ingather::on(&on.spawner).scope(|tg| async move {
        let inside = tg.clone();
        let child = tg.spawn(async move {
            let start = inside.start(|ready| async move {
                yields(1).await;
                ready.started(1).unwrap();
                yields(1).await;
                2
            });
            let (key, one) = start.await.unwrap();
            one + key.await.unwrap()
        });
        child.await.unwrap()
    });
    assert_eq!(sum.await, 3);
}

// Starting-6
async fn another_thread_says_that_it_has_started(on: Site) {
    if on.kind == Kind::Test {
        // It knows nothing of the thread, and would call that a deadlock.
        return;
    }
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let (opened, thread) = (gate.clone(), Arc::new(Mutex::new(None)));
    let kept = Arc::clone(&thread);
    let start = group.start(|ready| async move {
        *kept.lock().unwrap() = Some(std::thread::spawn(move || {
            let started = ready.started(9);
            opened.open();
            started.is_ok() && ready.started(10).is_err()
        }));
        gate.wait().await;
        1
    });
    let (key, value) = start.await.unwrap();
    assert_eq!((value, key.await), (9, Ok(1)));
    let thread = thread.lock().unwrap().take().expect("it was made");
    assert!(thread.join().unwrap());
    group.join().await;
}

// Starting-6
async fn a_child_of_the_child_says_that_it_has_started(on: Site) {
    let spawner = on.spawner.clone();
    let group = GatherGroup::on(&on.spawner);
    let start = group.start(move |ready| {
        ingather::on(&spawner).scope(|tg| async move {
            let inner = tg.spawn(async move {
                yields(2).await;
                ready.started("from below").unwrap();
                yields(2).await;
                4
            });
            inner.await
        })
    });
    let (key, value) = start.await.unwrap();
    assert_eq!((value, key.await), ("from below", Ok(Ok(4))));
    group.join().await;
}

/// Starts one in the other, so many deep; the innermost says first that it has started.
fn nested(tg: Scope<'static>, deep: usize, ready: Ready<usize>) -> BoxFuture<'static, usize> {
    Box::pin(async move {
        let mut below = 0;
        let mut last = None;
        if deep > 0 {
            let inside = tg.clone();
            let start = tg.start(move |ready| nested(inside, deep - 1, ready));
            let (key, started) = start.await.unwrap();
            (below, last) = (started, Some(key));
        }
        ready.started(below + 1).unwrap();
        yields(1).await;
        match last {
            Some(key) => key.await.unwrap() + 1,
            None => 1,
        }
    })
}

// Starting-2, Starting-9
async fn ten_starts_in_each_other(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let handle = group.handle();
    let start = group.start(move |ready| nested(handle, 9, ready));
    let (key, started) = start.await.unwrap();
    assert_eq!((started, key.await), (10, Ok(10)));
    assert_eq!(group.join().await.taken, 10);
}

// Starting-3, Leaving-2
async fn a_start_that_is_forgotten_does_not_hold_a_cancelled_group(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (polled, drops) = (Gate::new(), Drops::new());
    let (told, witness) = (polled.clone(), drops.witness());
    std::mem::forget(group.start(|ready: Ready<()>| async move {
        let _held = (witness, ready);
        told.open();
        pending::<()>().await;
    }));
    polled.wait().await;
    group.cancel();
    assert_eq!(group.join().await.cancelled, 1);
    assert!(drops.all());
}
