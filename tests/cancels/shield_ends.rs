//! What a shield does not hold off, and how it ends: its deadline, drops, forgetting, and the loss of whoever polls.

#![expect(
    clippy::async_yields_async,
    reason = "a key that is given on is read once its group is over"
)]

use std::future::{Future, pending};
use std::mem;
use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt;
use ingather::cancel::{CancelKind, cancel_reason, current_deadline, with_cleanup};
use ingather::clock::{now, sleep};
use ingather::testing::Trace;
use ingather::{Deadline, GroupOptions, current_token, scope, shield, timeout};

use crate::support::{
    Drops, Gate, HOUR, SECOND, Site, at_drop, behaviour, kind, over_seeds, stepper, until, watched,
    yields,
};

behaviour!(
    a_shield_dropped_by_a_select_holds_nothing,
    a_shield_dropped_by_a_panic_holds_nothing_outside,
    an_owner_that_is_dropped_drops_what_a_shield_holds,
    an_owner_dropped_inside_a_shield_drops_its_children,
    a_shield_that_is_forgotten_holds_off_no_drop,
    a_child_with_a_forgotten_shield_ends_like_any_other,
);

/// Suspends once behind a shield that waits for the gate, and gives the shield away to be forgotten.
async fn forgets(gate: Gate) {
    let mut shield: Pin<Box<dyn Future<Output = ()> + Send>> =
        Box::pin(shield(async move { gate.wait().await }));
    assert!(futures::poll!(&mut shield).is_pending());
    mem::forget(shield);
}

