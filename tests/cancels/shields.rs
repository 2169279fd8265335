//! Shields: what they hold off, for whom, and what is read behind them.

use std::future::{Future, pending};

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::cancel::{CancelKind, cancel_reason, current_deadline};
use ingather::{CancelReason, Deadline, GroupOptions, checkpoint, current_token, shield};

use crate::support::{
    AtOnce, Drops, Fault, Gate, HOUR, Polls, Site, Trace, behaviour, kind, until, yield_now, yields,
};

behaviour!(
    a_shield_holds_off_the_drop_of_its_child,
    behind_a_shield_everything_reads_uncancelled,
    a_shield_in_a_body_holds_off_its_drop,
    a_shield_further_in_holds_all_that_it_is_in,
    the_siblings_are_dropped_when_their_grace_is_over,
    ten_shields_in_each_other_hold_until_the_outermost_is_over,
    ten_groups_in_each_other_are_held_by_one_shield,
);

/// Waits for the gate behind a shield, then adds to the log, and again after it has suspended.
pub(crate) fn shielded(log: &Trace, gate: &Gate) -> impl Future<Output = ()> + Send + use<> {
    let (log, gate) = (log.clone(), gate.clone());
    async move {
        let _dropped = log.at_drop("dropped");
        let waits = gate.clone();
        shield(async move {
            waits.wait().await;
            yield_now().await;
        })
        .await;
        log.log("over");
        yield_now().await;
        log.log("suspended");
    }
}

// Shields-1, Shields-2
async fn a_shield_holds_off_the_drop_of_its_child(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (log, gate, drops, polls) = (Trace::new(), Gate::new(), Drops::new(), Polls::new());
    let key = group.spawn(polls.clone().of(shielded(&log, &gate)));
    let held = drops.witness();
    group.spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    // The sibling goes, the child stays.
    until(|| drops.all() && group.len() == 1).await;
    yields(20).await;
    assert_eq!((group.len(), log.entries().len()), (1, 0));
    gate.open();
    let tally = group.join().await;
    assert_eq!((tally.cancelled, tally.total()), (2, 2));
    assert_eq!(log.entries(), ["over", "dropped"]);
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
    // The first poll, one more when it was cancelled, and two for the gate and the suspension behind the shield.
    assert!(polls.count() <= 4, "polled {} times", polls.count());
}

// Shields-1
async fn behind_a_shield_everything_reads_uncancelled(on: Site) {
    for grace in [None, Some(HOUR)] {
        let options = GroupOptions::new().on(&on.spawner).timeout(HOUR);
        let group = match grace {
            None => options.group(),
            Some(grace) => options.grace(grace).group(),
        };
        let (gate, inside) = (Gate::new(), on.clone());
        let waits = gate.clone();
        let done = Gate::new();
        let tells = done.clone();
        group.spawn(async move {
            let outside = current_token();
            shield(async move {
                let token = current_token();
                waits.wait().await;
                assert!(outside.is_cancelled() && !token.is_cancelled());
                assert_eq!((cancel_reason(), checkpoint().await), (None, Ok(())));
                assert!(token.same_as(&current_token()));
                assert!(token.cancelled().at_once().is_none());
                assert_eq!(current_deadline(), Deadline::NEVER);
                let inner = ingather::on(&inside.spawner).scope(|tg| async move {
                    let key = tg.spawn(async {
                        (
                            cancel_reason(),
                            current_token().is_cancelled(),
                            current_deadline(),
                        )
                    });
                    assert_eq!(key.await, Ok((None, false, Deadline::NEVER)));
                    assert!(!tg.is_cancelled() && !tg.token().is_cancelled());
                });
                inner.await;
                tells.open();
            })
            .await;
            // What came meanwhile is there again.
            assert!(cancel_reason().is_some() && current_token().is_cancelled());
        });
        until(|| gate.waiting() == 1).await;
        group.cancel();
        gate.open();
        group.join().await;
        assert!(done.is_open());
    }
}

// Shields-1, Shields-2, Errors-1
async fn a_shield_in_a_body_holds_off_its_drop(on: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    let (body, waits) = (shielded(&log, &gate), gate.clone());
    let (drops, trace) = (Drops::new(), log.clone());
    let held = drops.witness();
    let opens = async {
        until(|| gate.waiting() == 1).await;
        until(|| drops.all()).await;
        yields(20).await;
        trace.log("opens");
        gate.open();
    };
    let scope = ingather::on(&on.spawner).try_scope(|tg| async move {
        tg.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        tg.try_spawn(async move {
            until(|| waits.waiting() == 1).await;
            Err::<(), _>(Fault("a child"))
        });
        body.await;
        Ok(())
    });
    let (result, ()) = futures::future::join(scope.boxed(), opens).await;
    assert_eq!(result.unwrap_err().first().error(), Some(&Fault("a child")));
    assert_eq!(log.entries(), ["opens", "over", "dropped"]);
}

