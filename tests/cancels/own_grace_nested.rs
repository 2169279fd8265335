//! The grace that one child has for itself, in a group that is in something: cancels further out, shields, groups inside, and lines.

use std::future::pending;
use std::time::Duration;

use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
use ingather::clock::Clock;
use ingather::{Deadline, GroupOptions, Scope, current_token, shield};

use super::own_grace_ends::{begins, group, inside, is_gone, is_there};
use crate::support::{
    Gate, HOUR, Polls, SECOND, Site, Wound, behaviour, kind, reason, until, yields,
};

behaviour!(
    a_child_in_line_has_none,
    a_group_inside_goes_with_the_child,
    a_group_inside_that_a_shield_holds_is_told_at_its_end,
    a_child_that_comes_after_a_cancel_further_out_has_it_from_then_on,
    the_body_of_a_scope_that_cannot_fail_keeps_no_child_beyond_it,
    behind_a_shield_it_has_not_begun,
    without_time_a_cleanup_is_polled_once,
);

// Cancelling-6, Cancelling-18, Limits-3
async fn a_child_in_line_has_none(on: Site) {
    for by in ["group", "now", "key", "outside"] {
        let clock = Wound::new();
        let options = GroupOptions::new().grace(HOUR);
        let outside = options.on(&clock.on(&on.spawner)).group();
        let (tell, told) = futures::channel::oneshot::channel();
        let limited = GroupOptions::new().limit(1).on(&clock.on(&on.spawner));
        let done = Gate::new();
        let stays = done.wait();
        outside.spawn(limited.scope(|tg| async move {
            drop(tell.send(tg));
            stays.await;
        }));
        let tg: Scope<'static> = told.await.expect("it is opened");
        let (first, polls) = (Gate::new(), Polls::new());
        let running = tg.child().grace(HOUR).spawn(first.wait());
        let line = [(); 3].map(|()| {
            tg.child()
                .grace(4 * SECOND)
                .spawn(polls.clone().of(async {}))
        });
        begins(&first).await;
        assert_eq!(tg.waiting(), 3);
        match by {
            "group" => tg.cancel(),
            "now" => tg.cancel_now(),
            "key" => line.iter().for_each(ingather::Key::cancel),
            // It may start within its time, and has no more than that.
            _ => {
                outside.cancel();
                clock.wind(3 * SECOND);
                yields(5).await;
                assert_eq!(tg.waiting(), 3);
                clock.wind(SECOND);
            }
        }
        until(|| line.iter().all(ingather::Key::is_finished)).await;
        assert_eq!((tg.waiting(), polls.count()), (0, 0), "by {by}");
        assert!(line.iter().all(|key| reason(key).is_some()));
        if by == "now" {
            until(|| running.is_finished()).await;
        } else {
            assert!(!running.is_finished(), "by {by}");
        }
        tg.cancel_now();
        done.open();
        outside.join().await;
    }
}

// Cancelling-7, Cancelling-17
async fn a_group_inside_goes_with_the_child(on: Site) {
    let (group, clock) = group(&on);
    let (lives, on_inside) = (Gate::new(), on.clone());
    let (told, hangs) = (Gate::new(), lives.wait());
    let tells = told.clone();
    group.child().grace(4 * SECOND).spawn(async move {
        let inner = GroupOptions::new().grace(HOUR).on(&on_inside.spawner);
        inner
            .scope(|tg| async move {
                tg.spawn(async move {
                    current_token().cancelled().await;
                    assert_eq!(
                        cancel_reason().map(|reason| reason.kind()),
                        Some(CancelKind::Parent)
                    );
                    tells.open();
                    hangs.await;
                });
                // Cancelled for itself it has its own grace.
                let alone = tg.spawn(pending::<()>());
                alone.cancel_now();
                assert!(alone.await.is_err());
                pending::<()>().await;
            })
            .await;
    });
    yields(5).await;
    group.cancel();
    told.wait().await;
    begins(&lives).await;
    clock.wind(3 * SECOND);
    is_there(&lives).await;
    clock.wind(SECOND);
    is_gone(&lives).await;
    group.join().await;
}

// Cancelling-7, Cancelling-17
async fn a_child_that_comes_after_a_cancel_further_out_has_it_from_then_on(on: Site) {
    for (own, has_token) in [(0, false), (0, true), (4, false), (4, true)] {
        let clock = Wound::new();
        let options = GroupOptions::new().grace(HOUR);
        let outside = options.on(&clock.on(&on.spawner)).group();
        let (tg, done) = inside(&on, &clock, &outside).await;
        if has_token {
            assert!(!tg.token().is_cancelled());
        }
        outside.cancel();
        clock.wind(9 * SECOND);
        let lives = Gate::new();
        let key = tg.child().grace(own * SECOND).spawn(lives.wait());
        if own > 0 {
            begins(&lives).await;
            clock.wind((own - 1) * SECOND);
            is_there(&lives).await;
            clock.wind(SECOND);
        }
        until(|| key.is_finished()).await;
        assert_eq!((lives.waiting(), kind(&key)), (0, Some(CancelKind::Parent)));
        done.open();
        outside.join().await;
    }
}