// Shields-6
async fn a_shield_dropped_by_a_select_holds_nothing(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (log, gate) = (Trace::new(), Gate::new());
    let (trace, waits) = (log.clone(), gate.clone());
    let key = group.spawn(async move {
        let held = trace.at_drop("dropped");
        let shielded = shield(async move {
            let _held = held;
            pending::<()>().await;
        });
        let other = Box::pin(yields(1));
        futures::future::select(Box::pin(shielded), other).await;
        trace.log("selected");
        waits.wait().await;
        trace.log("too far");
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    group.join().await;
    assert_eq!(log.entries(), ["dropped", "selected"]);
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
}

// Shields-6, Panics-1
async fn a_shield_dropped_by_a_panic_holds_nothing_outside(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, inside) = (Gate::new(), on.clone());
    let waits = gate.clone();
    let key = group.spawn(async move {
        let panics = ingather::on(&inside.spawner).scope(|tg| async move {
            tg.spawn(shield(async { crate::support::boom("behind a shield") }));
        });
        assert_eq!(
            crate::support::panic_when_awaited(panics).await,
            "behind a shield"
        );
        waits.wait().await;
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    group.join().await;
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
}

// Shields-6, Dropping-1, Dropping-3
async fn an_owner_that_is_dropped_drops_what_a_shield_holds(on: Site) {
    for cancelled in [false, true] {
        let group = GroupOptions::new().on(&on.spawner).group();
        let (gate, drops, inside) = (Gate::new(), Drops::new(), on.clone());
        let wait = || {
            let (waits, held) = (gate.clone(), drops.witness());
            shield(async move {
                let _held = held;
                waits.wait().await;
            })
        };
        let (one, two) = (wait(), wait());
        let key = group.spawn(one);
        let nested = group.spawn(ingather::on(&inside.spawner).scope(|tg| async move {
            tg.spawn(two);
        }));
        until(|| gate.waiting() == 2).await;
        if cancelled {
            group.cancel();
            yields(20).await;
            assert_eq!(drops.count(), 0);
        }
        drop(group);
        // At once, but for those that are just being polled: they at the end of that poll.
        until(|| drops.all()).await;
        until(|| key.is_finished() && nested.is_finished()).await;
        let expected = if cancelled {
            CancelKind::Explicit
        } else {
            CancelKind::Dropped
        };
        assert_eq!(kind(&key), Some(expected));
    }
}

// Shields-6
async fn an_owner_dropped_inside_a_shield_drops_its_children(on: Site) {
    let drops = Drops::new();
    let (held, inside) = (drops.witness(), on.clone());
    let done = ingather::on(&on.spawner).scope(|tg| async move {
        tg.spawn(shield(async move {
            let gate = Gate::new();
            let waits = gate.clone();
            let scope = ingather::on(&inside.spawner).scope(|tg| async move {
                tg.spawn(shield(async move {
                    let _held = held;
                    waits.wait().await;
                }));
            });
            let begun = Box::pin(until(|| gate.waiting() == 1));
            futures::future::select(Box::pin(scope), begun).await;
            // The child may be in the middle of a poll.
            until(|| gate.waiting() == 0).await;
        }))
        .await
    });
    assert_eq!(done.await, Ok(()));
    assert!(drops.all());
}

// Shields-6, Dropping-1
async fn a_shield_that_is_forgotten_holds_off_no_drop(on: Site) {
    for cancelled in [false, true] {
        let group = GroupOptions::new().on(&on.spawner).group();
        let (drops, gate) = (Drops::new(), Gate::new());
        let (held, begun) = (drops.witness(), Gate::new());
        let (waits, begins) = (gate.clone(), begun.clone());
        let key = group.spawn(async move {
            let _held = held;
            forgets(waits).await;
            begins.wait().await;
        });
        until(|| begun.waiting() == 1).await;
        if cancelled {
            group.cancel();
            yields(20).await;
            assert!(!key.is_finished(), "its shield will never be over");
        }
        drop(group);
        until(|| drops.all()).await;
    }
}

// Shields-1
async fn a_child_with_a_forgotten_shield_ends_like_any_other(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).group();
    let (gate, begun) = (Gate::new(), Gate::new());
    let (waits, begins) = (gate.clone(), begun.clone());
    let key = group.spawn(async move {
        forgets(waits).await;
        begins.wait().await;
        7
    });
    until(|| begun.waiting() == 1).await;
    group.cancel();
    gate.open();
    begun.open();
    assert_eq!(group.join().await.ok, 1);
    assert_eq!(key.await, Ok(7));
}

// Shields-6, Dropping-1
#[test]
fn a_child_behind_a_shield_is_dropped_on_the_dropping_thread() {
    watched(
        "a_child_behind_a_shield_is_dropped_on_the_dropping_thread",
        || {
            for cancelled in [false, true] {
                let stepper = stepper();
                let group = GroupOptions::new().on(&stepper).group();
                let drops = Drops::new();
                let inner = stepper.clone();
                for nested in [false, true] {
                    let (held, inner) = (drops.witness(), inner.clone());
                    let child = shield(async move {
                        let _held = held;
                        pending::<()>().await;
                    });
                    group.spawn(async move {
                        if nested {
                            ingather::on(&inner)
                                .scope(|tg| async move { tg.spawn(child).await })
                                .await
                                .ok();
                        } else {
                            child.await;
                        }
                    });
                }
                stepper.run_until_idle();
                if cancelled {
                    group.cancel();
                    stepper.run_until_idle();
                    assert_eq!((drops.count(), group.len()), (0, 2));
                }
                drop(group);
                assert_eq!((drops.count(), drops.all_here()), (2, true));
                stepper.run_until_idle();
                assert_eq!(stepper.jobs(), 0);
            }
        },
    );
}

// Shields-6, Executors-1
#[test]
fn a_spawner_that_is_shut_down_drops_what_a_shield_holds() {
    watched(
        "a_spawner_that_is_shut_down_drops_what_a_shield_holds",
        || {
            for cancelled in [false, true] {
                let stepper = stepper();
                let group = GroupOptions::new()
                    .grace(Duration::ZERO)
                    .on(&stepper)
                    .group();
                let drops = Drops::new();
                let held = drops.witness();
                let key = group.spawn(shield(async move {
                    let _held = held;
                    pending::<()>().await;
                }));
                stepper.run_until_idle();
                if cancelled {
                    group.cancel();
                    stepper.run_until_idle();
                }
                assert_eq!(drops.count(), 0);
                stepper.shut_down();
                assert_eq!((drops.count(), drops.all_here()), (1, true));
                let expected = if cancelled {
                    CancelKind::Explicit
                } else {
                    CancelKind::Abandoned
                };
                assert_eq!(kind(&key), Some(expected));
                assert_eq!(futures::executor::block_on(group.join()).cancelled, 1);
            }
        },
    );
}

/// A child that suspends behind a shield for so long, and then for good.
fn lasts(
    trace: &Trace,
    shielded: Duration,
    until: Deadline,
) -> impl Future<Output = ()> + Send + use<> {
    let log = trace.clone();
    async move {
        let _dropped = at_drop(&log, "dropped");
        let in_shield = log.clone();
        let last = shield(async move {
            sleep(shielded).await;
            in_shield.log_at("slept");
        });
        last.deadline(until).await;
        log.log_at("over");
        pending::<()>().await;
    }
}

// Shields-5, Shields-2
#[test]
fn a_shield_holds_no_longer_than_until_its_deadline() {
    let of =
        |cancel: u32, shielded: u32, deadline: Option<u32>, expected: &'static [&'static str]| {
            over_seeds(
                "a_shield_holds_no_longer_than_until_its_deadline",
                || async {
                    let trace = Trace::new();
                    let deadline =
                        deadline.map_or(Deadline::NEVER, |at| Deadline::after(at * SECOND));
                    let child = lasts(&trace, shielded * SECOND, deadline);
                    let scope = scope(|tg| async move {
                        tg.spawn(child);
                        sleep(cancel * SECOND).await;
                        tg.cancel();
                    });
                    scope.await;
                    trace.assert(expected);
                },
            );
        };
    of(2, 5, None, &["5s: slept", "5s: over", "5s: dropped"]);
    // The deadline is the end of what a cancel waits for.
    of(2, 9, Some(5), &["5s: dropped"]);
    // If there is no cancel then, the future goes on, until there is one.
    of(7, 9, Some(5), &["7s: dropped"]);
    of(9, 7, Some(5), &["7s: slept", "7s: over", "9s: dropped"]);
    // One in the past holds nothing.
    of(2, 5, Some(0), &["2s: dropped"]);
    of(5, 2, Some(0), &["2s: slept", "2s: over", "5s: dropped"]);
}

// Shields-5, Deadlines-5
#[test]
fn behind_a_shield_its_own_deadline_counts() {
    over_seeds("behind_a_shield_its_own_deadline_counts", || async {
        let start = now();
        let options = GroupOptions::new().timeout(3 * SECOND).grace(HOUR);
        let key = options.scope_or_cut(|tg| async move {
            let outside = Deadline::from(start + 3 * SECOND);
            tg.spawn(async move {
                assert_eq!(current_deadline(), outside);
                let own = Deadline::from(start + 7 * SECOND);
                let inner = shield(async move {
                    assert_eq!(current_deadline(), own);
                    let nested = shield(async { current_deadline() }).await;
                    assert_eq!(nested, Deadline::NEVER);
                    let earlier = GroupOptions::new().timeout(SECOND);
                    let group = earlier.scope_or_cut(|_| async { current_deadline() }).await;
                    assert_eq!(group, Ok(Deadline::from(start + SECOND)));
                    sleep(5 * SECOND).await;
                    assert_eq!(cancel_reason(), None, "the shield is up");
                    // Its deadline lets the cancel outside be read.
                    let read = current_token().cancelled().await;
                    assert_eq!(cancel_reason(), Some(read.clone()));
                    let group = scope(|tg| async move { tg.cancel_reason() }).await;
                    assert_eq!(
                        group.map(|reason| reason.root().kind()),
                        Some(CancelKind::Deadline)
                    );
                    (read.kind(), now() - start)
                });
                inner.deadline(own).await
            })
        });
        assert_eq!(
            key.await.unwrap().await,
            Ok((CancelKind::Deadline, 7 * SECOND))
        );
    });
}

// Shields-5, Shields-3
#[test]
fn the_deadline_of_a_shield_further_in_frees_all_that_it_is_in() {
    let name = "the_deadline_of_a_shield_further_in_frees_all_that_it_is_in";
    over_seeds(name, || async {
        let trace = Trace::new();
        let child = lasts(&trace, HOUR, Deadline::after(4 * SECOND));
        let (log, beside) = (trace.clone(), trace.clone());
        let outer = scope(|tg| async move {
            tg.spawn(async move {
                let _dropped = at_drop(&log, "outer dropped");
                scope(|tg| async move {
                    tg.spawn(child);
                    tg.spawn(async move {
                        let _dropped = at_drop(&beside, "sibling dropped");
                        pending::<()>().await;
                    });
                    pending::<()>().await;
                })
                .await;
            });
            sleep(SECOND).await;
            tg.cancel();
        });
        outer.await;
        assert_eq!(trace.entries()[0], "1s: sibling dropped");
        assert_eq!(trace.sorted()[1..], ["4s: dropped", "4s: outer dropped"]);
    });
}

// Shields-5, Cancelling-11
#[test]
fn the_deadline_of_a_shield_lets_a_cancel_through_to_what_is_inside() {
    let name = "the_deadline_of_a_shield_lets_a_cancel_through_to_what_is_inside";
    over_seeds(name, || async {
        let trace = Trace::new();
        let cleanup = |entry: &'static str| {
            let log = trace.clone();
            with_cleanup(pending::<()>(), move || async move { log.log_at(entry) })
        };
        let (in_child, in_shield) = (cleanup("child cleans up"), cleanup("not reached"));
        let (one, two) = (trace.clone(), trace.clone());
        let outer = scope(|tg| async move {
            let inner = scope(|tg| async move {
                tg.spawn(in_child);
                tg.spawn(shield(async move {
                    let _dropped = at_drop(&one, "shielded dropped");
                    sleep(9 * SECOND).await;
                }));
                tg.spawn(async move {
                    let _dropped = at_drop(&two, "sibling dropped");
                    pending::<()>().await;
                });
            });
            let both = futures::future::join(inner.boxed(), in_shield);
            tg.spawn(shield(both).deadline(Deadline::after(4 * SECOND)));
            sleep(SECOND).await;
            tg.cancel();
        });
        outer.await;
        let expected = [
            "4s: child cleans up",
            "4s: sibling dropped",
            "9s: shielded dropped",
        ];
        assert_eq!(trace.sorted(), expected);
    });
}

// Shields-6, Time-4
#[test]
fn a_timeout_around_a_shield_drops_it() {
    over_seeds("a_timeout_around_a_shield_drops_it", || async {
        let trace = Trace::new();
        let (one, two) = (trace.clone(), trace.clone());
        let scope = scope(|tg| async move {
            tg.spawn(async move {
                let held = at_drop(&one, "dropped");
                let shielded = shield(async move {
                    let _held = held;
                    pending::<()>().await;
                });
                assert!(timeout(3 * SECOND, shielded).await.is_err());
                two.log_at("timed out");
                pending::<()>().await;
            });
            sleep(SECOND).await;
            tg.cancel();
        });
        scope.await;
        // The cancel takes effect when the shield is gone: at the next suspension.
        trace.assert(["3s: dropped", "3s: timed out"]);
    });
}
