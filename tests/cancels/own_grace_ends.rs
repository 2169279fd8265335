//! The grace that one child has for itself: how it begins and ends, and what else there is in that time.

use std::future::pending;
use std::sync::Arc;

use futures::FutureExt;
use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
use ingather::{
    CancelReason, GatherGroup, GroupOptions, Ready, Scope, StartError, current_token, shield,
};

use crate::support::{
    Drops, Fault, Gate, HOUR, Polls, SECOND, Site, Wound, behaviour, boom, kind,
    panic_when_awaited, reason, stepper, until, watched, yields,
};

behaviour!(
    it_begins_once,
    the_others_and_the_body_go_without_it,
    what_it_finishes_counts,
    a_panic_waits_for_it,
    a_shield_holds_beyond_it,
    past_shields_it_is_over,
    a_cleanup_has_that_time,
    a_start_that_is_pending_has_it,
    a_dismissed_child_has_it,
    an_owner_that_is_dropped_ends_it,
    nothing_is_left_of_it,
    among_many_some_have_it,
);

/// A group without grace by a clock that is wound by hand.
pub(crate) fn group(on: &Site) -> (GatherGroup, Wound) {
    let clock = Wound::new();
    let group = GroupOptions::new().on(&clock.on(&on.spawner)).group();
    (group, clock)
}

/// A scope in a child of the group, open until that gate is.
pub(crate) async fn inside(
    on: &Site,
    clock: &Wound,
    outside: &GatherGroup,
) -> (Scope<'static>, Gate) {
    let (tell, told) = futures::channel::oneshot::channel();
    let done = Gate::new();
    let waits = done.clone();
    let options = GroupOptions::new().on(&clock.on(&on.spawner));
    outside.spawn(options.scope(|tg| async move {
        drop(tell.send(tg));
        waits.wait().await;
    }));
    (told.await.expect("it is opened"), done)
}

pub(crate) async fn is_there(lives: &Gate) {
    yields(5).await;
    assert_eq!(lives.waiting(), 1);
}

pub(crate) async fn begins(lives: &Gate) {
    until(|| lives.waiting() == 1).await;
}

pub(crate) async fn is_gone(lives: &Gate) {
    until(|| lives.waiting() == 0).await;
}

// Cancelling-1, Cancelling-3, Cancelling-17
async fn it_begins_once(on: Site) {
    for [first, second] in [
        ["key", "key"],
        ["key", "group"],
        ["group", "key"],
        ["group", "group"],
        ["outside", "key"],
        ["outside", "group"],
        ["key", "outside"],
        ["outside", "token"],
    ] {
        let clock = Wound::new();
        let options = GroupOptions::new().grace(HOUR);
        let outside = options.on(&clock.on(&on.spawner)).group();
        let (tg, done) = inside(&on, &clock, &outside).await;
        let lives = Gate::new();
        let key = tg.child().grace(4 * SECOND).spawn(lives.wait());
        begins(&lives).await;
        let by = |what: &str, why| match what {
            "key" => key.cancel_with(CancelReason::with_message(why)),
            "group" => tg.cancel_with(CancelReason::with_message(why)),
            "token" => drop(tg.token().cancel_with(CancelReason::with_message(why))),
            _ => outside.cancel_with(CancelReason::with_message(why)),
        };
        by(first, "first");
        clock.wind(3 * SECOND);
        by(second, "second");
        is_there(&lives).await;
        clock.wind(SECOND);
        is_gone(&lives).await;
        until(|| key.is_finished()).await;
        let why = reason(&key).expect("it was cancelled");
        assert_eq!(why.root().message(), Some("first"), "{first}, {second}");
        done.open();
        outside.join().await;
    }
}

// Cancelling-17, Errors-1
async fn the_others_and_the_body_go_without_it(on: Site) {
    let clock = Wound::new();
    let (lives, drops) = (Gate::new(), Drops::new());
    let (waits, watched) = (lives.wait(), lives.clone());
    let (body, sibling) = (drops.witness(), drops.witness());
    let options = GroupOptions::new().on(&clock.on(&on.spawner));
    let scope = options.try_scope(|tg| async move {
        let _held = body;
        tg.child().grace(4 * SECOND).spawn(waits);
        let _sibling = tg.spawn(async move {
            let _held = sibling;
            pending::<()>().await;
        });
        begins(&watched).await;
        tg.cancel();
        pending::<()>().await;
        Ok::<_, Fault>(())
    });
    let winds = async {
        until(|| drops.all()).await;
        clock.wind(3 * SECOND);
        is_there(&lives).await;
        clock.wind(SECOND);
    };
    let (left, ()) = futures::join!(scope.boxed(), winds);
    assert!(left.is_err());
    assert_eq!(lives.waiting(), 0);
}

