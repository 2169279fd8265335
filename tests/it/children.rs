//! Kinds of children: those in the background, and those whose failures are their own.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use ingather::{
    CancelKind, GatherGroup, GatherIncomplete, GroupOptions, Key, Outcome, Scope,
    blocking_scope_on, current_token, inline_scope, scope_on, try_scope_on,
};

use crate::faults::{Explosive, explodes_after, explodes_waiting, text_of, throw, unique};
use crate::support::{
    ByHand, Drops, Fault, Gate, Site, Trace, behaviour, stepper, unhandled, watched, yields,
};

behaviour!(
    the_background_ends_with_the_last_main_child,
    a_body_is_a_main_child,
    a_background_child_alone_is_cancelled_by_a_join,
    a_background_child_alone_is_cancelled_by_a_close,
    a_join_that_is_dropped_leaves_the_background_alone,
    a_background_child_starts_main_children,
    a_background_child_starts_more_of_its_like,
    a_late_background_child_is_cancelled_as_well,
    the_background_has_the_grace,
    a_main_child_that_is_started_in_the_grace_is_waited_for,
    a_pending_start_is_no_background_child,
    the_panic_of_a_background_child_is_the_groups,
    a_background_child_in_line_ends_unpolled,
    a_background_child_of_an_inline_scope,
    an_error_goes_to_the_key,
    a_panic_goes_to_the_key,
    a_failure_goes_to_the_hook_if_the_key_is_gone,
    a_failure_in_a_key_that_is_dropped_goes_to_the_hook,
    a_destructor_that_panics_at_the_end_is_the_outcome,
    a_destructor_that_panics_in_a_cancel_goes_to_the_hook,
    a_value_that_panics_goes_to_the_hook,
    a_supervised_child_is_cancelled_like_any_other,
    a_group_may_fail_around_a_supervised_child,
    reports_say_which_child_it_was,
);

behaviour!(outside: a_background_child_of_a_blocking_scope);

fn kind<T>(key: &Key<T>) -> Option<CancelKind> {
    match key.status() {
        Some(GatherIncomplete::Cancelled(reason)) => Some(reason.kind()),
        _ => None,
    }
}

/// Panics with a text at its second poll.
async fn panics(text: String) -> Result<(), Fault> {
    yields(1).await;
    throw(&text)
}

// Children-1
async fn the_background_ends_with_the_last_main_child(on: Site) {
    let drops = Drops::new();
    let (witness, log) = (drops.witness(), Trace::new());
    let (beat, seen) = (Gate::new(), log.clone());
    let (hears, beats) = (beat.clone(), beat.clone());
    let key = scope_on(&on.spawner, |tg| async move {
        let heart = tg.spawn_background(async move {
            let _held = witness;
            beats.open();
            pending::<()>().await;
        });
        drop(tg.spawn(async move {
            hears.wait().await;
            yields(5).await;
            seen.log("work is done");
        }));
        heart
    })
    .await;
    assert!(beat.is_open() && drops.all());
    assert_eq!(kind(&key), Some(CancelKind::NotNeeded));
    assert_eq!(log.entries(), ["work is done"]);
}

// Children-1
async fn a_body_is_a_main_child(on: Site) {
    let key = scope_on(&on.spawner, |tg| async move {
        let heart = tg.spawn_background(pending::<()>());
        tg.spawn(async {}).await.unwrap();
        // All main children are over, and nobody leaves.
        yields(20).await;
        assert_eq!(heart.status(), Some(GatherIncomplete::Running));
        heart
    });
    assert_eq!(kind(&key.await), Some(CancelKind::NotNeeded));
}

// Children-1
async fn a_background_child_alone_is_cancelled_by_a_join(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let key = group.spawn_background(pending::<()>());
    yields(3).await;
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    let tally = group.try_join().await.unwrap();
    assert_eq!((tally.cancelled, tally.total()), (1, 1));
    assert_eq!(kind(&key), Some(CancelKind::NotNeeded));
    assert!(!group.is_cancelled());
}

