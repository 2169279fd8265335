//! `with_cleanup`: when it runs, how long, and what it may do.

use std::future::{Future, pending, ready};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
use ingather::clock::sleep;
use ingather::testing::Trace;
use ingather::{GatherGroup, GroupOptions, checkpoint, current_token, scope, shield, try_scope};

use crate::support::{
    Drops, Fault, Gate, HOUR, Polls, SECOND, Site, at_drop, behaviour, boom, kind, over_seeds,
    panic_when_awaited, until, yield_now, yields,
};

behaviour!(
    the_future_is_dropped_and_then_its_cleanup_runs,
    what_is_done_needs_no_cleanup,
    without_grace_the_cleanup_is_polled_once,
    a_cleanup_within_the_grace_is_waited_for,
    the_cleanup_of_a_body_that_can_fail_is_waited_for,
    the_body_of_a_scope_that_cannot_fail_goes_on,
    a_panic_drops_a_body_although_it_waits_for_a_cleanup,
    a_cleanup_that_panics_is_a_panic_of_the_child,
    a_cleanup_opens_a_scope,
    two_cleanups_in_one_child_are_both_waited_for,
    one_that_is_dropped_by_a_select_holds_nothing,
    one_that_is_dropped_by_its_owner_runs_no_cleanup,
    one_that_is_dropped_with_a_panic_holds_nothing_outside,
    a_key_cancels_with_cleanup,
    a_token_cancels_with_cleanup,
    a_cancel_that_comes_before_the_first_poll_runs_the_cleanup,
);

/// Waits for ever, with a trace of its drop, and has a cleanup that waits for the gate.
fn traced(log: &Trace, gate: &Gate) -> impl Future<Output = ()> + Send + use<> {
    let (log, gate, held) = (log.clone(), gate.clone(), log.at_drop("dropped"));
    let trace = log.clone();
    let hangs = async move {
        let _held = held;
        trace.log("begun");
        pending::<()>().await;
    };
    with_cleanup(hangs, move || async move {
        log.log("cleans up");
        gate.wait().await;
        yield_now().await;
        log.log("clean");
    })
}

// Cancelling-11
async fn the_future_is_dropped_and_then_its_cleanup_runs(on: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    gate.open();
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (child, trace) = (traced(&log, &gate), log.clone());
    let key = group.spawn(async move {
        child.await;
        trace.log("too far");
    });
    until(|| log.entries().len() == 1).await;
    group.cancel();
    let tally = group.join().await;
    assert_eq!(log.entries(), ["begun", "dropped", "cleans up", "clean"]);
    assert_eq!((tally.cancelled, tally.total()), (1, 1));
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
}

// Cancelling-11
async fn what_is_done_needs_no_cleanup(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let drops = Drops::new();
    let held = drops.witness();
    let (log, gate) = (Trace::new(), Gate::new());
    let (trace, waits) = (log.clone(), gate.clone());
    let key = group.spawn(async move {
        let seven = with_cleanup(ready(7), move || async move {
            let _held = held;
            trace.log("cleans up");
        });
        assert_eq!(seven.await, 7);
        waits.wait().await;
    });
    until(|| gate.waiting() == 1).await;
    assert_eq!(drops.count(), 1);
    group.cancel();
    group.join().await;
    assert_eq!(
        (log.entries().len(), kind(&key)),
        (0, Some(CancelKind::Explicit))
    );
}

// Cancelling-11
async fn without_grace_the_cleanup_is_polled_once(on: Site) {
    let (log, polls, begun) = (Trace::new(), Polls::new(), Gate::new());
    let group = GroupOptions::new().on(&on.spawner).group();
    let (trace, waits, cleanup) = (log.clone(), begun.clone(), polls.clone());
    group.spawn(with_cleanup(async move { waits.wait().await }, move || {
        cleanup.of(async move {
            let _dropped = trace.at_drop("dropped");
            trace.log("first");
            yield_now().await;
            trace.log("too far");
        })
    }));
    // One that needs one poll is complete.
    let (trace, waits) = (log.clone(), begun.clone());
    group.spawn(with_cleanup(
        async move { waits.wait().await },
        move || async move { trace.log("in one go") },
    ));
    until(|| begun.waiting() == 2).await;
    group.cancel();
    assert_eq!(group.join().await.cancelled, 2);
    assert_eq!(log.sorted(), ["dropped", "first", "in one go"]);
    assert_eq!(polls.count(), 1);
}