// Cancelling-4, Cancelling-17
async fn what_it_finishes_counts(on: Site) {
    let (group, clock) = group(&on);
    let (begun, gate, told) = (Polls::new(), Gate::new(), Gate::new());
    let (waits, tells) = (gate.clone(), told.clone());
    let key = group
        .child()
        .grace(4 * SECOND)
        .spawn(begun.clone().of(async move {
            let reason = current_token().cancelled().await;
            tells.open();
            waits.wait().await;
            yields(3).await;
            (reason.kind(), cancel_reason().is_some())
        }));
    until(|| begun.count() == 1).await;
    group.cancel();
    told.wait().await;
    clock.wind(3 * SECOND);
    assert!(!key.is_finished());
    gate.open();
    assert_eq!(key.await, Ok((CancelKind::Explicit, true)));
    clock.wind(HOUR);
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled), (1, 0));
}

// Cancelling-17, Panics-1
async fn a_panic_waits_for_it(on: Site) {
    let (group, clock) = group(&on);
    let (lives, goes) = (Gate::new(), Gate::new());
    group.child().grace(4 * SECOND).spawn(lives.wait());
    let panics = goes.wait();
    group.spawn(async move {
        panics.await;
        boom("of a sibling")
    });
    begins(&lives).await;
    goes.open();
    clock.until_waiting(1).await;
    let winds = async {
        clock.wind(3 * SECOND);
        is_there(&lives).await;
        clock.wind(SECOND);
    };
    let (text, ()) = futures::join!(panic_when_awaited(group.join()), winds);
    assert_eq!((text, lives.waiting()), ("of a sibling", 0));
}

// Cancelling-18, Shields-1, Shields-2
async fn a_shield_holds_beyond_it(on: Site) {
    for (by_group, shielded) in [(true, 2), (true, 6), (false, 2), (false, 6)] {
        let (group, clock) = group(&on);
        let (inner, lives) = (Gate::new(), Gate::new());
        let (first, then) = (inner.wait(), lives.wait());
        let key = group.child().grace(4 * SECOND).spawn(async move {
            shield(first).await;
            then.await;
        });
        begins(&inner).await;
        if by_group {
            group.cancel()
        } else {
            key.cancel()
        }
        clock.wind(shielded * SECOND);
        is_there(&inner).await;
        inner.open();
        if shielded < 4 {
            begins(&lives).await;
            clock.wind((3 - shielded) * SECOND);
            is_there(&lives).await;
            clock.wind(SECOND);
        }
        until(|| key.is_finished()).await;
        assert_eq!(
            (kind(&key), lives.waiting()),
            (Some(CancelKind::Explicit), 0)
        );
        group.join().await;
    }
}

// Cancelling-18, Shields-9
async fn past_shields_it_is_over(on: Site) {
    for by_group in [true, false] {
        for shielded in [true, false] {
            let (group, _clock) = group(&on);
            let lives = Gate::new();
            let work = lives.wait();
            let key = group.child().grace(HOUR).spawn(async move {
                if shielded {
                    shield(work).await
                } else {
                    work.await
                }
            });
            begins(&lives).await;
            key.cancel();
            is_there(&lives).await;
            if by_group {
                group.cancel_past_shields();
            } else {
                key.cancel_past_shields();
            }
            is_gone(&lives).await;
            assert_eq!(group.join().await.cancelled, 1);
        }
    }
}

// Cancelling-11, Cancelling-17
async fn a_cleanup_has_that_time(on: Site) {
    for (by_group, in_time) in [(true, true), (true, false), (false, true), (false, false)] {
        let clock = Wound::new();
        let options = GroupOptions::new().grace(2 * SECOND);
        let group = options.on(&clock.on(&on.spawner)).group();
        let (work, [quick, slow]) = (Gate::new(), [Gate::new(), Gate::new()]);
        let cleans = |gate: &Gate| {
            let (hangs, cleans) = (work.wait(), gate.wait());
            with_cleanup(hangs, move || cleans)
        };
        let both = futures::future::join(cleans(&quick), cleans(&slow));
        let polls = Polls::new();
        let both = polls.clone().of(both);
        let key = group.child().grace(4 * SECOND).spawn(both);
        until(|| work.waiting() == 2).await;
        if by_group {
            group.cancel()
        } else {
            key.cancel()
        }
        until(|| work.waiting() == 0 && quick.waiting() + slow.waiting() == 2).await;
        // The end of the grace that the others have polls nobody. Where others poll beside this task, one poll more may be on its way.
        yields(5).await;
        let before = polls.count();
        clock.wind(2 * SECOND);
        yields(5).await;
        if on.inside && on.kind.is_one_thread() {
            assert_eq!(polls.count(), before);
        }
        quick.open();
        // The other is waited for.
        until(|| quick.waiting() == 0).await;
        is_there(&slow).await;
        if in_time {
            slow.open();
        } else {
            clock.wind(SECOND);
            is_there(&slow).await;
            clock.wind(SECOND);
        }
        is_gone(&slow).await;
        until(|| key.is_finished()).await;
        assert_eq!(kind(&key), Some(CancelKind::Explicit));
        group.join().await;
    }
}

