//! Shields beside each other, moved, in scopes that borrow, and what they do not reach.

use crate::shields::shielded;
use crate::support::{
    Drops, Fault, Gate, HOUR, Site, Trace, Witness, behaviour, kind, may_block, reason, until,
    yield_now, yields,
};
use futures::future::BoxFuture;
use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
use ingather::spawner::SpawnerHandle;
use ingather::{
    CancelReason, CancelToken, GatherGroup, GroupOptions, Key, current_token, inline, shield,
};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

behaviour!(
    a_shield_opened_after_the_cancel_holds,
    a_shield_opened_within_the_grace_holds_beyond_it,
    a_child_started_from_behind_a_shield_is_not_covered,
    several_shields_beside_each_other_hold_until_all_are_over,
    a_shield_moved_to_another_task_holds_where_it_was_raised,
    shields_hold_in_scopes_that_borrow,
    a_child_that_is_ready_at_the_end_of_its_shield_gives_its_value,
    a_group_behind_a_shield_is_not_told_through_a_shield_in_it,
    a_shield_holds_what_lies_beside_it,
);

// Shields-1
async fn a_shield_opened_after_the_cancel_holds(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (log, gate, handle) = (Trace::new(), Gate::new(), group.handle());
    let child = shielded(&log, &gate);
    let key = group.spawn(async move {
        // In one poll: there is no suspension in between at which it could be dropped.
        handle.cancel();
        child.await;
    });
    until(|| gate.waiting() == 1).await;
    yields(20).await;
    assert!(!key.is_finished());
    gate.open();
    group.join().await;
    assert_eq!(log.entries(), ["over", "dropped"]);
    // The same in a body, and after a shield.
    let (log, gate) = (Trace::new(), Gate::new());
    gate.open();
    let (one, two) = (gate.clone(), gate.clone());
    let trace = log.clone();
    let scope = ingather::on(&on.spawner).try_scope(|tg| async move {
        tg.cancel();
        shield(async move {
            yields(2).await;
            one.wait().await;
        })
        .await;
        trace.log("first");
        shield(async move {
            yields(2).await;
            two.wait().await;
        })
        .await;
        trace.log("second");
        yield_now().await;
        trace.log("too far");
        Ok::<_, Fault>(())
    });
    assert!(scope.await.unwrap_err().cancelled().is_some());
    assert_eq!(log.entries(), ["first", "second"]);
}

// Shields-1, Cancelling-4
async fn a_shield_opened_within_the_grace_holds_beyond_it(on: Site) {
    // Whose end is here the failure of the grandchild's group further out, which has none.
    let outer = GroupOptions::new().on(&on.spawner).group();
    let (log, gate, inside) = (Trace::new(), Gate::new(), on.clone());
    let child = shielded(&log, &gate);
    let (waits, drops) = (gate.clone(), Drops::new());
    let held = drops.witness();
    let key = outer.spawn(async move {
        let options = GroupOptions::new().grace(HOUR).on(&inside.spawner);
        let inner = options.scope(|tg| async move {
            tg.spawn(async move {
                current_token().cancelled().await;
                child.await;
            });
            tg.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            tg.cancel();
            until(|| waits.waiting() == 1).await;
        });
        inner.await;
    });
    until(|| gate.waiting() == 1).await;
    outer.cancel();
    // The sibling goes when the cancel has come so far.
    until(|| drops.all()).await;
    yields(20).await;
    assert_eq!((key.is_finished(), log.entries().len()), (false, 0));
    gate.open();
    outer.join().await;
    until(|| log.entries().len() == 2).await;
    assert_eq!(log.entries(), ["over", "dropped"]);
}

// Shields-4
async fn a_child_started_from_behind_a_shield_is_not_covered(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, drops, begun, inside) = (Gate::new(), Drops::new(), Gate::new(), on.clone());
    let (waits, held, handle, begins) =
        (gate.clone(), drops.witness(), group.handle(), begun.clone());
    group.spawn(async move {
        shield(async move {
            // From a scope inside the shield, too.
            ingather::on(&inside.spawner)
                .scope(|_| async move {
                    handle.spawn(async move {
                        let _held = held;
                        begins.wait().await;
                    });
                })
                .await;
            waits.wait().await;
        })
        .await;
    });
    until(|| begun.waiting() + gate.waiting() == 2).await;
    group.cancel();
    until(|| drops.all() && group.len() == 1).await;
    assert_eq!(gate.waiting(), 1);
    gate.open();
    group.join().await;
}

