//! Cancelling one child by its key: in line, running, behind a shield, over, and in each kind of group.

use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use ingather::cancel::{CancelKind, cancel_reason};
use ingather::clock::sleep;
use ingather::kind::Kind;
use ingather::testing::{TestExecutor, Trace};
use ingather::{CancelReason, GroupOptions, Key, Scope, current_token, shield};

use crate::support::{
    Drops, Fault, Gate, HOUR, Polls, SECOND, Site, at_drop, behaviour, kind, may_block, over_seeds,
    reason, stepper, until, watched, yields,
};

behaviour!(
    a_child_is_cancelled_and_nobody_else,
    a_child_in_line_leaves_the_line_and_its_slot_to_others,
    the_slot_of_a_cancelled_child_passes_on,
    within_the_grace_a_child_alone_goes_on,
    a_child_that_is_over_stays_what_it_is,
    a_cancelled_child_is_no_failure,
    a_child_behind_a_shield_is_dropped_when_that_is_over,
    a_group_inside_is_told_and_dropped_with_the_child,
    the_siblings_of_a_shielded_grandchild_are_dropped,
    a_child_that_cancels_itself_is_dropped_at_its_next_suspension,
    children_of_scopes_that_borrow_are_cancelled_alone,
);

fn stop() -> CancelReason {
    CancelReason::with_message("only this one")
}

// Cancelling-8
async fn a_child_is_cancelled_and_nobody_else(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, drops, polls) = (Gate::new(), Drops::new(), Polls::new());
    let keys: Vec<_> = (0..5)
        .map(|_| {
            let (waits, held) = (gate.clone(), drops.witness());
            group.spawn(polls.clone().of(async move {
                let _held = held;
                waits.wait().await;
            }))
        })
        .collect();
    until(|| gate.waiting() == 5).await;
    keys[2].cancel_with(stop());
    keys[2].cancel();
    until(|| group.len() == 4).await;
    assert_eq!((drops.count(), gate.waiting(), polls.count()), (1, 4, 5));
    assert_eq!((group.cancel_reason(), group.len()), (None, 4));
    keys[3].cancel();
    until(|| keys[3].is_finished()).await;
    gate.open();
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled), (3, 2));
    assert_eq!(reason(&keys[2]), Some(stop()), "the reason that was given");
    let place = reason(&keys[3]).and_then(|reason| reason.location());
    assert_eq!(place.map(|place| place.file()), Some(file!()));
    assert_eq!(polls.count(), 8);
}

// Cancelling-8
async fn a_child_in_line_leaves_the_line_and_its_slot_to_others(on: Site) {
    for grace in [std::time::Duration::ZERO, HOUR] {
        let options = GroupOptions::new().limit(1).grace(grace);
        let group = options.on(&on.spawner).group();
        let (gate, log) = (Gate::new(), Trace::new());
        let waits = gate.clone();
        let running = group.spawn(async move { waits.wait().await });
        let drops = Drops::new();
        let line: Vec<_> = (0..4)
            .map(|number| {
                let (trace, held) = (log.clone(), drops.witness());
                group.spawn(async move {
                    let _held = held;
                    trace.log(format!("{number}"));
                })
            })
            .collect();
        assert_eq!(group.waiting(), 4);
        line[0].cancel_with(stop());
        line[2].cancel();
        until(|| line[0].is_finished() && group.len() == 3).await;
        // Although the one that runs is still there.
        assert_eq!((group.waiting(), drops.count(), group.len()), (2, 2, 3));
        assert!(!running.is_finished() && !group.is_cancelled());
        assert_eq!(reason(&line[0]), Some(stop()));
        assert_eq!(kind(&line[2]), Some(CancelKind::Explicit));
        gate.open();
        let tally = group.join().await;
        assert_eq!((tally.ok, tally.cancelled), (3, 2));
        assert_eq!(log.entries(), ["1", "3"], "one at a time, in line");
    }
}

