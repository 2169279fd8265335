//! A second cancel that ends the grace of the first, and what holds against that.

use std::future::pending;
use std::time::Duration;

use ingather::cancel::with_cleanup;
use ingather::testing::{TestExecutor, Trace};
use ingather::{
    CancelReason, CancelToken, GatherGroup, GatherIncomplete, GroupOptions, current_token, shield,
    try_scope,
};

use crate::support::{Drops, Fault, Gate, HOUR, Site, behaviour, may_block, until, yields};

behaviour!(
    the_grace_ends_now,
    without_a_cancel_before_it_is_one_without_grace,
    one_key_ends_the_grace_of_one_child,
    a_token_above_ends_the_grace_of_groups_below,
    a_shield_holds_against_it,
    past_shields_nothing_holds,
    past_shields_one_child_goes_alone,
    it_may_come_twice_and_after_the_end,
    a_task_ends_its_grace,
    the_grace_ends_in_each_kind_of_scope,
);

/// What cancels a group without grace.
#[derive(Clone, Copy, Debug)]
enum By {
    Group,
    Token,
    OwnToken,
    Follows,
}

const WAYS: [By; 4] = [By::Group, By::Token, By::OwnToken, By::Follows];

/// A group with an hour of grace, and a token that it follows.
fn group(on: &Site, stop: &CancelToken) -> GatherGroup {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    options.token(stop).group()
}

// Cancelling-16
async fn the_grace_ends_now(on: Site) {
    for by in WAYS {
        let stop = CancelToken::new();
        let group = group(&on, &stop);
        let (drops, begun) = (Drops::new(), Gate::new());
        let (tell, own) = futures::channel::oneshot::channel();
        let (witness, waits) = (drops.witness(), begun.clone());
        let key = group.spawn(async move {
            let _held = witness;
            drop(tell.send(current_token()));
            waits.wait().await;
        });
        let own = own.await.unwrap();
        until(|| begun.waiting() == 1).await;
        group.cancel_with(CancelReason::with_message("first"));
        yields(10).await;
        assert_eq!(key.status(), Some(GatherIncomplete::Running));
        match by {
            By::Group => group.cancel_now(),
            By::Token => group.token().cancel_now(),
            By::OwnToken => own.cancel_now(),
            By::Follows => stop.cancel_now(),
        }
        let Err(GatherIncomplete::Cancelled(reason)) = key.await else {
            panic!("it was not cancelled by {by:?}")
        };
        assert_eq!(reason.message(), Some("first"));
        assert!(drops.all());
        assert_eq!(group.join().await.cancelled, 1);
    }
}

// Cancelling-16
async fn without_a_cancel_before_it_is_one_without_grace(on: Site) {
    for by in WAYS {
        let stop = CancelToken::new();
        let group = group(&on, &stop);
        let begun = Gate::new();
        let (tell, own) = futures::channel::oneshot::channel();
        let waits = begun.clone();
        let key = group.spawn(async move {
            drop(tell.send(current_token()));
            waits.wait().await;
        });
        let sibling = group.spawn({
            let waits = begun.clone();
            async move { waits.wait().await }
        });
        let own = own.await.unwrap();
        until(|| begun.waiting() == 2).await;
        match by {
            By::Group => group.cancel_now(),
            By::Token => group.token().cancel_now(),
            By::OwnToken => own.cancel_now(),
            By::Follows => stop.cancel_now(),
        }
        assert!(key.await.unwrap_err().is_cancelled());
        if let By::OwnToken = by {
            yields(5).await;
            assert_eq!(sibling.status(), Some(GatherIncomplete::Running));
            begun.open();
        }
        assert_eq!(
            sibling.await.is_ok(),
            matches!(by, By::OwnToken),
            "by {by:?}"
        );
        group.join().await;
    }
}