// Cancelling-11, Cancelling-4
async fn a_cleanup_within_the_grace_is_waited_for(on: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let inner = traced(&log, &gate);
    // In a group inside.
    let key = group.spawn(ingather::on(&on.spawner).scope(|tg| async move {
        tg.spawn(inner);
    }));
    until(|| !log.entries().is_empty()).await;
    group.cancel();
    until(|| gate.waiting() == 1).await;
    yields(20).await;
    assert_eq!((log.entries().len(), key.is_finished()), (3, false));
    gate.open();
    // The group inside has ended well by then, since nothing dropped the child that it is in.
    group.join().await;
    assert_eq!((log.entries().len(), key.await), (4, Ok(())));
}

// Cancelling-11, Errors-1
async fn the_cleanup_of_a_body_that_can_fail_is_waited_for(on: Site) {
    for grace in [Duration::ZERO, HOUR] {
        let (log, gate) = (Trace::new(), Gate::new());
        gate.open();
        let (body, trace) = (traced(&log, &gate), log.clone());
        let options = GroupOptions::new().grace(grace).on(&on.spawner);
        let error = options.try_scope(|tg| async move {
            tg.try_spawn(async move {
                until(|| !trace.entries().is_empty()).await;
                Err::<(), _>(Fault("a child"))
            });
            body.await;
            Ok::<_, Fault>(())
        });
        let error = error.await.unwrap_err();
        assert_eq!(error.first().error(), Some(&Fault("a child")));
        let expected = ["begun", "dropped", "cleans up", "clean"];
        let reached = if grace.is_zero() { 3 } else { 4 };
        assert_eq!(log.entries(), expected[..reached]);
    }
}

// Cancelling-11, Errors-1
async fn the_body_of_a_scope_that_cannot_fail_goes_on(on: Site) {
    let log = Trace::new();
    let trace = log.clone();
    let value = ingather::on(&on.spawner).scope(|tg| async move {
        let kept = with_cleanup(
            async move {
                tg.cancel();
                yields(5).await;
                cancel_reason().map(|reason| reason.kind())
            },
            move || async move { trace.log("cleans up") },
        );
        kept.await
    });
    assert_eq!(value.await, Some(CancelKind::Explicit));
    assert!(log.entries().is_empty());
}

// Cancelling-11, Panics-1
async fn a_panic_drops_a_body_although_it_waits_for_a_cleanup(on: Site) {
    let drops = Drops::new();
    let held = drops.witness();
    let scope = ingather::on(&on.spawner).scope(|tg| async move {
        tg.spawn(async {
            yields(3).await;
            boom("of a child")
        });
        let hangs = async move {
            let _held = held;
            pending::<()>().await;
        };
        with_cleanup(hangs, || async {}).await;
    });
    assert_eq!(panic_when_awaited(scope).await, "of a child");
    assert!(drops.all());
}

// Cancelling-11, Panics-1
async fn a_cleanup_that_panics_is_a_panic_of_the_child(on: Site) {
    for late in [false, true] {
        let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
        let begun = Gate::new();
        let waits = begun.clone();
        let key = group.spawn(with_cleanup(async move { waits.wait().await }, move || {
            if !late {
                boom("in the clean-up");
            }
            async {
                yield_now().await;
                boom("in the clean-up")
            }
        }));
        until(|| begun.waiting() == 1).await;
        group.cancel();
        assert_eq!(panic_when_awaited(group.join()).await, "in the clean-up");
        assert_eq!(key.await.unwrap_err().to_string(), "the child panicked");
    }
}

// Cancelling-11, Cancelling-7
async fn a_cleanup_opens_a_scope(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (log, begun, inside) = (Trace::new(), Gate::new(), on.clone());
    let (trace, waits) = (log.clone(), begun.clone());
    group.spawn(with_cleanup(async move { waits.wait().await }, move || {
        ingather::on(&inside.spawner).scope(|tg| async move {
            assert!(tg.is_cancelled() && checkpoint().await.is_err());
            let in_child = trace.clone();
            tg.spawn(async move {
                yields(3).await;
                in_child.log("child");
            });
            // What must not hear of it is shielded.
            let shielded = shield(async { current_token().is_cancelled() }).await;
            trace.log(format!("shielded {shielded}"));
        })
    }));
    until(|| begun.waiting() == 1).await;
    group.cancel();
    group.join().await;
    assert_eq!(log.sorted(), ["child", "shielded false"]);
}