// Shields-1, Shields-2
async fn several_shields_beside_each_other_hold_until_all_are_over(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let gates: Vec<_> = (0..5).map(|_| Gate::new()).collect();
    let waits = gates.clone();
    let key = group.spawn(async move {
        let all: Vec<_> = waits.into_iter().map(|gate| shield(gate.wait())).collect();
        futures::future::join_all(all).await;
        pending::<()>().await;
    });
    until(|| gates.iter().all(|gate| gate.waiting() == 1)).await;
    group.cancel();
    for at in [3, 0, 4, 1] {
        gates[at].open();
        yields(5).await;
        assert!(!key.is_finished());
    }
    gates[2].open();
    group.join().await;
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
}

// Shields-1
async fn a_shield_moved_to_another_task_holds_where_it_was_raised(on: Site) {
    type Moved = Pin<Box<dyn Future<Output = bool> + Send>>;
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, place) = (Gate::new(), Arc::new(Mutex::new(None::<Moved>)));
    let (waits, puts) = (gate.clone(), Arc::clone(&place));
    let key = group.spawn(async move {
        let mut shield: Option<Moved> = Some(Box::pin(shield(async move {
            waits.wait().await;
            current_token().is_cancelled()
        })));
        poll_fn(|cx| {
            assert!(
                shield
                    .as_mut()
                    .is_some_and(|shield| shield.as_mut().poll(cx).is_pending())
            );
            Poll::Ready(())
        })
        .await;
        *puts.lock().unwrap() = shield.take();
        pending::<()>().await;
    });
    let moved = loop {
        if let Some(moved) = place.lock().unwrap().take() {
            break moved;
        }
        yield_now().await;
    };
    group.cancel();
    yields(20).await;
    assert!(!key.is_finished(), "it holds where it was raised");
    // It does not hold what it is polled in now.
    let other = GatherGroup::on(&on.spawner);
    let next = other.spawn(moved);
    until(|| gate.waiting() == 1).await;
    yields(5).await;
    gate.open();
    assert_eq!(next.await, Ok(false));
    group.join().await;
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
    other.join().await;
}

/// Opens the gate behind a shield that is over once the sibling is dropped, and says what was read there.
async fn outlives(begun: &Gate, drops: &Drops) -> Option<CancelReason> {
    shield(async {
        begun.open();
        until(|| drops.count() == 1).await;
        cancel_reason()
    })
    .await
}

async fn holds(drops: &Drops) {
    let _held = drops.witness();
    pending::<()>().await;
}

// Shields-1, Shields-3, Inline-1, Blocking-1
async fn shields_hold_in_scopes_that_borrow(on: Site) {
    let (drops, begun) = (Drops::new(), Gate::new());
    inline::scope(|tg| {
        let (drops, begun) = (&drops, &begun);
        async move {
            let shielded = tg.spawn(outlives(begun, drops));
            let other = tg.spawn(holds(drops));
            until(|| begun.is_open() && drops.made() == 1).await;
            tg.cancel();
            assert_eq!(shielded.await, Ok(None));
            assert!(reason(&other).is_some());
        }
    })
    .await;
    if may_block(&on) {
        let drops = Drops::new();
        let (keys, begun) = (Mutex::new(None), Gate::new());
        ingather::parallel::on(&on.spawner).scope(|tg| {
            let (drops, begun) = (&drops, &begun);
            let shielded = tg.spawn(async move {
                until(|| drops.made() == 1).await;
                outlives(begun, drops).await
            });
            let other = tg.spawn(holds(drops));
            let cancels = tg.spawn(async move {
                begun.wait().await;
                current_token().cancel();
            });
            drop(cancels);
            let handle = tg.clone();
            tg.spawn(async move {
                begun.wait().await;
                handle.cancel();
            });
            *keys.lock().unwrap() = Some((shielded, other));
        });
        let (shielded, other): (Key<_>, Key<_>) = keys.lock().unwrap().take().unwrap();
        // It gave its value without suspending after the shield.
        assert_eq!(shielded.await, Ok(None));
        assert_eq!(kind(&other), Some(CancelKind::Explicit));
    }
}