// Cancelling-16, Cancelling-8
async fn one_key_ends_the_grace_of_one_child(on: Site) {
    for by_group in [false, true] {
        let group = group(&on, &CancelToken::new());
        let gate = Gate::new();
        let keys = [(); 2].map(|()| {
            let waits = gate.clone();
            group.spawn(async move { waits.wait().await })
        });
        until(|| gate.waiting() == 2).await;
        let [one, other] = keys;
        if by_group {
            group.cancel();
        } else {
            one.cancel();
        }
        one.cancel_now();
        assert!(one.await.unwrap_err().is_cancelled());
        yields(5).await;
        assert_eq!(other.status(), Some(GatherIncomplete::Running));
        gate.open();
        assert_eq!(other.await, Ok(()));
        group.join().await;
    }
    // In line it leaves the line.
    let group = GroupOptions::new()
        .on(&on.spawner)
        .limit(1)
        .grace(HOUR)
        .group();
    let first = group.spawn(pending::<()>());
    let second = group.spawn(async {});
    second.cancel_now();
    assert!(second.await.unwrap_err().is_cancelled());
    assert_eq!(
        (first.status(), group.waiting()),
        (Some(GatherIncomplete::Running), 0)
    );
    group.cancel_now();
    assert_eq!(group.join().await.cancelled, 2);
}

// Cancelling-16
async fn a_token_above_ends_the_grace_of_groups_below(on: Site) {
    // Whether the token below is made before the cancel or after it, and whether it is held.
    for late in [false, true] {
        let stop = CancelToken::new();
        if late {
            stop.cancel();
        }
        let below = stop.child_token().child_token();
        let group = group(&on, &below);
        drop(below);
        let key = if late {
            None
        } else {
            let gate = Gate::new();
            let waits = gate.clone();
            let key = group.spawn(async move { waits.wait().await });
            until(|| gate.waiting() == 1).await;
            stop.cancel();
            Some(key)
        };
        assert!(group.is_cancelled());
        stop.cancel_now();
        if let Some(key) = key {
            assert!(key.await.unwrap_err().is_cancelled());
        }
        group.join().await;
    }
}