// Cancelling-11
async fn two_cleanups_in_one_child_are_both_waited_for(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (one, two) = (Trace::new(), Trace::new());
    let (first, second) = (Gate::new(), Gate::new());
    let both = futures::future::join(traced(&one, &first), traced(&two, &second));
    let key = group.spawn(both);
    until(|| one.entries().len() + two.entries().len() == 2).await;
    group.cancel();
    until(|| first.waiting() + second.waiting() == 2).await;
    first.open();
    until(|| one.entries().len() == 4).await;
    yields(10).await;
    assert!(!key.is_finished());
    second.open();
    group.join().await;
    assert_eq!(two.entries().len(), 4);
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
}

// Cancelling-11, Shields-6
async fn one_that_is_dropped_by_a_select_holds_nothing(on: Site) {
    for body in [false, true] {
        let (log, gate) = (Trace::new(), Gate::new());
        let kept = traced(&log, &gate);
        let waits = gate.clone();
        let loses = async move {
            futures::future::select(Box::pin(kept), ready(())).await;
            waits.wait().await;
        };
        if body {
            let (kept, waits) = (loses, gate.clone());
            let scope = try_scope_in(&on, |tg| async move {
                tg.try_spawn(async move {
                    until(|| waits.waiting() == 1).await;
                    Err::<(), _>(Fault("a child"))
                });
                kept.await;
                Ok(())
            });
            assert_eq!(scope.await.unwrap_err().len(), 1);
        } else {
            let group = GroupOptions::new().on(&on.spawner).group();
            let key = group.spawn(loses);
            until(|| gate.waiting() == 1).await;
            group.cancel();
            group.join().await;
            assert_eq!(kind(&key), Some(CancelKind::Explicit));
        }
        assert_eq!(log.entries(), ["begun", "dropped"], "no clean-up");
    }
}