// Shields-2, Cancelling-2
async fn a_child_that_is_ready_at_the_end_of_its_shield_gives_its_value(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let gate = Gate::new();
    let waits = gate.clone();
    let key = group.spawn(async move {
        shield(waits.wait()).await;
        7
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    gate.open();
    assert_eq!(group.join().await.ok, 1);
    assert_eq!(key.await, Ok(7));
}

// Shields-1, Cancelling-11
async fn a_group_behind_a_shield_is_not_told_through_a_shield_in_it(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, log, inside) = (Gate::new(), Trace::new(), on.clone());
    let (waits, trace) = (gate.clone(), log.clone());
    let key = group.spawn(shield(async move {
        ingather::on(&inside.spawner)
            .scope(|tg| async move {
                let wait = |entry: &'static str| {
                    let (waits, log) = (waits.clone(), trace.clone());
                    async move {
                        waits.wait().await;
                        yield_now().await;
                        log.log(entry);
                    }
                };
                tg.spawn(shield(wait("shielded")));
                tg.spawn(with_cleanup(wait("with a clean-up"), || async {}));
                tg.spawn(wait("neither"));
                wait("body").await;
                assert!(!tg.is_cancelled());
            })
            .await;
        7
    }));
    until(|| gate.waiting() == 4).await;
    group.cancel();
    yields(20).await;
    assert_eq!((gate.waiting(), group.len()), (4, 1));
    gate.open();
    assert_eq!(group.join().await.ok, 1);
    assert_eq!(key.await, Ok(7));
    assert_eq!(
        log.sorted(),
        ["body", "neither", "shielded", "with a clean-up"]
    );
}

/// A scope with a child that waits, behind a shield or not, and another that goes on in the end.
fn beside(
    on: SpawnerHandle,
    stands: bool,
    [inside, sibling]: [Gate; 2],
    log: Trace,
    held: Witness,
) -> BoxFuture<'static, ()> {
    let scope = async move {
        let options = ingather::on(&on);
        let scope = options.scope(|tg| async move {
            drop(tg.spawn(async move {
                if stands {
                    shield(inside.wait()).await;
                } else {
                    inside.wait().await;
                }
            }));
            drop(tg.spawn(async move {
                let _held = held;
                sibling.wait().await;
                log.log("goes on");
            }));
        });
        scope.await;
    };
    Box::pin(scope)
}

// Shields-1, Shields-3
async fn a_shield_holds_what_lies_beside_it(on: Site) {
    for (in_body, stands) in [(false, false), (false, true), (true, false), (true, true)] {
        let (inside, sibling, own) = (Gate::new(), Gate::new(), Gate::new());
        let (log, drops, token) = (Trace::new(), Drops::new(), CancelToken::new());
        let gates = [inside.clone(), sibling.clone()];
        let beside = beside(
            on.spawner.clone(),
            stands,
            gates,
            log.clone(),
            drops.witness(),
        );
        let opened = own.clone();
        let held = async move {
            futures::join!(beside, shield(async move { opened.wait().await }));
        };
        let (group, stop) = (GatherGroup::on(&on.spawner), token.clone());
        let spawner = on.spawner.clone();
        let key = group.spawn(async move {
            if !in_body {
                return held.await;
            }
            let options = ingather::on(&spawner).token(&stop);
            let scope = options.try_scope(|_| async move {
                held.await;
                Ok::<(), Fault>(())
            });
            drop(scope.await);
        });
        until(|| inside.waiting() + sibling.waiting() + own.waiting() == 3).await;
        if in_body {
            token.cancel();
        } else {
            group.cancel();
        }
        yields(20).await;
        sibling.open();
        until(|| drops.all()).await;
        assert_eq!(log.entries(), ["goes on"], "in a body: {in_body}");
        // How it ends depends on which of both is seen first.
        own.open();
        inside.open();
        drop(key.await);
        group.join().await;
    }
}