// Children-1
async fn a_background_child_alone_is_cancelled_by_a_close(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let main = group.spawn(async move { opened.wait().await });
    let (heart, drops) = (Gate::new(), Drops::new());
    let (beats, witness) = (heart.clone(), drops.witness());
    let key = group.spawn_background(async move {
        let _held = witness;
        beats.open();
        pending::<()>().await;
    });
    heart.wait().await;
    group.close();
    yields(5).await;
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    gate.open();
    main.await.unwrap();
    // Nobody joins: the close alone does it.
    while !key.is_finished() {
        yields(1).await;
    }
    assert!(drops.all());
    assert_eq!(kind(&key), Some(CancelKind::NotNeeded));
    group.join().await;
}

// Children-1, Leaving-7
async fn a_join_that_is_dropped_leaves_the_background_alone(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let main = group.spawn(async move { opened.wait().await });
    let key = group.spawn_background(pending::<()>());
    let mut join = ByHand::new(group.join());
    assert!(join.poll().is_pending());
    drop(join);
    gate.open();
    main.await.unwrap();
    yields(20).await;
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    assert_eq!(group.join().await.total(), 2);
    assert_eq!(kind(&key), Some(CancelKind::NotNeeded));
}

// Children-1
async fn a_background_child_starts_main_children(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let key = scope_on(&on.spawner, |tg| async move {
        let (gate, inside) = (Gate::new(), tg.clone());
        let opens = gate.clone();
        let spawner = tg.spawn_background(async move {
            for n in 0..3 {
                let seen = seen.clone();
                drop(inside.spawn(async move {
                    yields(3).await;
                    seen.log(format!("main {n}"));
                }));
            }
            opens.open();
            pending::<()>().await;
        });
        gate.wait().await;
        spawner
    });
    assert_eq!(kind(&key.await), Some(CancelKind::NotNeeded));
    assert_eq!(log.sorted(), ["main 0", "main 1", "main 2"]);
}

/// Each starts one more, and then waits for ever.
fn chain(tg: Scope<'static>, deep: usize, drops: Drops, last: Gate) {
    let inside = tg.clone();
    drop(tg.spawn_background(async move {
        let _held = drops.witness();
        if deep == 0 {
            last.open();
        } else {
            chain(inside, deep - 1, drops, last);
        }
        pending::<()>().await;
    }));
}

// Children-1
async fn a_background_child_starts_more_of_its_like(on: Site) {
    let (group, drops, last) = (GatherGroup::on(&on.spawner), Drops::new(), Gate::new());
    chain(group.handle(), 20, drops.clone(), last.clone());
    last.wait().await;
    assert_eq!(group.join().await.cancelled, 21);
    assert!(drops.all() && drops.made() == 21);
}

// Children-1
async fn a_late_background_child_is_cancelled_as_well(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let handle = group.handle();
    let main = group.spawn(async move {
        yields(5).await;
        handle.spawn_background(pending::<()>())
    });
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled), (1, 1));
    assert_eq!(kind(&main.await.unwrap()), Some(CancelKind::NotNeeded));
}

// Children-1, Cancelling-4
async fn the_background_has_the_grace(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(Duration::MAX);
    let (heart, fine) = options
        .scope(|tg| async move {
            let heart = tg.spawn_background(async {
                let reason = current_token().cancelled().await;
                yields(3).await;
                reason.kind()
            });
            (heart, tg.spawn(async { 1 }))
        })
        .await;
    assert_eq!(heart.await, Ok(CancelKind::NotNeeded));
    assert_eq!(fine.await, Ok(1));
}

// Children-1
async fn a_main_child_that_is_started_in_the_grace_is_waited_for(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(Duration::MAX);
    let log = Trace::new();
    let seen = log.clone();
    options
        .scope(|tg| async move {
            let inside = tg.clone();
            drop(tg.spawn_background(async move {
                current_token().cancelled().await;
                drop(inside.spawn(async move {
                    yields(10).await;
                    seen.log("flushed");
                }));
            }));
        })
        .await;
    assert_eq!(log.entries(), ["flushed"]);
}