// Cancelling-14, Cancelling-17
async fn the_body_of_a_scope_that_cannot_fail_keeps_no_child_beyond_it(on: Site) {
    let clock = Wound::new();
    let spawner = clock.on(&on.spawner);
    let (lives, winds) = (Gate::new(), clock.clone());
    let inner = GroupOptions::new().on(&spawner);
    let (with, without) = (lives.wait(), Gate::new());
    let options = GroupOptions::new().on(&spawner);
    options
        .scope(|tg| async move {
            inner
                .scope(|inner| async move {
                    let own = inner.child().grace(4 * SECOND).spawn(with);
                    let other = inner.spawn(without.wait());
                    until(|| lives.waiting() + without.waiting() == 2).await;
                    tg.cancel();
                    winds.wind(3 * SECOND);
                    is_there(&lives).await;
                    winds.wind(SECOND);
                    assert!(own.await.unwrap_err().is_cancelled());
                    is_there(&without).await;
                    without.open();
                    assert_eq!(other.await, Ok(()));
                })
                .await;
        })
        .await;
}

// Cancelling-17, Shields-1, Shields-5
async fn behind_a_shield_it_has_not_begun(on: Site) {
    for until_then in [None, Some(5)] {
        let clock = Wound::new();
        let options = GroupOptions::new().grace(HOUR);
        let outside = options.on(&clock.on(&on.spawner)).group();
        let (tell, told) = futures::channel::oneshot::channel();
        let (done, spawner) = (Gate::new(), clock.on(&on.spawner));
        let (stays, begun) = (done.wait(), clock.now());
        outside.spawn(async move {
            let scope = GroupOptions::new().on(&spawner).scope(|tg| async move {
                drop(tell.send(tg));
                stays.await;
            });
            let at = until_then.map(|after: u32| Deadline::from(begun + after * SECOND));
            shield(scope).deadline(at.unwrap_or(Deadline::NEVER)).await;
        });
        let tg: Scope<'static> = told.await.expect("it is opened");
        let lives = Gate::new();
        let key = tg.child().grace(4 * SECOND).spawn(lives.wait());
        begins(&lives).await;
        outside.cancel();
        clock.wind(4 * SECOND);
        is_there(&lives).await;
        clock.wind(SECOND);
        is_there(&lives).await;
        clock.wind(3 * SECOND);
        is_there(&lives).await;
        clock.wind(SECOND);
        if until_then.is_some() {
            is_gone(&lives).await;
            until(|| key.is_finished()).await;
            assert_eq!(kind(&key), Some(CancelKind::Parent));
        } else {
            is_there(&lives).await;
            lives.open();
            assert_eq!(key.await, Ok(()));
        }
        done.open();
        outside.join().await;
    }
}

// Cancelling-11, Cancelling-17
async fn without_time_a_cleanup_is_polled_once(on: Site) {
    for by in ["group", "key", "outside", "now"] {
        let clock = Wound::new();
        let options = GroupOptions::new().grace(HOUR);
        let outside = options.clone().on(&clock.on(&on.spawner)).group();
        let (tg, done) = inside(&on, &clock, &outside).await;
        let (work, polls) = (Gate::new(), Polls::new());
        let (hangs, cleans) = (work.wait(), polls.clone().of(pending::<()>()));
        let own = if by == "now" { HOUR } else { Duration::ZERO };
        let key = tg
            .child()
            .grace(own)
            .spawn(with_cleanup(hangs, move || cleans));
        begins(&work).await;
        match by {
            "group" => tg.cancel(),
            "key" => key.cancel(),
            "now" => tg.cancel_now(),
            _ => outside.cancel(),
        }
        until(|| key.is_finished()).await;
        assert_eq!((polls.count(), work.waiting()), (1, 0), "by {by}");
        done.open();
        outside.join().await;
    }
}

// Cancelling-17, Shields-3
async fn a_group_inside_that_a_shield_holds_is_told_at_its_end(on: Site) {
    for by_group in [true, false] {
        let (group, clock) = group(&on);
        let (lives, held, on_inside) = (Gate::new(), Gate::new(), on.clone());
        let (hangs, work) = (lives.wait(), held.wait());
        let key = group.child().grace(4 * SECOND).spawn(async move {
            let inner = GroupOptions::new().on(&on_inside.spawner);
            let scope = inner.scope(|tg| async move {
                tg.spawn(shield(work));
                tg.spawn(hangs);
            });
            scope.await;
        });
        until(|| lives.waiting() + held.waiting() == 2).await;
        if by_group {
            group.cancel();
        } else {
            key.cancel();
        }
        clock.wind(3 * SECOND);
        is_there(&lives).await;
        clock.wind(SECOND);
        is_gone(&lives).await;
        is_there(&held).await;
        held.open();
        assert!(key.await.unwrap_err().is_cancelled());
        group.join().await;
    }
}