// Shields-1, Shields-3
async fn a_shield_further_in_holds_all_that_it_is_in(on: Site) {
    for by_key in [false, true] {
        let group = GroupOptions::new().on(&on.spawner).group();
        let (log, gate, others) = (Trace::new(), Gate::new(), Gate::new());
        let (child, inside, drops) = (shielded(&log, &gate), on.clone(), Drops::new());
        let wait = |drops: &Drops| {
            let (held, waits) = (drops.witness(), others.clone());
            async move {
                let _held = held;
                waits.wait().await;
            }
        };
        let (one, two, three, four) = (wait(&drops), wait(&drops), wait(&drops), wait(&drops));
        let end = log.at_drop("child of the group dropped");
        let key = group.spawn(async move {
            let _end = end;
            let middle = ingather::on(&inside.spawner.clone()).try_scope(|tg| async move {
                tg.spawn(one);
                let innermost = tg.spawn(ingather::on(&inside.spawner).scope(|tg| async move {
                    tg.spawn(two);
                    tg.spawn(child);
                }));
                three.await;
                drop(innermost.await);
                Ok::<_, Fault>(())
            });
            let _ = middle.await;
            pending::<()>().await;
        });
        let sibling = group.spawn(four);
        until(|| gate.waiting() + others.waiting() == 5).await;
        if by_key {
            key.cancel();
            sibling.cancel();
        } else {
            group.cancel();
        }
        // Children and bodies on the way are dropped, the one that is shielded is not, nor what it is in.
        until(|| drops.all() && group.len() == 1).await;
        yields(20).await;
        assert_eq!((log.entries().len(), group.len()), (0, 1));
        gate.open();
        until(|| key.is_finished()).await;
        group.join().await;
        until(|| log.entries().len() == 3).await;
        // What it is in goes when the shield is over, and itself at its next suspension.
        let expected = ["child of the group dropped", "dropped", "over"];
        assert_eq!(log.sorted(), expected);
    }
}

// Shields-3, Cancelling-7
async fn the_siblings_are_dropped_when_their_grace_is_over(on: Site) {
    // Within the grace the siblings go on; the shield changes nothing for them.
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (log, gate) = (Trace::new(), Gate::new());
    group.spawn(shielded(&log, &gate));
    let told = group.spawn(async { current_token().cancelled().await.kind() });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    assert_eq!(told.await, Ok(CancelKind::Explicit));
    gate.open();
    // And the child has what is left of its own.
    assert_eq!(group.join().await.ok, 2);
    assert_eq!(log.entries(), ["over", "suspended", "dropped"]);
}

fn shields(depth: usize, gate: Gate, log: Trace) -> BoxFuture<'static, ()> {
    async move {
        if depth == 0 {
            gate.wait().await;
        } else {
            shield(shields(depth - 1, gate, log.clone())).await;
        }
        // Between two of them there may be suspensions.
        yields(2).await;
        log.log(format!("{depth} {}", current_token().is_cancelled()));
    }
    .boxed()
}

// Shields-1, Shields-2
async fn ten_shields_in_each_other_hold_until_the_outermost_is_over(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (log, gate) = (Trace::new(), Gate::new());
    let key = group.spawn(shields(10, gate.clone(), log.clone()));
    until(|| gate.waiting() == 1).await;
    group.cancel();
    gate.open();
    group.join().await;
    let expected: Vec<_> = (0..10).map(|depth| format!("{depth} false")).collect();
    assert_eq!(
        (log.entries(), kind(&key)),
        (expected, Some(CancelKind::Explicit))
    );
}

fn scopes(on: Site, depth: usize, gate: Gate, log: Trace) -> BoxFuture<'static, ()> {
    let dropped = log.at_drop(format!("{depth}"));
    async move {
        let _dropped = dropped;
        if depth == 0 {
            shield(gate.wait()).await;
            log.log("over");
            return;
        }
        ingather::on(&on.spawner.clone())
            .scope(|tg| async move {
                tg.spawn(pending::<()>());
                tg.spawn(scopes(on, depth - 1, gate, log)).await
            })
            .await
            .ok();
    }
    .boxed()
}

// Shields-1, Shields-3
async fn ten_groups_in_each_other_are_held_by_one_shield(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (log, gate) = (Trace::new(), Gate::new());
    group.spawn(scopes(on.clone(), 10, gate.clone(), log.clone()));
    until(|| gate.waiting() == 1).await;
    group.cancel_with(CancelReason::with_message("outermost"));
    yields(50).await;
    assert_eq!((log.entries().len(), group.len()), (0, 1));
    gate.open();
    let tally = group.join().await;
    assert_eq!(tally.total(), 1);
    until(|| log.entries().len() == 12).await;
    assert!(log.entries().contains(&"over".to_owned()));
}