// Children-1, Starting-3
async fn a_pending_start_is_no_background_child(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let callers = GatherGroup::on(&on.spawner);
    let heart = group.spawn_background(pending::<()>());
    let (gate, polled) = (Gate::new(), Gate::new());
    let (opened, told, handle) = (gate.clone(), polled.clone(), group.handle());
    let caller = callers.spawn(async move {
        let start = handle.start(|ready| async move {
            told.open();
            opened.wait().await;
            ready.started(()).unwrap();
            yields(3).await;
            7
        });
        start.await.unwrap().0
    });
    polled.wait().await;
    let mut join = ByHand::new(group.join());
    assert!(join.poll().is_pending());
    yields(10).await;
    assert_eq!(heart.status(), Some(GatherIncomplete::Running));
    gate.open();
    let tally = join.into_inner().await;
    assert_eq!((tally.ok, tally.cancelled), (1, 1));
    assert_eq!(caller.await.unwrap().await, Ok(7));
    callers.join().await;
}

// Children-1, Panics-1
async fn the_panic_of_a_background_child_is_the_groups(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("in the background");
    let thrown = text.clone();
    let sibling = group.spawn(pending::<()>());
    drop(group.spawn_background(async move { throw(&thrown) }));
    assert_eq!(text_of(group.join()).await, text);
    assert_eq!(kind(&sibling), Some(CancelKind::SiblingFailed));
    // So is that of its destructor, when it is not needed any more.
    let group = GatherGroup::on(&on.spawner);
    drop(group.spawn_background(explodes_waiting::<()>(text.clone())));
    assert_eq!(text_of(group.join()).await, text);
    assert!(unhandled::taken(&text).is_empty());
}

// Children-1, Limits-1, Limits-7
async fn a_background_child_in_line_ends_unpolled(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let (gate, log) = (Gate::new(), Trace::new());
    let (opened, seen) = (gate.clone(), log.clone());
    let first = group.spawn_background(async move {
        opened.wait().await;
        1
    });
    let second = group.spawn_background(async move { seen.log("polled") });
    assert_eq!(second.status(), Some(GatherIncomplete::Waiting));
    // Both are alone: the one that has the slot and the one in line.
    let tally = group.join().await;
    assert_eq!((tally.cancelled, group.waiting()), (2, 0));
    assert_eq!(kind(&first), Some(CancelKind::NotNeeded));
    assert_eq!(kind(&second), Some(CancelKind::NotNeeded));
    assert!(log.entries().is_empty());
}

// Children-1, Inline-1
async fn a_background_child_of_an_inline_scope(_: Site) {
    let drops = Drops::new();
    let sum = inline_scope(|tg| {
        let drops = &drops;
        async move {
            let heart = tg.spawn_background(async move {
                let _held = drops.witness();
                pending::<()>().await;
            });
            let work = tg.spawn(async {
                yields(3).await;
                4
            });
            let four = work.await.unwrap();
            assert!(!heart.is_finished());
            four
        }
    });
    assert_eq!(sum.await, 4);
    assert!(drops.all() && drops.made() == 1);
}

// Children-1, Blocking-1
async fn a_background_child_of_a_blocking_scope(on: Site) {
    let drops = Drops::new();
    let polled = Gate::new();
    blocking_scope_on(&on.spawner, |tg| {
        let (drops, polled) = (&drops, &polled);
        drop(tg.spawn_background(async move {
            let _held = drops.witness();
            polled.open();
            pending::<()>().await;
        }));
        let main = tg.spawn(async move { polled.wait().await });
        tg.wait(main).unwrap();
    });
    assert!(drops.all() && drops.made() == 1);
}

// Children-2
async fn an_error_goes_to_the_key(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let fails = group.spawn_supervised(async {
        yields(1).await;
        Err::<(), _>(Fault("its own"))
    });
    let sibling = group.spawn_supervised(async {
        yields(5).await;
        Ok::<_, Fault>(2)
    });
    assert!(matches!(fails.await, Ok(Outcome::Err(Fault("its own")))));
    assert_eq!(sibling.await.unwrap().ok(), Some(2));
    assert!(!group.is_cancelled());
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.failed, tally.taken), (2, 0, 2));
}

// Children-2
async fn a_panic_goes_to_the_key(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("supervised");
    let thrown = text.clone();
    let key = group.spawn_supervised(panics(thrown));
    let sibling = group.spawn(async {
        yields(5).await;
        2
    });
    match key.await {
        Ok(Outcome::Panicked(panic)) => assert_eq!(panic.message(), text),
        other => panic!("it did not panic: {other:?}"),
    }
    assert_eq!(sibling.await, Ok(2));
    assert_eq!(group.join().await.panicked, 0);
    assert!(unhandled::taken(&text).is_empty());
}

