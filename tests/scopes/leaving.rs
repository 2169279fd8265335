//! Leaving a group: it waits for every child, and is open until then.

use std::future::pending;
use std::task::Poll;

use ingather::cancel::CancelKind;
use ingather::{CancelReason, GatherGroup, Key, local};

use crate::support::{
    AtDrop, ByHand, Drops, Fault, Gate, Site, Trace, behaviour, boom, kind, panic_when_awaited,
    reason, stepper, watched, yield_now, yields,
};

behaviour!(
    a_scope_returns_when_every_child_is_over,
    a_scope_whose_body_fails_waits_for_the_children,
    a_scope_whose_body_panics_waits_for_the_children,
    a_scope_whose_body_is_dropped_waits_for_the_children,
    leaving_cancels_nothing,
    children_and_holders_of_handles_spawn_after_the_body_is_over,
    a_group_is_used_once,
    a_closed_group_drops_the_future_unpolled,
    a_closed_group_lets_its_children_go_on,
    a_cancelled_group_drops_the_future_unpolled,
    a_group_that_is_closed_and_cancelled_gives_the_reason_of_the_cancel,
    joining_is_cancel_safe,
    next_is_cancel_safe,
    the_keys_of_a_group_can_be_awaited_after_it_was_left,
);

/// Suspends a few times, and says when it is over and when it was dropped.
async fn child(log: Trace, number: usize) {
    let _dropped = log.at_drop("dropped");
    yields(number).await;
    log.log("over");
}

// Leaving-1
async fn a_scope_returns_when_every_child_is_over(on: Site) {
    let (log, drops) = (Trace::new(), Drops::new());
    let ran = log.clone();
    let held = drops.clone();
    let value = ingather::on(&on.spawner)
        .scope(|tg| async move {
            for number in 0..20 {
                let (log, held) = (ran.clone(), held.witness());
                drop(tg.spawn(async move {
                    let _held = held;
                    child(log, number).await;
                }));
            }
            7
        })
        .await;
    assert_eq!(value, 7);
    assert_eq!(
        log.sorted(),
        [["dropped"; 20], ["over"; 20]].concat(),
        "the scope returned before a child was over and dropped"
    );
    assert_eq!((drops.made(), drops.count()), (20, 20));
}

// Leaving-1
async fn a_scope_whose_body_fails_waits_for_the_children(on: Site) {
    let drops = Drops::new();
    let held = drops.clone();
    let error = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            for _ in 0..20 {
                let held = held.witness();
                drop(tg.spawn(async move {
                    let _held = held;
                    pending::<()>().await;
                }));
            }
            yield_now().await;
            Err::<(), _>(Fault("the body"))
        })
        .await
        .unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("the body")));
    assert_eq!((error.len(), drops.count()), (1, 20));
}

// Leaving-1
async fn a_scope_whose_body_panics_waits_for_the_children(on: Site) {
    let drops = Drops::new();
    let held = drops.clone();
    let scope = ingather::on(&on.spawner).scope(|tg| async move {
        for _ in 0..20 {
            let held = held.witness();
            drop(tg.spawn(async move {
                let _held = held;
                pending::<()>().await;
            }));
        }
        yield_now().await;
        boom("the body")
    });
    assert_eq!(panic_when_awaited(scope).await, "the body");
    assert_eq!(drops.count(), 20);
}

// Leaving-1
async fn a_scope_whose_body_is_dropped_waits_for_the_children(on: Site) {
    let drops = Drops::new();
    let (held, of_body) = (drops.clone(), drops.witness());
    let error = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            let _of_body = of_body;
            for _ in 0..20 {
                let held = held.witness();
                drop(tg.spawn(async move {
                    let _held = held;
                    pending::<()>().await;
                }));
            }
            tg.cancel();
            pending::<Result<(), Fault>>().await
        })
        .await
        .unwrap_err();
    assert_eq!(
        error.cancelled().map(CancelReason::kind),
        Some(CancelKind::Explicit)
    );
    assert_eq!((drops.made(), drops.count()), (21, 21));
}

// Leaving-2
async fn leaving_cancels_nothing(on: Site) {
    let gate = Gate::new();
    let group = GatherGroup::on(&on.spawner);
    let waits = gate.clone();
    let key = group.spawn(async move {
        waits.wait().await;
        yields(100).await;
        7
    });
    let mut join = ByHand::new(group.join());
    assert!(join.poll().is_pending());
    assert!(!group.is_cancelled() && !group.is_closed());
    gate.open();
    let tally = join.into_inner().await;
    assert_eq!((tally.ok, tally.total()), (1, 1));
    assert!(!group.is_cancelled() && group.is_closed());
    assert_eq!(group.take_result(key).ok(), Some(7));
}

