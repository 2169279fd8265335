//! The handshake: who a child belongs to before and after it says that it has started.

#![expect(
    clippy::async_yields_async,
    reason = "whoever spawns hands the key on, to be awaited elsewhere"
)]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingather::cancel::{CancelKind, cancel_reason};
use ingather::error::StartedError;
use ingather::{
    CancelReason, GatherGroup, GatherIncomplete, GroupOptions, Ready, StartError, current_token,
};

use crate::support::{
    Drops, Fault, Gate, Site, Trace, behaviour, text_of, throw, unhandled, unique, yields,
};

behaviour!(
    a_start_gives_the_key_and_the_value,
    a_closed_or_cancelled_group_refuses,
    the_drop_of_the_caller_cancels,
    a_pending_child_reads_the_token_of_its_caller,
    a_cancel_of_the_group_ends_a_pending_start,
    a_child_that_gives_way_to_a_cancel_is_cancelled,
    a_pending_child_keeps_the_group_open,
    a_failure_before_the_start_is_the_callers,
    a_panic_before_the_start_is_the_callers,
    a_failure_after_the_start_is_the_groups,
    a_panic_after_the_start_is_the_groups,
    a_child_that_never_says_so_has_not_started,
    a_child_that_starts_in_a_cancelled_group_is_cancelled,
    a_child_that_starts_in_the_grace_has_what_is_left_of_it,
    a_start_that_nobody_waits_for_is_in_vain,
    a_second_start_is_in_vain,
    from_the_start_on_it_is_a_child_like_any_other,
);

// Starting-6, Starting-9
async fn a_start_gives_the_key_and_the_value(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let (key, value) = group
        .start(|ready| async move {
            yields(2).await;
            ready.started("listens").unwrap();
            opened.wait().await;
            7
        })
        .await
        .unwrap();
    assert_eq!(
        (value, key.status()),
        ("listens", Some(GatherIncomplete::Running))
    );
    assert_eq!(key.location().file(), file!());
    gate.open();
    assert_eq!(key.await, Ok(7));
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.total()), (1, 1));
}

// Starting-1
async fn a_closed_or_cancelled_group_refuses(on: Site) {
    for cancels in [false, true] {
        let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
        if cancels {
            group.cancel();
        } else {
            group.close();
        }
        let (log, drops) = (Trace::new(), Drops::new());
        let (called, witness) = (log.clone(), drops.witness());
        let start = group.try_start(|ready: Ready<()>| async move {
            let _held = (&witness, ready);
            called.log("called");
            Ok(())
        });
        assert!(drops.all(), "what it had is dropped at once");
        let expected = if cancels {
            CancelKind::Explicit
        } else {
            CancelKind::Closed
        };
        match start.await {
            Err(StartError::Refused(reason)) => assert_eq!(reason.kind(), expected),
            other => panic!("it was not refused: {other:?}"),
        }
        assert!(log.entries().is_empty());
        assert_eq!(group.try_join().await.unwrap().total(), 0);
    }
}

// Starting-2
async fn the_drop_of_the_caller_cancels(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (polled, drops) = (Gate::new(), Drops::new());
    let (opened, witness) = (polled.clone(), drops.witness());
    let start = group.start(|ready: Ready<()>| async move {
        let _held = (witness, ready);
        opened.open();
        pending::<()>().await;
    });
    let sibling = group.spawn(async { 1 });
    polled.wait().await;
    drop(start);
    let tally = group.join().await;
    assert!(drops.all());
    assert_eq!((tally.ok, tally.cancelled), (1, 1));
    assert!(!group.is_cancelled());
    assert_eq!(sibling.await, Ok(1));
}

// Starting-2
async fn a_pending_child_reads_the_token_of_its_caller(on: Site) {
    let grace = Duration::from_secs(1000);
    let outer = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let inner = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let (polled, opened, looked) = (Gate::new(), Gate::new(), Gate::new());
    let (told, waits, handle) = (polled.clone(), opened.clone(), inner.handle());
    let looks = looked.clone();
    let caller = outer.spawn(async move {
        let start = handle.start(|ready| async move {
            let token = current_token();
            told.open();
            waits.wait().await;
            assert!(!token.is_cancelled() && cancel_reason().is_none());
            looks.open();
            let kind = token.cancelled().await.root().kind();
            assert_eq!(
                cancel_reason().map(|reason| reason.root().kind()),
                Some(kind)
            );
            ready.started(kind).unwrap();
        });
        start.await.map(|(_, kind)| kind)
    });
    polled.wait().await;
    opened.open();
    looked.wait().await;
    outer.cancel_with(CancelReason::shutdown());
    assert_eq!(caller.await.unwrap(), Ok(CancelKind::Shutdown));
    outer.join().await;
    inner.join().await;
}