// Cancelling-8
async fn the_slot_of_a_cancelled_child_passes_on(on: Site) {
    let group = GroupOptions::new().limit(1).on(&on.spawner).group();
    let gate = Gate::new();
    let waits = gate.clone();
    let running = group.spawn(async move { waits.wait().await });
    let next = group.spawn(async { 2 });
    until(|| gate.waiting() == 1).await;
    running.cancel();
    assert_eq!(next.await, Ok(2));
    assert_eq!(group.spawn(async { 3 }).await, Ok(3));
    assert_eq!(kind(&running), Some(CancelKind::Explicit));
    assert_eq!(group.join().await.total(), 3);
}

// Cancelling-8, Cancelling-4
async fn within_the_grace_a_child_alone_goes_on(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (gate, polls) = (Gate::new(), Polls::new());
    let waits = gate.clone();
    let sibling = group.spawn(polls.clone().of(async move {
        waits.wait().await;
        cancel_reason()
    }));
    let told = group.spawn(async {
        let reason = current_token().cancelled().await;
        assert_eq!(cancel_reason(), Some(reason.clone()));
        reason
    });
    until(|| gate.waiting() == 1).await;
    told.cancel_with(stop());
    // Its value counts, since it came in time.
    assert_eq!(told.await, Ok(stop()));
    yields(10).await;
    assert_eq!((polls.count(), group.is_cancelled()), (1, false));
    gate.open();
    assert_eq!(sibling.await, Ok(None));
    group.join().await;
}

// Cancelling-3, Cancelling-8
async fn a_child_that_is_over_stays_what_it_is(on: Site) {
    for grace in [std::time::Duration::ZERO, HOUR] {
        let group = GroupOptions::new().grace(grace).on(&on.spawner).group();
        let key = group.spawn(async { 7 });
        until(|| key.is_finished()).await;
        key.cancel();
        group.join().await;
        key.cancel();
        assert_eq!(key.await, Ok(7));
        assert_eq!((group.tally().ok, group.tally().cancelled), (1, 0));
    }
    // A second cancel of the child, or one of the group later, finds the first.
    let group = GroupOptions::new().on(&on.spawner).group();
    let key = group.spawn(pending::<()>());
    key.cancel_with(stop());
    until(|| key.is_finished()).await;
    key.cancel();
    group.cancel();
    group.join().await;
    assert_eq!(reason(&key), Some(stop()));
}

// Cancelling-8, Errors-4
async fn a_cancelled_child_is_no_failure(on: Site) {
    let value = ingather::on(&on.spawner).try_scope(|tg| async move {
        let key = tg.spawn(pending::<()>());
        key.cancel();
        assert!(key.await.unwrap_err().is_cancelled());
        Ok::<_, Fault>(7)
    });
    assert_eq!(value.await.ok(), Some(7));
}

// Cancelling-8, Shields-1, Shields-2
async fn a_child_behind_a_shield_is_dropped_when_that_is_over(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, log, drops) = (Gate::new(), Trace::new(), Drops::new());
    let (waits, trace, held) = (gate.clone(), log.clone(), drops.witness());
    let key = group.spawn(async move {
        let _held = held;
        shield(waits.wait()).await;
        trace.log("after the shield");
        yields(1).await;
        trace.log("too far");
    });
    until(|| gate.waiting() == 1).await;
    key.cancel_with(stop());
    yields(20).await;
    assert_eq!((drops.count(), key.is_finished()), (0, false));
    gate.open();
    until(|| key.is_finished()).await;
    assert_eq!(log.entries(), ["after the shield"]);
    assert_eq!(reason(&key), Some(stop()));
    assert!(!group.is_cancelled());
    group.join().await;
}