// Cancelling-16, Shields-1
async fn a_shield_holds_against_it(on: Site) {
    let group = group(&on, &CancelToken::new());
    let (gate, log) = (Gate::new(), Trace::new());
    let (waits, seen) = (gate.clone(), log.clone());
    let key = group.spawn(async move {
        shield(async move { waits.wait().await }).await;
        seen.log("the shield is over");
        yields(1).await;
        seen.log("too far");
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    group.cancel_now();
    key.cancel_now();
    yields(10).await;
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    gate.open();
    assert!(key.await.unwrap_err().is_cancelled());
    assert_eq!(log.entries(), ["the shield is over"]);
    group.join().await;
}

// Shields-9
async fn past_shields_nothing_holds(on: Site) {
    for before in 0..3 {
        let group = group(&on, &CancelToken::new());
        let (begun, drops, log) = (Gate::new(), Drops::new(), Trace::new());
        let hang = || {
            let (waits, witness) = (begun.clone(), drops.witness());
            async move {
                let _held = witness;
                waits.wait().await;
            }
        };
        let spawner = on.spawner.clone();
        group.spawn(shield(hang()));
        group.spawn(shield(shield(hang())));
        let cleans = log.clone();
        group.spawn(with_cleanup(hang(), move || async move {
            cleans.log("cleans up")
        }));
        let inner = shield(hang());
        group.spawn(async move {
            ingather::on(&spawner)
                .scope(|tg| async move { drop(tg.spawn(inner)) })
                .await;
        });
        let body = shield(hang());
        group.spawn(async move {
            let scope = try_scope(|_| async move {
                body.await;
                Ok::<_, Fault>(())
            });
            drop(scope.await);
        });
        group.spawn(hang());
        until(|| begun.waiting() == 6).await;
        match before {
            0 => {}
            1 => group.cancel(),
            _ => group.cancel_now(),
        }
        group.cancel_past_shields();
        assert_eq!(group.join().await.cancelled, 6);
        assert!(drops.all());
        if before == 0 {
            assert!(log.entries().is_empty());
        }
    }
}

// Shields-9, Cancelling-8
async fn past_shields_one_child_goes_alone(on: Site) {
    let group = group(&on, &CancelToken::new());
    let gate = Gate::new();
    let keys = [(); 2].map(|()| {
        let waits = gate.clone();
        group.spawn(shield(async move { waits.wait().await }))
    });
    until(|| gate.waiting() == 2).await;
    let [one, other] = keys;
    one.cancel();
    one.cancel_now();
    yields(5).await;
    assert_eq!(one.status(), Some(GatherIncomplete::Running));
    one.cancel_past_shields();
    assert!(one.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(other.await, Ok(()));
    group.join().await;
}

// Cancelling-16, Cancelling-3
async fn it_may_come_twice_and_after_the_end(on: Site) {
    let group = GroupOptions::new()
        .on(&on.spawner)
        .grace(Duration::MAX)
        .group();
    let (done, key) = (group.spawn(async { 1 }), group.spawn(pending::<()>()));
    until(|| done.is_finished()).await;
    done.cancel_now();
    done.cancel_past_shields();
    assert_eq!(done.await, Ok(1));
    for _ in 0..3 {
        group.cancel_now();
        group.cancel_past_shields();
        key.cancel_now();
        key.cancel_past_shields();
    }
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled), (1, 1));
    group.cancel_now();
    group.cancel_past_shields();
    assert!(key.await.unwrap_err().is_cancelled());
}

// Cancelling-16, Tasks-8
async fn a_task_ends_its_grace(on: Site) {
    let registry = GroupOptions::new().on(&on.spawner).grace(HOUR).registry();
    let begun = Gate::new();
    let waits = begun.clone();
    let task = registry.create_task(async move { waits.wait().await });
    until(|| begun.waiting() == 1).await;
    task.cancel();
    yields(5).await;
    assert!(!task.is_finished());
    task.cancel_now();
    assert!(task.await.unwrap_err().is_cancelled());
    registry.wait_idle().await;
}

/// In a scope of these options: a child that is in its grace goes at once, whoever says so.
macro_rules! ends_in {
    ($options:expr, $what:expr) => {{
        let drops = Drops::new();
        for by in ["group", "key", "token"] {
            let waits = Gate::new();
            let (held, opened, drops) = (drops.witness(), waits.clone(), drops.clone());
            let scope = $options.grace(HOUR).scope(|tg| async move {
                let key = tg.spawn(async move {
                    let _held = held;
                    opened.wait().await;
                });
                until(|| waits.waiting() == 1).await;
                tg.cancel();
                yields(10).await;
                assert_eq!(key.status(), Some(GatherIncomplete::Running));
                match by {
                    "group" => tg.cancel_now(),
                    "key" => key.cancel_now(),
                    _ => tg.token().cancel_now(),
                }
                assert!(key.await.unwrap_err().is_cancelled(), "{} by {by}", $what);
                assert!(drops.all());
            });
            scope.await;
        }
    }};
}

// Cancelling-16
async fn the_grace_ends_in_each_kind_of_scope(on: Site) {
    ends_in!(GroupOptions::new().on(&on.spawner), "shared");
    ends_in!(GroupOptions::new().inline(), "inline");
    if may_block(&on) {
        let (drops, waits) = (Drops::new(), Gate::new());
        let options = GroupOptions::new().on(&on.spawner).grace(HOUR).parallel();
        options.scope(|tg| {
            let (held, waits) = (drops.witness(), &waits);
            let key = tg.spawn(async move {
                let _held = held;
                waits.wait().await;
            });
            let handle = tg.clone();
            tg.child().background().spawn(async move {
                until(|| waits.waiting() == 1).await;
                handle.cancel();
                handle.cancel_now();
            });
            assert!(tg.wait(key).unwrap_err().is_cancelled());
        });
        assert!(drops.all());
    }
}

// Cancelling-16
#[test]
fn the_grace_ends_in_local_scopes() {
    let executor = TestExecutor::new();
    executor.block_on(async {
        ends_in!(GroupOptions::new().local(&executor), "local");
        ends_in!(GroupOptions::new().inline_local(), "inline, local");
    });
}