// Cancelling-17, Starting-3, Starting-5
async fn a_start_that_is_pending_has_it(on: Site) {
    for gives_way in [false, true] {
        let (group, clock) = group(&on);
        let (lives, then) = (Gate::new(), Gate::new().wait());
        let work = lives.wait();
        let start = group
            .child()
            .grace(4 * SECOND)
            .start(move |ready: Ready<()>| async move {
                work.await;
                // In time, or never.
                drop(ready);
                if !gives_way {
                    then.await;
                }
            });
        begins(&lives).await;
        group.cancel();
        clock.wind(3 * SECOND);
        is_there(&lives).await;
        if gives_way {
            lives.open();
        } else {
            clock.wind(SECOND);
        }
        let Err(StartError::Refused(why)) = start.await else {
            panic!("it was the group that was cancelled")
        };
        assert_eq!(Some(why), group.cancel_reason());
        group.join().await;
    }
}

// Cancelling-17, Children-1
async fn a_dismissed_child_has_it(on: Site) {
    let (group, clock) = group(&on);
    let lives = Gate::new();
    let child = group.child().background().grace(4 * SECOND);
    let key = child.spawn(lives.wait());
    begins(&lives).await;
    let winds = async {
        yields(5).await;
        clock.wind(3 * SECOND);
        is_there(&lives).await;
        clock.wind(SECOND);
    };
    futures::join!(group.join(), winds);
    assert_eq!(kind(&key), Some(CancelKind::NotNeeded));
}

// Cancelling-18, Dropping-1
async fn an_owner_that_is_dropped_ends_it(on: Site) {
    for cancelled in [false, true] {
        let (group, _clock) = group(&on);
        let lives = Gate::new();
        let key = group.child().grace(HOUR).spawn(lives.wait());
        begins(&lives).await;
        if cancelled {
            group.cancel();
            is_there(&lives).await;
        }
        drop(group);
        is_gone(&lives).await;
        until(|| key.is_finished()).await;
    }
}

// Cancelling-18, Executors-1
#[test]
fn a_spawner_that_is_shut_down_ends_it() {
    watched("a_spawner_that_is_shut_down_ends_it", || {
        for cancelled in [false, true] {
            let stepper = stepper();
            let group = GroupOptions::new().on(&stepper).group();
            let drops = Drops::new();
            let held = drops.witness();
            let key = group.child().grace(HOUR).spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            stepper.run_until_idle();
            if cancelled {
                group.cancel();
                stepper.run_until_idle();
            }
            assert_eq!(drops.count(), 0);
            stepper.shut_down();
            assert_eq!((drops.count(), drops.all_here()), (1, true));
            assert!(key.is_finished());
            assert_eq!(futures::executor::block_on(group.join()).cancelled, 1);
        }
    });
}

// Cancelling-17
async fn nothing_is_left_of_it(on: Site) {
    for ends in ["by itself", "in time", "its time", "now", "key gone"] {
        let (group, clock) = group(&on);
        let (lives, kept) = (Gate::new(), Arc::new(()));
        let (work, held) = (lives.wait(), Arc::clone(&kept));
        let child = group.child().grace(4 * SECOND);
        let key = child.spawn(async move {
            let _held = held;
            work.await;
        });
        begins(&lives).await;
        let mut key = Some(key);
        match ends {
            "by itself" => {}
            "key gone" => drop(key.take()),
            _ => key.as_ref().expect("it is there").cancel(),
        }
        match ends {
            "by itself" | "in time" => lives.open(),
            "now" => key.as_ref().expect("it is there").cancel_now(),
            "key gone" => {
                group.cancel();
                clock.wind(4 * SECOND);
            }
            _ => clock.wind(4 * SECOND),
        }
        group.join().await;
        assert_eq!(
            (Arc::strong_count(&kept), clock.waiting()),
            (1, 0),
            "{ends}"
        );
        clock.wind(HOUR);
        drop(key);
    }
}

// Cancelling-10, Cancelling-17
async fn among_many_some_have_it(on: Site) {
    let clock = Wound::new();
    let options = GroupOptions::new().grace(6 * SECOND);
    let group = options.on(&clock.on(&on.spawner)).group();
    let own = [None, Some(0), Some(2), Some(4), Some(8)];
    let gates = [(); 5].map(|()| Gate::new());
    for number in 0..500 {
        let child = group.child();
        let child = match own[number % 5] {
            None => child,
            Some(own) => child.grace(own * SECOND),
        };
        child.spawn(gates[number % 5].wait());
    }
    let waiting = || [0, 1, 2, 3, 4].map(|at: usize| gates[at].waiting());
    until(|| waiting() == [100; 5]).await;
    group.cancel_with(CancelReason::with_message("all"));
    for (after, left) in [
        (0, [100, 0, 100, 100, 100]),
        (2, [100, 0, 0, 100, 100]),
        (2, [100, 0, 0, 0, 100]),
        (2, [0, 0, 0, 0, 100]),
        (2, [0; 5]),
    ] {
        clock.wind(after * SECOND);
        until(|| waiting() == left).await;
        yields(5).await;
        assert_eq!(waiting(), left);
    }
    assert_eq!(group.join().await.cancelled, 500);
}