/// A `try_scope` on the spawner of the site.
fn try_scope_in<B, F>(
    on: &Site,
    body: B,
) -> impl Future<Output = Result<(), ingather::GroupError<Fault>>> + use<B, F>
where
    B: FnOnce(ingather::Scope<'static, Fault>) -> F,
    F: Future<Output = Result<(), Fault>>,
{
    ingather::on(&on.spawner).try_scope(body)
}

// Cancelling-11, Dropping-1
async fn one_that_is_dropped_by_its_owner_runs_no_cleanup(on: Site) {
    for cancelled in [false, true] {
        let (log, gate) = (Trace::new(), Gate::new());
        let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
        let key = group.spawn(traced(&log, &gate));
        until(|| log.entries().len() == 1).await;
        if cancelled {
            group.cancel();
            until(|| gate.waiting() == 1).await;
        }
        drop(group);
        until(|| key.is_finished() && gate.waiting() == 0).await;
        let expected = ["begun", "dropped", "cleans up"];
        assert_eq!(log.entries(), expected[..if cancelled { 3 } else { 2 }]);
    }
}

// Cancelling-11
async fn one_that_is_dropped_with_a_panic_holds_nothing_outside(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, inside) = (Gate::new(), on.clone());
    let waits = gate.clone();
    let key = group.spawn(async move {
        let inner = GatherGroup::on(&inside.spawner);
        inner.spawn(with_cleanup(async { boom("inside") }, || async {}));
        let joined = std::panic::AssertUnwindSafe(inner.join()).catch_unwind();
        assert!(joined.await.is_err());
        drop(inner);
        waits.wait().await;
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    group.join().await;
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
}

// Cancelling-11, Cancelling-8
async fn a_key_cancels_with_cleanup(on: Site) {
    for grace in [Duration::ZERO, HOUR] {
        let (log, gate) = (Trace::new(), Gate::new());
        gate.open();
        let group = GroupOptions::new().grace(grace).on(&on.spawner).group();
        let key = group.spawn(traced(&log, &gate));
        until(|| log.entries().len() == 1).await;
        key.cancel();
        until(|| key.is_finished()).await;
        let reached = if grace.is_zero() { 3 } else { 4 };
        assert_eq!(log.entries().len(), reached);
        assert_eq!(kind(&key), Some(CancelKind::Explicit));
        assert!(!group.is_cancelled());
        group.join().await;
    }
}

// Cancelling-11
async fn a_token_cancels_with_cleanup(on: Site) {
    for n in 0..4 {
        let (of_group, grace) = (n % 2 == 0, [Duration::ZERO, HOUR][n / 2]);
        let (log, gate) = (Trace::new(), Gate::new());
        gate.open();
        let group = GroupOptions::new().grace(grace).on(&on.spawner).group();
        let (sender, token) = oneshot::channel();
        // Two, of which one was polled before there was a token.
        let kept = [traced(&log, &gate), traced(&log, &gate)];
        let key = group.spawn(async move {
            let [mut one, two] = kept.map(Box::pin);
            assert!(futures::poll!(&mut one).is_pending());
            sender.send(current_token()).unwrap();
            futures::join!(one, two);
        });
        until(|| log.entries().len() == 2).await;
        let token = match of_group {
            true => group.token(),
            false => token.await.unwrap(),
        };
        token.cancel();
        until(|| key.is_finished()).await;
        let reached = if grace.is_zero() { 6 } else { 8 };
        assert_eq!(log.entries().len(), reached, "{of_group} {grace:?}");
        assert_eq!(group.is_cancelled(), of_group);
        group.join().await;
    }
}

// Cancelling-11
async fn a_cancel_that_comes_before_the_first_poll_runs_the_cleanup(on: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    gate.open();
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let kept = traced(&log, &gate);
    let handle = group.handle();
    group.spawn(async move {
        handle.cancel();
        kept.await;
    });
    group.join().await;
    assert_eq!(log.entries(), ["begun", "dropped", "cleans up", "clean"]);
}

/// Cleans up for so long.
fn slow(trace: &Trace, seconds: u32) -> impl Future<Output = ()> + Send + use<> {
    let log = trace.clone();
    with_cleanup(pending(), move || async move {
        let _dropped = at_drop(&log, "clean-up dropped");
        sleep(seconds * SECOND).await;
        log.log_at("clean");
    })
}

// Cancelling-11
#[test]
fn a_cleanup_that_never_ends_is_dropped_when_the_grace_is_over() {
    let name = "a_cleanup_that_never_ends_is_dropped_when_the_grace_is_over";
    let options = || GroupOptions::new().grace(5 * SECOND);
    let dropped = ["6s: clean-up dropped"];
    over_seeds(name, || async {
        let trace = Trace::new();
        let child = slow(&trace, 3600);
        let in_child = options().scope(|tg| async move {
            tg.spawn(child);
            sleep(SECOND).await;
            tg.cancel();
        });
        in_child.await;
        trace.assert(dropped);
    });
    over_seeds(name, || async {
        let trace = Trace::new();
        let body = slow(&trace, 3600);
        let in_body = options().timeout(SECOND).try_scope(|_| async move {
            body.await;
            Ok::<_, Fault>(())
        });
        assert!(in_body.await.unwrap_err().is_timeout());
        trace.assert(dropped);
    });
    over_seeds(name, || async {
        // In the bodies and the child of groups further in.
        let trace = Trace::new();
        let (one, two, three) = (slow(&trace, 3600), slow(&trace, 3600), slow(&trace, 3600));
        let inside = options().scope(|tg| async move {
            tg.spawn(scope(|_| one));
            tg.spawn(try_scope(|_| async move {
                two.await;
                Ok::<_, Fault>(())
            }));
            tg.spawn(scope(|tg| async move {
                tg.spawn(three);
            }));
            sleep(SECOND).await;
            tg.cancel();
        });
        inside.await;
        trace.assert([dropped[0]; 3]);
    });
}

// Cancelling-11
#[test]
fn a_cleanup_that_ends_ends_the_child() {
    over_seeds("a_cleanup_that_ends_ends_the_child", || async {
        let trace = Trace::new();
        let (one, two) = (slow(&trace, 2), slow(&trace, 3));
        let log = trace.clone();
        let options = GroupOptions::new().grace(HOUR).timeout(SECOND);
        let error = options.try_scope(|tg| async move {
            let _dropped = at_drop(&log, "body dropped");
            tg.spawn(scope(|tg| async move {
                tg.spawn(one);
            }));
            two.await;
            Ok::<_, Fault>(())
        });
        assert!(error.await.unwrap_err().is_timeout());
        trace.assert([
            "3s: clean",
            "3s: clean-up dropped",
            "4s: clean",
            "4s: clean-up dropped",
            "4s: body dropped",
        ]);
    });
}
