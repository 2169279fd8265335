//! The grace by the clock: when it is over, and what each kind of group and body makes of it.

#![expect(
    clippy::async_yields_async,
    reason = "a key that is given on is read once its group is over"
)]

use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingather::cancel::{CancelKind, current_deadline};
use ingather::clock::sleep;
use ingather::testing::{TestExecutor, Trace};
use ingather::{CancelReason, Deadline, GroupOptions, Ready, current_token, scope, try_scope};

use crate::support::{
    Fault, HOUR, SECOND, at_drop, boom, over_seeds, panic_when_awaited, reason, watched, yield_now,
};

// Cancelling-2, Cancelling-3, Cancelling-4
#[test]
fn children_are_dropped_when_the_grace_is_over() {
    over_seeds("children_are_dropped_when_the_grace_is_over", || async {
        let trace = Trace::new();
        let log = trace.clone();
        let options = GroupOptions::new().grace(10 * SECOND);
        let keys = options
            .scope(|tg| async move {
                let (one, two, body) = (log.clone(), log.clone(), log.clone());
                let finishes = tg.spawn(async move {
                    current_token().cancelled().await;
                    sleep(3 * SECOND).await;
                    one.log_at("finishes");
                });
                let ignores = tg.spawn(async move {
                    let _dropped = at_drop(&two, "dropped");
                    sleep(HOUR).await;
                });
                sleep(SECOND).await;
                tg.cancel_with(CancelReason::with_message("first"));
                log.log_at("cancelled");
                sleep(5 * SECOND).await;
                // Neither again nor otherwise: the grace is over when it is over.
                tg.cancel();
                tg.token().cancel();
                let _over = at_drop(&body, "body over");
                (finishes, ignores)
            })
            .await;
        trace.log_at("left");
        let expected = [
            "1s: cancelled",
            "4s: finishes",
            "6s: body over",
            "11s: dropped",
            "11s: left",
        ];
        trace.assert(expected);
        let (finishes, ignores) = keys;
        assert_eq!(finishes.await, Ok(()));
        assert_eq!(
            reason(&ignores),
            Some(CancelReason::with_message("first")),
            "the first cause"
        );
    });
}

// Cancelling-4, Cancelling-7
#[test]
fn the_grace_outside_is_the_grace_inside() {
    for (outside, inside) in [(0, 10), (2, 10), (10, 2)] {
        over_seeds("the_grace_outside_is_the_grace_inside", || async {
            let trace = Trace::new();
            let log = trace.clone();
            let options = GroupOptions::new().grace(outside * SECOND);
            let inner = Arc::new(Mutex::new(None));
            let kept = Arc::clone(&inner);
            options
                .scope(|tg| async move {
                    let options = GroupOptions::new().grace(inside * SECOND);
                    tg.spawn(options.scope(|tg| async move {
                        let key = tg.spawn(async move {
                            let _dropped = at_drop(&log, "dropped");
                            pending::<()>().await;
                        });
                        *kept.lock().unwrap() = Some(key);
                        pending::<()>().await;
                    }));
                    sleep(SECOND).await;
                    tg.cancel_with(CancelReason::with_message("outside"));
                })
                .await;
            let over = SECOND * (1 + outside);
            trace.assert([format!("{over:?}: dropped")]);
            let key = inner.lock().unwrap().take().expect("it was started");
            let reason = reason(&key).expect("it was cancelled");
            assert_eq!(reason.kind(), CancelKind::Parent);
            assert_eq!(reason.root().message(), Some("outside"));
        });
    }
}

// Cancelling-4
#[test]
fn an_endless_grace_ends_with_the_children() {
    over_seeds("an_endless_grace_ends_with_the_children", || async {
        let started = ingather::clock::now();
        let year = 365 * 24 * HOUR;
        let options = GroupOptions::new().grace(Duration::MAX);
        let key = options
            .scope(|tg| async move {
                let key = tg.spawn(sleep(year));
                tg.cancel();
                assert_eq!(current_deadline(), Deadline::NEVER);
                key
            })
            .await;
        assert_eq!(key.await, Ok(()));
        assert_eq!(ingather::clock::now() - started, year);
    });
}

// Cancelling-2, Panics-1
#[test]
fn a_body_that_cannot_fail_has_its_grace_before_a_panic_drops_it() {
    let name = "a_body_that_cannot_fail_has_its_grace_before_a_panic_drops_it";
    over_seeds(name, || async {
        let trace = Trace::new();
        let log = trace.clone();
        let options = GroupOptions::new().grace(4 * SECOND);
        let scope = options.scope(|tg| async move {
            let _dropped = at_drop(&log, "body dropped");
            tg.spawn(async {
                sleep(SECOND).await;
                boom("a child")
            });
            current_token().cancelled().await;
            log.log_at("body told");
            pending::<()>().await;
        });
        assert_eq!(panic_when_awaited(scope).await, "a child");
        trace.assert(["1s: body told", "5s: body dropped"]);
    });
}