// Cancelling-7, Cancelling-8
async fn a_group_inside_is_told_and_dropped_with_the_child(on: Site) {
    for grace in [std::time::Duration::ZERO, HOUR] {
        let group = GroupOptions::new().grace(grace).on(&on.spawner).group();
        let keys = Arc::new(Mutex::new(None));
        let gate = Gate::new();
        let (kept, waits, inside) = (Arc::clone(&keys), gate.clone(), on.clone());
        let key = group.spawn(ingather::on(&on.spawner).scope(|tg| async move {
            let waits_too = waits.clone();
            let told = tg.spawn(async move {
                let both = futures::future::join(current_token().cancelled_owned(), async {
                    waits_too.wait().await;
                });
                both.await.0
            });
            drop(inside);
            *kept.lock().unwrap() = Some(told);
            waits.wait().await;
        }));
        until(|| gate.waiting() == 2).await;
        key.cancel_with(stop());
        if grace > SECOND {
            gate.open();
        }
        group.join().await;
        let told: Key<CancelReason> = keys.lock().unwrap().take().expect("it was started");
        let read = if grace > SECOND {
            told.await.expect("it had time")
        } else {
            assert_eq!(reason(&key), Some(stop()));
            reason(&told).expect("it was dropped")
        };
        assert_eq!((read.kind(), read.root()), (CancelKind::Parent, &stop()));
    }
}

// Cancelling-8, Shields-3
async fn the_siblings_of_a_shielded_grandchild_are_dropped(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, other, drops) = (Gate::new(), Gate::new(), Drops::new());
    let (waits, waits_too, held) = (gate.clone(), other.clone(), drops.witness());
    let key = group.spawn(ingather::on(&on.spawner).scope(|tg| async move {
        tg.spawn(shield(async move { waits.wait().await }));
        tg.spawn(async move {
            let _held = held;
            waits_too.wait().await;
        });
        pending::<()>().await;
    }));
    until(|| gate.waiting() + other.waiting() == 2).await;
    key.cancel();
    until(|| drops.all()).await;
    assert!(!key.is_finished(), "the shield holds it");
    assert_eq!(gate.waiting(), 1);
    gate.open();
    until(|| key.is_finished()).await;
    assert!(!group.is_cancelled());
    group.join().await;
}

// Cancelling-2, Cancelling-8, Cancelling-9
async fn a_child_that_cancels_itself_is_dropped_at_its_next_suspension(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let log = Trace::new();
    let trace = log.clone();
    let key = group.spawn(async move {
        let _dropped = trace.at_drop("dropped");
        assert!(current_token().cancel_with(stop()));
        assert!(!current_token().cancel());
        trace.log("cancelled");
        yields(1).await;
        trace.log("too far");
    });
    let tally = group.join().await;
    assert_eq!((tally.cancelled, log.entries().len()), (1, 2));
    let reason = reason(&key).unwrap();
    assert_eq!(reason.message(), stop().message());
    assert_eq!(reason.child(), Some(&key.child()));
    assert!(!group.is_cancelled());
}

/// Cancels one of two children, and then lets go of the other.
async fn cancels_one<K: Kind>(
    tg: Scope<'_, std::convert::Infallible, K>,
    one: Key<()>,
    other: Key<()>,
    gate: &Gate,
) {
    until(|| gate.waiting() == 2).await;
    one.cancel_with(stop());
    assert_eq!(
        one.await.unwrap_err().to_string(),
        "the child was cancelled by request: only this one"
    );
    assert!(!tg.is_cancelled() && !other.is_finished());
    gate.open();
    assert_eq!(other.await, Ok(()));
}

// Cancelling-8, Inline-1, Blocking-1
async fn children_of_scopes_that_borrow_are_cancelled_alone(on: Site) {
    let gate = Gate::new();
    ingather::inline::scope(|tg| {
        let gate = &gate;
        async move {
            let one = tg.spawn(async { gate.wait().await });
            let other = tg.spawn(async { gate.wait().await });
            cancels_one(tg, one, other, gate).await;
        }
    })
    .await;
    if may_block(&on) {
        let (gate, stopped) = (&Gate::new(), Gate::new());
        ingather::parallel::on(&on.spawner).scope(|tg| {
            let one = tg.spawn(async { gate.wait().await });
            let other = tg.spawn(async { gate.wait().await });
            one.cancel_with(stop());
            assert!(tg.wait(one).unwrap_err().is_cancelled());
            gate.open();
            stopped.open();
            assert_eq!(tg.wait(other), Ok(()));
        });
        assert!(stopped.is_open());
    }
}