/// The place of a child, as a report names it.
fn place<T>(key: &Key<T>) -> String {
    key.location().to_string()
}

// Children-2, Errors-2
async fn a_failure_goes_to_the_hook_if_the_key_is_gone(on: Site) {
    let text = unique("the key is gone");
    let (thrown, gate) = (text.clone(), Gate::new());
    let first = gate.clone();
    let group = GatherGroup::on(&on.spawner);
    drop(group.spawn_supervised(async move {
        first.wait().await;
        panics(thrown).await
    }));
    let fine = group.spawn(async { 1 });
    gate.open();
    assert_eq!(group.join().await.ok, 2);
    assert_eq!(fine.await, Ok(1));
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Children-2, Errors-2
async fn a_failure_in_a_key_that_is_dropped_goes_to_the_hook(on: Site) {
    let text = unique("in the key");
    let thrown = text.clone();
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn_supervised(panics(thrown));
    group.join().await;
    assert!(unhandled::taken(&text).is_empty());
    drop(key);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Children-2, Panics-3
async fn a_destructor_that_panics_at_the_end_is_the_outcome(on: Site) {
    let text = unique("at the end");
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn_supervised(explodes_after(text.clone(), Ok::<_, Fault>(1)));
    match key.await {
        Ok(Outcome::Panicked(panic)) => assert_eq!(panic.message(), text),
        other => panic!("it did not panic: {other:?}"),
    }
    assert_eq!(group.join().await.panicked, 0);
}

// Children-2, Panics-3
async fn a_destructor_that_panics_in_a_cancel_goes_to_the_hook(on: Site) {
    let text = unique("in a cancel");
    let group = GatherGroup::on(&on.spawner);
    let fine = group.spawn(async { 1 });
    let key = group.spawn_supervised(explodes_waiting::<Result<(), Fault>>(text.clone()));
    key.cancel();
    assert!(key.await.unwrap_err().is_cancelled());
    assert_eq!(fine.await, Ok(1));
    let tally = group.join().await;
    assert_eq!((tally.cancelled, tally.panicked), (1, 0));
    assert!(!group.is_cancelled());
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Children-2, Panics-3
async fn a_value_that_panics_goes_to_the_hook(on: Site) {
    for early in [true, false] {
        let text = unique("a value");
        let (explosive, gate) = (Explosive(text.clone()), Gate::new());
        let opened = gate.clone();
        let group = GatherGroup::on(&on.spawner);
        let key = group.spawn_supervised(async move {
            opened.wait().await;
            Ok::<_, Fault>(explosive)
        });
        let kept = Some(key).filter(|_| !early);
        gate.open();
        assert_eq!(group.join().await.panicked, 0);
        drop(kept);
        assert_eq!(unhandled::taken(&text).len(), 1);
    }
}

// Children-2
async fn a_supervised_child_is_cancelled_like_any_other(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let drops = Drops::new();
    let child = || {
        let witness = drops.witness();
        async move {
            let _held = witness;
            pending::<Result<(), Fault>>().await
        }
    };
    let alone = group.spawn_supervised(child());
    let (with, gone) = (
        group.spawn_supervised(child()),
        group.spawn_supervised(child()),
    );
    drop(gone);
    alone.cancel();
    assert!(alone.await.unwrap_err().is_cancelled());
    assert_eq!(with.status(), Some(GatherIncomplete::Running));
    group.cancel();
    assert_eq!(group.join().await.cancelled, 3);
    assert_eq!(kind(&with), Some(CancelKind::Explicit));
    assert!(drops.all());
}

// Children-2, Errors-1
async fn a_group_may_fail_around_a_supervised_child(on: Site) {
    let error = try_scope_on(&on.spawner, |tg| async move {
        // Its error is of another type than the group's.
        let own = tg.spawn_supervised(async { Err::<(), _>("its own") });
        let outcome = own.await.unwrap();
        assert_eq!(outcome.err(), Some("its own"));
        let rest = tg.spawn_supervised(pending::<Result<(), &str>>());
        drop(tg.try_spawn(async { Err::<(), _>(Fault("the group's")) }));
        drop(rest.await);
        Ok(())
    });
    let error = error.await.unwrap_err();
    assert_eq!(
        (error.len(), error.first().error()),
        (1, Some(&Fault("the group's")))
    );
}

// Children-3
async fn reports_say_which_child_it_was(on: Site) {
    let text = unique("which child");
    let group = GatherGroup::on(&on.spawner);
    let (thrown, again) = (text.clone(), text.clone());
    let supervised = group.spawn_supervised(panics(thrown));
    let heart = group.spawn_background(explodes_waiting::<()>(text.clone()));
    let started = group.start(|ready| async move {
        ready.started(()).unwrap();
        pending::<()>().await;
    });
    let (started, ()) = started.await.unwrap();
    let mut places = vec![place(&supervised), place(&heart)];
    for (key, debug) in [
        (started.child(), format!("{started:?}")),
        (heart.child(), format!("{heart:?}")),
    ] {
        assert!(debug.contains(&key.location().to_string()), "{debug}");
        assert_eq!((key.location().file(), key.name()), (file!(), None));
    }
    // What had not started is told of by its place as well.
    let line = line!() + 1;
    let early = group.start(move |_: ingather::Ready<()>| async move { throw(&again) });
    places.push(format!("{}:{line}", file!()));
    drop(supervised);
    while !group.is_empty() {
        if group.len() <= 2 {
            break;
        }
        yields(1).await;
    }
    drop(early);
    drop(group);
    let told = unhandled::taken(&text);
    assert_eq!(told.len(), 3, "{told:?}");
    for place in places {
        assert!(
            told.iter().any(|text| text.contains(&place)),
            "{place}: {told:?}"
        );
    }
}

// Children-2, Children-3, Errors-2
#[test]
fn an_error_that_nobody_receives_goes_to_the_hook_with_its_type_and_place() {
    struct NobodyReceives;
    watched("an error of a supervised child", || {
        unhandled::collect();
        let stepper = stepper();
        let group = GatherGroup::on(&stepper);
        let key = group.spawn_supervised(async { Err::<(), _>(NobodyReceives) });
        let gone = group.spawn_supervised(async { Err::<(), _>(NobodyReceives) });
        let places = [place(&gone), place(&key)];
        drop(gone);
        stepper.run_until_idle();
        assert!(group.is_empty());
        drop(key);
        let told = unhandled::taken("NobodyReceives");
        assert_eq!(told.len(), 2);
        for (told, place) in told.iter().zip(places) {
            assert!(told.contains(&place), "{told}");
        }
    });
}

// Children-1, Leaving-7
#[test]
fn of_two_joins_the_one_that_is_left_hears_of_the_end() {
    watched("two joins", || {
        let stepper = stepper();
        let group = GatherGroup::on(&stepper);
        let gate = Gate::new();
        let opened = gate.clone();
        drop(group.spawn(async move { opened.wait().await }));
        let key = group.spawn_background(pending::<()>());
        let mut left = ByHand::new(group.join());
        let mut dropped = ByHand::new(group.join());
        assert!(left.poll().is_pending() && dropped.poll().is_pending());
        // One that was never polled takes nothing back either.
        drop(group.join());
        drop(dropped);
        gate.open();
        stepper.run_until_idle();
        assert_eq!(kind(&key), Some(CancelKind::NotNeeded));
        assert_eq!(left.wakes(), 1);
        assert!(left.poll().is_ready());
    });
}

// Children-1
#[test]
fn a_background_child_is_not_polled_when_it_is_not_needed_any_more() {
    watched("a background child that wakes itself", || {
        let stepper = stepper();
        let group = GatherGroup::on(&stepper);
        let (polls, drops) = (Trace::new(), Drops::new());
        let (seen, witness) = (polls.clone(), drops.witness());
        drop(group.spawn_background(poll_fn(move |cx| {
            let _held = &witness;
            seen.log("polled");
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })));
        assert!(stepper.step());
        let before = polls.entries().len();
        assert!(before > 0);
        group.close();
        assert!(!group.is_cancelled());
        stepper.run_until_idle();
        assert!(drops.all());
        assert_eq!(polls.entries().len(), before);
    });
}