// Leaving-3
async fn children_and_holders_of_handles_spawn_after_the_body_is_over(on: Site) {
    let (gate, drops) = (Gate::new(), Drops::new());
    let (waits, held) = (gate.clone(), drops.clone());
    let (send, handle) = futures::channel::oneshot::channel();
    let outer = GatherGroup::on(&on.spawner);
    let elsewhere = outer.spawn(async move {
        let tg: ingather::Scope<'static> = handle.await.expect("the body sends it");
        let key = tg.spawn(async { "from elsewhere" });
        gate.open();
        key.await
    });
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let inner = tg.clone();
            let held = held.witness();
            drop(tg.spawn(async move {
                // Opened when the body is over: its own handle went to the other group.
                waits.wait().await;
                let last = inner.clone();
                let sibling = inner.spawn(async move {
                    let _held = held;
                    last.spawn(yields(3)).await
                });
                drop(inner);
                assert_eq!(sibling.await, Ok(Ok(())));
            }));
            send.send(tg).ok();
        })
        .await;
    assert!(drops.all());
    assert_eq!(elsewhere.await, Ok(Ok("from elsewhere")));
    outer.join().await;
}

// Leaving-4
async fn a_group_is_used_once(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(async { 7 });
    let first = group.join().await;
    assert!(group.is_closed() && group.is_empty());
    let late = group.spawn(async { 8 });
    assert_eq!(kind(&late), Some(CancelKind::Closed));
    let second = group.join().await;
    assert_eq!(second, group.tally());
    assert_eq!((first.refused, second.refused), (0, 1));
    assert_eq!((first.ok, first.total()), (1, 1));
    assert_eq!((second.ok, second.total()), (1, 1));
    assert_eq!(group.get_result(&key), Ok(&7));

    let kept = ingather::on(&on.spawner)
        .scope(|tg| async move { tg })
        .await;
    assert!(kept.is_closed());
    assert_eq!(kind(&kept.spawn(async {})), Some(CancelKind::Closed));
}

// Leaving-5
async fn a_closed_group_drops_the_future_unpolled(on: Site) {
    let (log, drops) = (Trace::new(), Drops::new());
    let group = GatherGroup::on(&on.spawner);
    group.close();
    let held = drops.witness();
    let polled = log.clone();
    let key = group.spawn(async move {
        let _held = held;
        polled.log("polled");
    });
    assert_eq!(kind(&key), Some(CancelKind::Closed));
    assert_eq!((drops.count(), drops.all_here()), (1, true));
    assert_eq!(key.await.map_err(|why| why.is_cancelled()), Err(true));

    let (held, polled) = (drops.witness(), log.clone());
    let refused = group.child().spawn_or_return(async move {
        let _held = held;
        polled.log("polled");
        7
    });
    let future = refused.expect_err("a closed group gives the future back");
    assert_eq!((drops.made(), drops.count()), (2, 1));
    assert_eq!(log.entries(), [""; 0]);
    // Untouched: it can still be awaited.
    assert_eq!(future.await, 7);
    assert_eq!(log.entries(), ["polled"]);
    assert_eq!(group.join().await.total(), 0);
}

// Leaving-3
async fn a_closed_group_lets_its_children_go_on(on: Site) {
    let gate = Gate::new();
    let group = GatherGroup::on(&on.spawner);
    let waits = gate.clone();
    let key = group.spawn(async move {
        waits.wait().await;
        yield_now().await;
        7
    });
    group.close();
    gate.open();
    assert_eq!(key.await, Ok(7));
    assert_eq!(group.join().await.ok, 1);
}

// Leaving-6
async fn a_cancelled_group_drops_the_future_unpolled(on: Site) {
    let (log, drops) = (Trace::new(), Drops::new());
    let (polled, held) = (log.clone(), drops.witness());
    let error = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            let fails = tg
                .named("fails")
                .try_spawn(async { Err::<(), _>(Fault("first")) });
            let id = fails.id();
            let late = tg.clone();
            drop(fails);
            // The body is dropped at its next suspension, so this child's destructor spawns the late one.
            let after = AtDrop(Some(move || {
                let key = late.spawn(async move {
                    let _held = held;
                    polled.log("polled");
                });
                let reason = reason(&key).expect("a cancelled group takes nobody");
                assert_eq!(reason.kind(), CancelKind::SiblingFailed);
                let child = reason.child().expect("a sibling failed");
                assert_eq!((child.id(), child.name()), (id, Some("fails")));
                assert!(key.is_finished());
            }));
            let _after = after;
            pending::<Result<(), Fault>>().await
        })
        .await
        .unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("first")));
    assert_eq!((error.len(), log.entries().len()), (1, 0));
    assert_eq!((drops.made(), drops.count()), (1, 1));
}

// Leaving-6
async fn a_group_that_is_closed_and_cancelled_gives_the_reason_of_the_cancel(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    group.cancel();
    assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Explicit));
    group.close();
    assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Explicit));
    assert!(group.child().spawn_or_return(pending::<()>()).is_err());
    assert_eq!(group.join().await.total(), 0);
}