// Cancelling-8
#[test]
fn a_local_child_is_cancelled_alone() {
    watched("a_local_child_is_cancelled_alone", || {
        let executor = TestExecutor::new();
        let options = GroupOptions::new().grace(SECOND);
        let local = options.local(&executor).scope(|tg| async move {
            let (gate, shared) = (Gate::new(), Rc::new(()));
            let mine = Rc::clone(&shared);
            let one = tg.spawn(async move {
                let _mine = mine;
                pending::<()>().await;
            });
            let waits = gate.clone();
            let other = tg.spawn(async move { waits.wait().await });
            one.cancel_with(stop());
            assert!((&mut { one }).await.unwrap_err().is_cancelled());
            assert_eq!(Rc::strong_count(&shared), 1);
            gate.open();
            other.await
        });
        assert_eq!(executor.block_on(local), Ok(()));
        assert_eq!(executor.elapsed(), SECOND);
    });
}

// Cancelling-1, Cancelling-8
#[test]
fn of_a_cancel_of_the_child_and_one_of_the_group_the_first_counts() {
    let name = "of_a_cancel_of_the_child_and_one_of_the_group_the_first_counts";
    over_seeds(name, || async {
        let trace = Trace::new();
        let log = trace.clone();
        let read = GroupOptions::new()
            .grace(10 * SECOND)
            .scope(|tg| async move {
                let spawn = |entry: &'static str| {
                    let log = log.clone();
                    tg.spawn(async move {
                        let _dropped = at_drop(&log, entry);
                        sleep(2 * SECOND).await;
                        let before =
                            cancel_reason().and_then(|reason| reason.message().map(str::to_owned));
                        sleep(6 * SECOND).await;
                        // What was read once is what it was, for the token and without one.
                        let after =
                            cancel_reason().and_then(|reason| reason.message().map(str::to_owned));
                        assert!(before.is_none() || before == after);
                        assert_eq!(current_token().reason(), cancel_reason());
                        pending::<()>().await;
                    })
                };
                let (key_first, group_first, group_alone) = (
                    spawn("key first"),
                    spawn("group first"),
                    spawn("group alone"),
                );
                sleep(SECOND).await;
                key_first.cancel_with(CancelReason::with_message("the key"));
                sleep(2 * SECOND).await;
                tg.cancel_with(CancelReason::with_message("the group"));
                sleep(2 * SECOND).await;
                group_first.cancel_with(CancelReason::with_message("too late"));
                (key_first, group_first, group_alone)
            });
        let (key_first, group_first, group_alone) = read.await;
        let entries = trace.entries();
        assert_eq!(entries[0], "11s: key first");
        assert_eq!(
            trace.sorted()[1..],
            ["13s: group alone", "13s: group first"]
        );
        let message =
            |key: &Key<()>| reason(key).and_then(|reason| reason.message().map(str::to_owned));
        assert_eq!(message(&key_first).as_deref(), Some("the key"));
        assert_eq!(message(&group_first).as_deref(), Some("the group"));
        assert_eq!(message(&group_alone).as_deref(), Some("the group"));
    });
}

// Cancelling-8
#[test]
fn a_child_in_line_is_dropped_by_a_driver_that_is_woken_for_it() {
    watched(
        "a_child_in_line_is_dropped_by_a_driver_that_is_woken_for_it",
        || {
            let stepper = stepper();
            let options = GroupOptions::new().limit(1).on(&stepper);
            let group = options.group();
            let drops = Drops::new();
            let running = group.spawn(pending::<()>());
            let held = drops.witness();
            let waits = group.spawn(async move { drop(held) });
            assert_eq!(stepper.run_until_idle(), 1);
            waits.cancel_with(stop());
            waits.cancel();
            assert_eq!((drops.count(), waits.is_finished()), (0, false));
            assert_eq!(stepper.run_until_idle(), 1);
            assert_eq!((drops.count(), group.len()), (1, 1));
            assert_eq!(reason(&waits), Some(stop()));
            running.cancel();
            stepper.run_until_idle();
            assert_eq!((group.len(), stepper.spawned()), (0, 1));
            drop(group);
        },
    );
}