// Starting-3
async fn a_cancel_of_the_group_ends_a_pending_start(on: Site) {
    for grace in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        // Each ends in its own way: dropped while it hangs, or because it gives way.
        for gives_way in [false, true] {
            if grace == Duration::MAX && !gives_way {
                continue;
            }
            let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
            let (polled, drops) = (Gate::new(), Drops::new());
            let (told, witness) = (polled.clone(), drops.witness());
            let start = group.start(move |ready: Ready<()>| async move {
                let _held = (witness, ready);
                told.open();
                if gives_way {
                    current_token().cancelled().await;
                } else {
                    pending::<()>().await;
                }
            });
            polled.wait().await;
            group.cancel_with(CancelReason::with_message("enough"));
            let Err(StartError::Refused(reason)) = start.await else {
                panic!("it was not refused")
            };
            assert_eq!(reason.message(), Some("enough"));
            assert!(drops.all(), "it is over when the caller hears of it");
            // Nobody is left to hold this.
            assert_eq!(group.join().await.cancelled, 1);
        }
    }
}

// Starting-5
async fn a_child_that_gives_way_to_a_cancel_is_cancelled(on: Site) {
    // Of the caller, within its grace; and of the child by itself.
    for by_caller in [true, false] {
        let grace = Duration::from_secs(1000);
        let callers = GroupOptions::new().on(&on.spawner).grace(grace).group();
        let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
        let (polled, handle) = (Gate::new(), group.handle());
        let told = polled.clone();
        let caller = callers.spawn(async move {
            let start = handle.start(move |ready: Ready<()>| async move {
                told.open();
                let token = current_token();
                if !by_caller {
                    token.cancel_with(CancelReason::with_message("enough"));
                }
                token.cancelled().await;
                drop(ready);
            });
            start.await.map(drop)
        });
        polled.wait().await;
        if by_caller {
            callers.cancel_with(CancelReason::with_message("enough"));
        }
        let Ok(Err(StartError::Cancelled(reason))) = caller.await else {
            panic!("it is not told that it was cancelled")
        };
        assert_eq!(reason.root().message(), Some("enough"));
        assert!(!group.is_cancelled());
        callers.join().await;
        assert_eq!(group.join().await.cancelled, 1);
    }
}

// Starting-3
async fn a_pending_child_keeps_the_group_open(on: Site) {
    let gate = Gate::new();
    let (drops, callers) = (Drops::new(), GatherGroup::on(&on.spawner));
    let (witness, opens) = (drops.witness(), gate.clone());
    let polled = Gate::new();
    let handle = callers.handle();
    let left = ingather::on(&on.spawner).scope(|tg| async move {
        let (inside, told) = (tg.clone(), polled.clone());
        let caller = handle.spawn(async move {
            let start = tg.start(|ready| async move {
                let _held = witness;
                told.open();
                gate.wait().await;
                // The body is over, and the group takes siblings.
                let sibling = inside.spawn(async { 3 });
                assert_eq!(sibling.await, Ok(3));
                ready.started(()).unwrap();
                yields(3).await;
            });
            start.await.is_ok()
        });
        polled.wait().await;
        caller
    });
    let opener = callers.spawn(async move {
        yields(20).await;
        opens.open();
    });
    let caller = left.await;
    assert!(drops.all());
    assert_eq!(caller.await, Ok(true));
    assert_eq!(opener.await, Ok(()));
    callers.join().await;
}

// Starting-4
async fn a_failure_before_the_start_is_the_callers(on: Site) {
    for grace in [Duration::ZERO, Duration::MAX] {
        let options = GroupOptions::new().on(&on.spawner).grace(grace);
        let drops = Drops::new();
        let witness = drops.witness();
        let result = options.try_scope(|tg| async move {
            let start = tg.try_start(|ready: Ready<()>| async move {
                let _held = (witness, ready);
                yields(2).await;
                Err::<(), _>(Fault("no port"))
            });
            let failed = start.await.map(|_| ());
            assert!(!tg.is_cancelled());
            let fine = tg.spawn(async { 1 });
            assert_eq!(fine.await, Ok(1));
            Ok::<_, Fault>(failed)
        });
        assert_eq!(
            result.await.unwrap(),
            Err(StartError::Failed(Fault("no port")))
        );
        assert!(drops.all());
    }
}

// Starting-4
async fn a_panic_before_the_start_is_the_callers(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("before the start");
    let thrown = text.clone();
    let in_call = group.start(|_: Ready<()>| async move {
        yields(2).await;
        throw(&thrown)
    });
    assert_eq!(text_of(in_call).await, text);
    let thrown = text.clone();
    let in_callable = group.start(move |_: Ready<()>| {
        if !thrown.is_empty() {
            throw(&thrown);
        }
        async {}
    });
    assert_eq!(text_of(in_callable).await, text);
    assert!(!group.is_cancelled());
    let tally = group.join().await;
    assert_eq!((tally.panicked, tally.cancelled), (0, 2));
    assert!(unhandled::taken(&text).is_empty());
}

// Starting-9
async fn a_failure_after_the_start_is_the_groups(on: Site) {
    let error = ingather::on(&on.spawner).try_scope(|tg| async move {
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
    let (log, handle) = (Trace::new(), group.handle());
    let seen = log.clone();
    let start = group.start(|ready| async move {
        handle.cancel();
        ready.started("at last").unwrap();
        seen.log("runs to its next suspension");
        yields(1).await;
        seen.log("is polled again");
    });
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
        let start = handle.start(move |ready| async move {
            // Opened before the start, and left long after it.
            let inner = ingather::on(&on.spawner).scope(|tg| async move {
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