// Leaving-7
async fn joining_is_cancel_safe(on: Site) {
    let gate = Gate::new();
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let waits = gate.clone();
    let key = group.try_spawn(async move {
        waits.wait().await;
        Err::<(), _>(Fault("kept"))
    });
    for polls in 0..10 {
        let mut join = ByHand::new(group.try_join());
        for _ in 0..polls {
            assert!(join.poll().is_pending());
        }
        drop(join);
        assert!(!group.is_closed() && !group.is_cancelled());
        assert_eq!(group.len(), 1 + polls.min(1));
        // The second child comes with the second round, and keeps the group open.
        if polls == 0 {
            let waits = gate.clone();
            drop(group.spawn(async move { waits.wait().await }));
        }
    }
    gate.open();
    while !key.is_finished() {
        // Whoever gives up now finds the error all the same.
        let _ = ByHand::new(group.try_join()).poll();
        yield_now().await;
    }
    let error = group.try_join().await.unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("kept")));
}

// Leaving-7
async fn next_is_cancel_safe(on: Site) {
    let gate = Gate::new();
    let group = GatherGroup::on(&on.spawner);
    let keys: Vec<_> = (0..10)
        .map(|_| {
            let waits = gate.clone();
            group.spawn(async move { waits.wait().await })
        })
        .collect();
    for polls in 1..5 {
        let mut next = ByHand::new(group.next_if_any());
        for _ in 0..polls {
            assert!(next.poll().is_pending());
        }
    }
    let mut given_up = ByHand::new(group.next_if_any());
    assert!(given_up.poll().is_pending());
    gate.open();
    drop(given_up);
    let mut told = Vec::new();
    loop {
        let mut next = ByHand::new(group.next_if_any());
        match next.poll() {
            Poll::Ready(Some(done)) => told.extend(done.id()),
            Poll::Ready(None) => break,
            Poll::Pending => {
                drop(next);
                yield_now().await;
            }
        }
    }
    told.sort();
    let expected: Vec<_> = keys.iter().map(Key::id).collect();
    assert_eq!(told, expected);
}

// Leaving-4
async fn the_keys_of_a_group_can_be_awaited_after_it_was_left(on: Site) {
    let (key, other) = ingather::on(&on.spawner)
        .scope(|tg| async move { (tg.spawn(yields(5)), tg.spawn(async { 7 })) })
        .await;
    assert!(key.is_finished() && other.is_finished());
    assert_eq!((key.await, other.await), (Ok(()), Ok(7)));
}

// Leaving-1, Leaving-2
#[test]
fn a_scope_whose_children_run_elsewhere_is_woken_once_for_its_end() {
    watched("a_scope_whose_children_run_elsewhere", || {
        let stepper = stepper();
        let log = Trace::new();
        let trace = log.clone();
        let mut scope = ByHand::new(ingather::on(&stepper).scope(|tg| async move {
            for number in 0..3 {
                let trace = trace.clone();
                drop(tg.spawn(async move {
                    let _dropped = trace.at_drop(format!("{number} dropped"));
                    for poll in 1..=2 {
                        trace.log(format!("{number} poll {poll}"));
                        yield_now().await;
                    }
                    trace.log(format!("{number} over"));
                }));
            }
            trace.log("body over");
        }));
        assert!(scope.poll().is_pending());
        assert_eq!(log.entries(), ["body over"]);
        assert_eq!((scope.wakes(), stepper.spawned()), (0, 1));
        // Nobody that yields is polled twice in a turn.
        assert_eq!(stepper.run_until_idle(), 3);
        assert_eq!(
            log.entries()[1..],
            [
                "0 poll 1",
                "1 poll 1",
                "2 poll 1",
                "0 poll 2",
                "1 poll 2",
                "2 poll 2",
                "0 over",
                "0 dropped",
                "1 over",
                "1 dropped",
                "2 over",
                "2 dropped"
            ]
        );
        assert_eq!(scope.wakes(), 1);
        assert!(scope.poll().is_ready());
        // The job went home with the group's end.
        assert_eq!(
            (stepper.run_until_idle(), stepper.jobs(), stepper.spawned()),
            (1, 0, 1)
        );
    });
}

// Leaving-1, Leaving-5, Leaving-6
#[test]
fn a_local_group_is_left_like_any_other() {
    watched("a_local_group_is_left_like_any_other", || {
        let executor = std::rc::Rc::new(async_executor::LocalExecutor::new());
        let group = local::on(&executor).group();
        let here = std::rc::Rc::new(std::cell::Cell::new(0));
        for number in 0..10 {
            let here = std::rc::Rc::clone(&here);
            drop(group.spawn(async move {
                yields(number).await;
                here.set(here.get() + 1);
            }));
        }
        assert_eq!(here.get(), 0);
        let tally = futures::executor::block_on(executor.run(group.join()));
        assert_eq!((here.get(), tally.ok), (10, 10));
        assert_eq!(std::rc::Rc::strong_count(&here), 1);
        assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Closed));
    });
}
