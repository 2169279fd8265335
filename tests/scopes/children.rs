//! Children in the background: they end when all others are over.

#![expect(
    clippy::async_yields_async,
    reason = "whoever spawns hands the key on, to be awaited elsewhere"
)]

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::{
    GatherGroup, GatherIncomplete, GroupOptions, Scope, current_token, inline, parallel,
};

use crate::support::{
    ByHand, Drops, Fault, Gate, Site, Trace, behaviour, explodes_waiting, kind, stepper, text_of,
    throw, unhandled, unique, watched, yields,
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
    completions_do_not_wait_for_the_background,
);

behaviour!(outside: a_background_child_of_a_blocking_scope);

// Children-1
async fn the_background_ends_with_the_last_main_child(on: Site) {
    let drops = Drops::new();
    let (witness, log) = (drops.witness(), Trace::new());
    let (beat, seen) = (Gate::new(), log.clone());
    let (hears, beats) = (beat.clone(), beat.clone());
    let key = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let heart = tg.child().background().spawn(async move {
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
    let key = ingather::on(&on.spawner).scope(|tg| async move {
        let heart = tg.child().background().spawn(pending::<()>());
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
    let key = group.child().background().spawn(pending::<()>());
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
    let key = group.child().background().spawn(async move {
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
    let key = group.child().background().spawn(pending::<()>());
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
    let key = ingather::on(&on.spawner).scope(|tg| async move {
        let (gate, inside) = (Gate::new(), tg.clone());
        let opens = gate.clone();
        let spawner = tg.child().background().spawn(async move {
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
    drop(tg.child().background().spawn(async move {
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
        handle.child().background().spawn(pending::<()>())
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
            let heart = tg.child().background().spawn(async {
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
            drop(tg.child().background().spawn(async move {
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
    let heart = group.child().background().spawn(pending::<()>());
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
    drop(
        group
            .child()
            .background()
            .spawn(async move { throw(&thrown) }),
    );
    assert_eq!(text_of(group.join()).await, text);
    assert_eq!(kind(&sibling), Some(CancelKind::SiblingFailed));
    // So is that of its destructor, when it is not needed any more.
    let group = GatherGroup::on(&on.spawner);
    drop(
        group
            .child()
            .background()
            .spawn(explodes_waiting::<()>(text.clone())),
    );
    assert_eq!(text_of(group.join()).await, text);
    assert!(unhandled::taken(&text).is_empty());
}

// Children-1, Limits-1, Limits-7
async fn a_background_child_in_line_ends_unpolled(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let (gate, log) = (Gate::new(), Trace::new());
    let (opened, seen) = (gate.clone(), log.clone());
    let first = group.child().background().spawn(async move {
        opened.wait().await;
        1
    });
    let second = group
        .child()
        .background()
        .spawn(async move { seen.log("polled") });
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
    let sum = inline::scope(|tg| {
        let drops = &drops;
        async move {
            let heart = tg.child().background().spawn(async move {
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
    parallel::on(&on.spawner).scope(|tg| {
        let (drops, polled) = (&drops, &polled);
        drop(tg.child().background().spawn(async move {
            let _held = drops.witness();
            polled.open();
            pending::<()>().await;
        }));
        let main = tg.spawn(async move { polled.wait().await });
        tg.wait(main).unwrap();
    });
    assert!(drops.all() && drops.made() == 1);
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
        let key = group.child().background().spawn(pending::<()>());
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
        drop(group.child().background().spawn(poll_fn(move |cx| {
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

// Children-4
async fn completions_do_not_wait_for_the_background(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let short = group.child().background().spawn(async {});
    while !short.is_finished() {
        yields(1).await;
    }
    let (heart, gate) = (
        group.child().background().spawn(pending::<()>()),
        Gate::new(),
    );
    let opened = gate.clone();
    let main = group.spawn(async move { opened.wait().await });
    assert_eq!(group.next_if_any().await.unwrap().id(), Some(short.id()));
    let mut next = ByHand::new(group.next_if_any());
    assert!(next.poll().is_pending());
    gate.open();
    assert_eq!(next.into_inner().await.unwrap().id(), Some(main.id()));
    assert_eq!(group.next_if_any().await, None);
    assert_eq!(heart.status(), Some(GatherIncomplete::Running));
    // It goes on from there.
    let more = group.spawn(async {});
    assert_eq!(group.next_if_any().await.unwrap().id(), Some(more.id()));
    assert_eq!(group.next_if_any().await, None);
    assert_eq!(group.join().await.cancelled, 1);
    assert_eq!(group.next_if_any().await.unwrap().id(), Some(heart.id()));
    assert_eq!(group.next_if_any().await, None);
}