// Cancelling-4, Blocking-1, Inline-1
#[test]
fn each_kind_of_group_gives_its_grace() {
    over_seeds("each_kind_of_group_gives_its_grace", || async {
        let options = GroupOptions::new().grace(3 * SECOND);
        let started = ingather::clock::now();
        let log = Trace::new();
        let inline = options.clone().inline().scope(|tg| {
            let log = &log;
            async move {
                let told = tg.spawn(async {
                    let _dropped = log.at_drop("told");
                    current_token().cancelled().await.kind()
                });
                let ignores = tg.spawn(async {
                    let _dropped = log.at_drop("ignores");
                    pending::<()>().await;
                });
                sleep(SECOND).await;
                tg.cancel();
                (told.await, ignores.await.is_err())
            }
        });
        assert_eq!(inline.await, (Ok(CancelKind::Explicit), true));
        assert_eq!(log.entries(), ["told", "ignores"]);
        assert_eq!(ingather::clock::now() - started, 4 * SECOND);

        let calls = vec![|| async { current_token().cancelled().await.kind() }];
        let gather = options.clone().move_on_after(SECOND).gather(calls);
        assert_eq!(gather.await, Some(vec![CancelKind::Deadline]));
        assert_eq!(ingather::clock::now() - started, 5 * SECOND);
    });
    watched("each_kind_of_group_gives_its_grace, local", || {
        let executor = TestExecutor::new();
        let options = GroupOptions::new().grace(3 * SECOND);
        let shared = Rc::new(());
        let local = options.local(&executor).scope(|tg| async move {
            let mine = Rc::clone(&shared);
            tg.spawn(async move {
                let _mine = mine;
                pending::<()>().await;
            });
            sleep(SECOND).await;
            tg.cancel();
            sleep(2 * SECOND).await;
            Rc::strong_count(&shared)
        });
        assert_eq!(executor.block_on(local), 2);
        assert_eq!(executor.elapsed(), 4 * SECOND);
    });
    watched("each_kind_of_group_gives_its_grace, blocking", || {
        let mut told = None;
        GroupOptions::new().grace(HOUR).parallel().scope(|tg| {
            let told = &mut told;
            tg.spawn(async { *told = Some(current_token().cancelled().await.kind()) });
            tg.cancel();
        });
        assert_eq!(told, Some(CancelKind::Explicit));
    });
}

// Cancelling-2
#[test]
fn a_body_that_can_fail_is_dropped_when_the_grace_is_over() {
    let name = "a_body_that_can_fail_is_dropped_when_the_grace_is_over";
    over_seeds(name, || async {
        let trace = Trace::new();
        let log = trace.clone();
        let options = GroupOptions::new().grace(4 * SECOND);
        let error = options
            .try_scope(|tg| async move {
                let _dropped = at_drop(&log, "body dropped");
                tg.cancel();
                sleep(HOUR).await;
                Ok::<_, Fault>(())
            })
            .await
            .unwrap_err();
        trace.assert(["4s: body dropped"]);
        let kind = error.cancelled().map(CancelReason::kind);
        assert_eq!(kind, Some(CancelKind::Explicit));
    });
    over_seeds(name, || async {
        // What it gives in time counts.
        let options = GroupOptions::new().grace(4 * SECOND);
        let value = options.try_scope(|tg| async move {
            tg.cancel();
            sleep(SECOND).await;
            Ok::<_, Fault>(7)
        });
        assert_eq!(value.await.ok(), Some(7));
        let outside = scope(|tg| async move {
            let key = tg.spawn(try_scope(|_| async move {
                pending::<()>().await;
                Ok::<_, Fault>(())
            }));
            yield_now().await;
            tg.cancel();
            key.await.is_err()
        });
        assert!(outside.await);
    });
}

// Starting-4, Starting-5, Cancelling-8
#[test]
fn a_child_that_did_not_start_needs_no_grace() {
    over_seeds("a_child_that_did_not_start_needs_no_grace", || async {
        for cancelled in [false, true] {
            let started = ingather::clock::now();
            let options = GroupOptions::new().grace(HOUR);
            let refused = options.scope(|tg| async move {
                let start = tg.start(|ready: Ready<()>| async move {
                    let _ready = ready;
                    sleep(SECOND).await;
                });
                if cancelled {
                    tg.cancel();
                }
                start.await.is_err()
            });
            assert!(refused.await);
            assert_eq!(ingather::clock::now() - started, SECOND);
        }
    });
}
