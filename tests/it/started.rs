//! What a child is once it has started, and who may say that it has.

#![expect(
    clippy::async_yields_async,
    reason = "a key that is given on is read once its group is over"
)]

use crate::faults::{text_of, throw, unique};
use crate::support::{Drops, Fault, Gate, Site, Trace, behaviour, unhandled, yields};
use futures::future::BoxFuture;
use ingather::{
    CancelKind, GatherGroup, GatherIncomplete, GroupOptions, Ready, Scope, StartError,
    StartedError, current_token, scope_on, try_scope_on,
};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

behaviour!(
    a_failure_after_the_start_is_the_groups,
    a_panic_after_the_start_is_the_groups,
    a_child_that_never_says_so_has_not_started,
    a_child_that_starts_in_a_cancelled_group_is_cancelled,
    a_child_that_starts_in_the_grace_has_what_is_left_of_it,
    a_start_that_nobody_waits_for_is_in_vain,
    a_second_start_is_in_vain,
    from_the_start_on_it_is_a_child_like_any_other,
    a_sibling_is_started_from_a_child,
    another_thread_says_that_it_has_started,
    a_child_of_the_child_says_that_it_has_started,
    ten_starts_in_each_other,
);

// Starting-9
async fn a_failure_after_the_start_is_the_groups(on: Site) {
    let error = try_scope_on(&on.spawner, |tg| async move {
        let start = tg.try_start(|ready| async move {
            ready.started(()).unwrap();
            Err::<(), _>(Fault("the line is dead"))
        });
        let (key, ()) = start.await.unwrap();
        drop(key.await);
        pending::<()>().await;
        Ok(())
    });
    let error = error.await.unwrap_err();
    assert_eq!(
        (error.len(), error.first().error()),
        (1, Some(&Fault("the line is dead")))
    );
}

// Starting-9
async fn a_panic_after_the_start_is_the_groups(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("after the start");
    let thrown = text.clone();
    let start = group.start(|ready| async move {
        ready.started(()).unwrap();
        throw(&thrown)
    });
    let (key, ()) = start.await.unwrap();
    assert_eq!(text_of(group.join()).await, text);
    assert_eq!(key.status(), Some(GatherIncomplete::Panicked));
    assert!(unhandled::taken(&text).is_empty());
}

// Starting-5
async fn a_child_that_never_says_so_has_not_started(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let drops = Drops::new();
    let witness = drops.witness();
    let returns = group.start(|ready: Ready<()>| async move {
        let _held = witness;
        yields(2).await;
        drop(ready);
        yields(2).await;
    });
    assert_eq!(returns.await.err(), Some(StartError::NotStarted));
    assert!(drops.all(), "the future has been dropped");
    let leaks = group.try_start(|ready: Ready<()>| async move {
        std::mem::forget(ready);
        Ok(7)
    });
    assert_eq!(leaks.await.err(), Some(StartError::NotStarted));
    let tally = group.try_join().await.unwrap();
    assert_eq!((tally.ok, tally.cancelled), (0, 2));
}

// Starting-6
async fn a_child_that_starts_in_a_cancelled_group_is_cancelled(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (polled, gate, log) = (Gate::new(), Gate::new(), Trace::new());
    let (told, waits, seen) = (polled.clone(), gate.clone(), log.clone());
    let start = group.start(|ready| async move {
        told.open();
        waits.wait().await;
        ready.started("at last").unwrap();
        seen.log("runs to its next suspension");
        yields(1).await;
        seen.log("is polled again");
    });
    polled.wait().await;
    group.cancel();
    gate.open();
    let (key, value) = start.await.unwrap();
    assert_eq!(value, "at last");
    let kind = match key.await {
        Err(GatherIncomplete::Cancelled(reason)) => Some(reason.kind()),
        _ => None,
    };
    assert_eq!(kind, Some(CancelKind::Explicit));
    assert_eq!(group.join().await.cancelled, 1);
    assert_eq!(log.entries(), ["runs to its next suspension"]);
}

// Starting-6
async fn a_child_that_starts_in_the_grace_has_what_is_left_of_it(on: Site) {
    let group = GroupOptions::new()
        .on(&on.spawner)
        .grace(Duration::MAX)
        .group();
    let (polled, gate) = (Gate::new(), Gate::new());
    let (told, waits) = (polled.clone(), gate.clone());
    let start = group.start(|ready| async move {
        told.open();
        waits.wait().await;
        ready.started(()).unwrap();
        let reason = current_token().cancelled().await;
        yields(2).await;
        reason.kind()
    });
    polled.wait().await;
    group.cancel();
    gate.open();
    let (key, ()) = start.await.unwrap();
    assert_eq!(key.await, Ok(CancelKind::Explicit));
    group.join().await;
}

// Starting-7
async fn a_start_that_nobody_waits_for_is_in_vain(on: Site) {
    let group = GroupOptions::new()
        .on(&on.spawner)
        .grace(Duration::MAX)
        .group();
    let (polled, gate) = (Gate::new(), Gate::new());
    let (told, waits) = (polled.clone(), gate.clone());
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let start = group.start(|ready| async move {
        told.open();
        waits.wait().await;
        let error: StartedError<_> = ready.started(vec![1]).unwrap_err();
        let reason = current_token().cancelled().await;
        *noted.lock().unwrap() = Some((error.is_deserted(), error.into_value(), reason.kind()));
    });
    polled.wait().await;
    drop(start);
    gate.open();
    let tally = group.join().await;
    // It was cancelled, and what it did in its grace counts as with any other.
    assert_eq!(tally.total(), 1);
    let seen = seen.lock().unwrap().take();
    assert_eq!(seen, Some((true, vec![1], CancelKind::Dropped)));
}

// Starting-8
async fn a_second_start_is_in_vain(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let start = group.start(|ready| async move {
        ready.started(1).unwrap();
        let soon = ready.started(2).unwrap_err();
        yields(3).await;
        let late = ready.started(3).unwrap_err();
        (
            soon.is_deserted(),
            soon.into_value(),
            late.is_deserted(),
            late.into_value(),
        )
    });
    let (key, value) = start.await.unwrap();
    assert_eq!(value, 1);
    assert_eq!(key.await, Ok((false, 2, false, 3)));
    group.join().await;
}

// Starting-9
async fn from_the_start_on_it_is_a_child_like_any_other(on: Site) {
    let grace = Duration::MAX;
    let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let callers = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let handle = group.handle();
    let caller = callers.spawn(async move {
        let start = handle.start(|ready| async move {
            // Opened before the start, and left long after it.
            let inner = scope_on(&on.spawner, |tg| async move {
                let waits = tg.spawn(async { current_token().cancelled().await });
                ready.started(()).unwrap();
                let own = current_token();
                let reason = waits.await.unwrap();
                (
                    own.reason().map(|reason| reason.root().kind()),
                    reason.root().kind(),
                )
            });
            inner.await
        });
        start.await.unwrap().0
    });
    let key = caller.await.unwrap();
    // The caller is of the past.
    callers.cancel();
    callers.join().await;
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    key.cancel_with(ingather::CancelReason::shutdown());
    let shutdown = CancelKind::Shutdown;
    assert_eq!(key.await, Ok((Some(shutdown), shutdown)));
    assert!(!group.is_cancelled());
    group.join().await;
}

// Starting-9
async fn a_sibling_is_started_from_a_child(on: Site) {
    let sum = scope_on(&on.spawner, |tg| async move {
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
        scope_on(&spawner, |tg| async move {
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
