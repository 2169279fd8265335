//! Starts that come to a bad end: in line, in groups that go, with destructors that panic; and in the other kinds of groups.

use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_executor::LocalExecutor;
use ingather::cancel::{CancelKind, with_cleanup};
use ingather::{
    GatherGroup, GatherIncomplete, GroupOptions, Ready, StartError, current_token, inline, local,
    parallel, shield,
};

use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, HostileSpawner, Mischief, Site, Trace, Witness,
    behaviour, finish, stepper, text_of, throw, unhandled, unique, watched, yields,
};

behaviour!(
    a_start_waits_in_line,
    a_start_in_line_of_a_cancelled_group_is_refused,
    a_start_in_line_whose_caller_goes_leaves_the_line,
    a_group_that_is_dropped_takes_the_pending_along,
    the_owner_of_a_scope_drops_the_pending_along,
    a_value_that_nobody_receives_is_dropped_with_the_start,
    a_failure_that_nobody_receives_goes_to_the_hook,
    a_failure_in_the_grace_of_a_gone_caller_goes_to_the_hook,
    a_destructor_that_panics_before_the_start_is_the_callers,
    a_destructor_that_panics_when_the_caller_goes_goes_to_the_hook,
    a_shield_around_the_start_holds_on,
    a_cleanup_runs_when_the_caller_goes,
    a_child_that_cancels_its_token_before_the_start_ends,
    an_inline_scope_starts_what_borrows,
    an_inline_scope_gives_errors_before_the_start,
);

behaviour!(outside: a_blocking_scope_starts_what_borrows);

fn kind<T, X>(result: Result<T, StartError<X>>) -> Option<CancelKind> {
    match result {
        Err(StartError::Cancelled(reason)) => Some(reason.kind()),
        _ => None,
    }
}

// Starting-2, Limits-1
async fn a_start_waits_in_line(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let gate = Gate::new();
    let opened = gate.clone();
    let first = group.spawn(async move { opened.wait().await });
    let log = Trace::new();
    let called = log.clone();
    let start = group.start(move |ready| {
        called.log("called");
        async move {
            ready.started(1).unwrap();
            yields(2).await;
            2
        }
    });
    assert_eq!((group.waiting(), log.entries().len()), (1, 0));
    gate.open();
    let (key, one) = start.await.unwrap();
    assert_eq!((first.await, one, key.await), (Ok(()), 1, Ok(2)));
    // Its slot is free again.
    assert_eq!(group.spawn(async { 3 }).await, Ok(3));
    assert_eq!(group.join().await.ok, 3);
}

// Starting-3, Limits-3
async fn a_start_in_line_of_a_cancelled_group_is_refused(on: Site) {
    for grace in [Duration::ZERO, Duration::MAX] {
        let options = GroupOptions::new().on(&on.spawner).grace(grace);
        let group = options.limit(1).group();
        let gate = Gate::new();
        let (polled, opened) = (Gate::new(), gate.clone());
        let told = polled.clone();
        // A shield, so that it holds its slot whatever the grace.
        drop(group.spawn(shield(async move {
            told.open();
            opened.wait().await;
        })));
        polled.wait().await;
        let drops = Drops::new();
        let witness = drops.witness();
        let start = group.start(move |ready: Ready<()>| async move { drop((witness, ready)) });
        assert_eq!(group.waiting(), 1);
        group.cancel();
        // While the slot is taken.
        let Err(StartError::Refused(reason)) = start.await else {
            panic!("it was not refused")
        };
        assert_eq!((reason.kind(), drops.all()), (CancelKind::Explicit, true));
        gate.open();
        assert_eq!(group.join().await.total(), 2);
    }
}

// Starting-2, Cancelling-8
async fn a_start_in_line_whose_caller_goes_leaves_the_line(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let gate = Gate::new();
    let opened = gate.clone();
    let first = group.spawn(async move { opened.wait().await });
    let (log, drops) = (Trace::new(), Drops::new());
    let (called, witness) = (log.clone(), drops.witness());
    let start = group.start(move |ready: Ready<()>| {
        called.log("called");
        async move { drop((witness, ready)) }
    });
    let last = group.spawn(async { 3 });
    drop(start);
    assert_eq!(group.waiting(), 1);
    while !drops.all() {
        yields(1).await;
    }
    gate.open();
    assert_eq!((first.await, last.await), (Ok(()), Ok(3)));
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled), (2, 1));
    assert!(log.entries().is_empty());
}

/// A start that has been polled and does not say that it has started.
async fn polled<K>(group: &GatherGroup, more: K) -> ingather::types::StartChild<(), ()>
where
    K: Send + 'static,
{
    let gate = Gate::new();
    let opened = gate.clone();
    let start = group.start(|ready: Ready<()>| async move {
        let _held = (more, ready);
        opened.open();
        pending().await
    });
    gate.wait().await;
    start
}

// Starting-2
async fn a_group_that_is_dropped_takes_the_pending_along(on: Site) {
    for grace in [Duration::ZERO, Duration::MAX] {
        let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
        let drops = Drops::new();
        let start = polled(&group, drops.witness()).await;
        drop(group);
        assert_eq!(kind(start.await), Some(CancelKind::Dropped));
        assert!(drops.all());
    }
}

// Starting-2, Dropping-1
async fn the_owner_of_a_scope_drops_the_pending_along(on: Site) {
    let drops = Drops::new();
    let (gate, witness) = (Gate::new(), drops.witness());
    let opened = gate.clone();
    let mut scope = ByHand::new(ingather::on(&on.spawner).scope(|tg| async move {
        let start = tg.start(|ready: Ready<()>| async move {
            let _held = (witness, ready);
            opened.open();
            pending::<()>().await;
        });
        start.await.is_ok()
    }));
    while !gate.is_open() {
        assert!(scope.poll().is_pending());
        yields(1).await;
    }
    drop(scope);
    while !drops.all() {
        // One that is being polled goes at the end of that poll.
        yields(1).await;
    }
}

/// A value that tells of its drop.
struct Value(#[expect(dead_code, reason = "held for its drop")] Witness);

// Starting-6, Starting-9
async fn a_value_that_nobody_receives_is_dropped_with_the_start(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (drops, told, gate) = (Drops::new(), Gate::new(), Gate::new());
    let (witness, tells, opened) = (drops.witness(), told.clone(), gate.clone());
    let start = group.start(|ready| async move {
        ready.started(Value(witness)).map_err(drop).unwrap();
        tells.open();
        opened.wait().await;
        assert!(ready.started(Value(Drops::new().witness())).is_err());
    });
    told.wait().await;
    drop(start);
    assert!(drops.all(), "not as long as the child goes on");
    gate.open();
    // It is the group's by now, and was not cancelled.
    assert_eq!(group.join().await.ok, 1);
}

// Starting-4, Errors-2
async fn a_failure_that_nobody_receives_goes_to_the_hook(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("nobody receives");
    let thrown = text.clone();
    let start = group.start(|_: Ready<()>| async move { throw(&thrown) });
    while !group.is_empty() {
        yields(1).await;
    }
    assert!(
        unhandled::taken(&text).is_empty(),
        "the caller may still come"
    );
    drop(start);
    assert_eq!(unhandled::taken(&text).len(), 1);
    assert_eq!(group.join().await.cancelled, 1);
}

// Starting-4, Starting-7
async fn a_failure_in_the_grace_of_a_gone_caller_goes_to_the_hook(on: Site) {
    let grace = Duration::MAX;
    let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let text = unique("in the grace");
    let (told, gate) = (Gate::new(), Gate::new());
    let (tells, opened, thrown) = (told.clone(), gate.clone(), text.clone());
    let start = group.start(|_: Ready<()>| async move {
        tells.open();
        opened.wait().await;
        throw(&thrown)
    });
    told.wait().await;
    drop(start);
    gate.open();
    let tally = group.join().await;
    assert_eq!((tally.cancelled, tally.panicked), (1, 0));
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Starting-4, Panics-3
async fn a_destructor_that_panics_before_the_start_is_the_callers(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("in the destructor");
    let explosive = Explosive(text.clone());
    let start = group.start(|ready: Ready<()>| async move {
        let _held = (explosive, ready);
        yields(1).await;
    });
    assert_eq!(text_of(start).await, text);
    // The same where nobody polls it to its end.
    let start = polled(&group, Explosive(text.clone())).await;
    drop(group);
    assert_eq!(text_of(start).await, text);
    assert!(unhandled::taken(&text).is_empty());
}

// Starting-4, Panics-3
async fn a_destructor_that_panics_when_the_caller_goes_goes_to_the_hook(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("when the caller goes");
    let start = polled(&group, Explosive(text.clone())).await;
    drop(start);
    let tally = group.join().await;
    assert_eq!((tally.cancelled, tally.panicked), (1, 0));
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Starting-9, Shields-1
async fn a_shield_around_the_start_holds_on(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let start = group.start(|ready| async move {
        shield(async move {
            ready.started(()).unwrap();
            opened.wait().await;
            yields(2).await;
        })
        .await;
        5
    });
    let (key, ()) = start.await.unwrap();
    group.cancel();
    yields(5).await;
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    gate.open();
    assert_eq!(key.await, Ok(5));
    group.join().await;
}

// Starting-2, Cancelling-11
async fn a_cleanup_runs_when_the_caller_goes(on: Site) {
    let grace = Duration::MAX;
    let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let (log, told) = (Trace::new(), Gate::new());
    let (seen, tells) = (log.clone(), told.clone());
    let start = group.start(|ready: Ready<()>| {
        let work = async move {
            let _held = ready;
            tells.open();
            pending::<()>().await;
        };
        with_cleanup(work, || async move {
            yields(2).await;
            seen.log("clean");
        })
    });
    told.wait().await;
    drop(start);
    assert_eq!(group.join().await.cancelled, 1);
    assert_eq!(log.entries(), ["clean"]);
}

// Starting-2, Cancelling-9
async fn a_child_that_cancels_its_token_before_the_start_ends(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let start = group.start(|ready: Ready<()>| async move {
        current_token().cancel();
        yields(3).await;
        ready.started(())
    });
    assert_eq!(kind(start.await), Some(CancelKind::Explicit));
    assert_eq!(group.join().await.cancelled, 1);
    assert!(!group.is_cancelled() && !current_token().is_cancelled());
}

// Starting-9, Inline-1
async fn an_inline_scope_starts_what_borrows(_: Site) {
    let words = [String::from("one"), String::from("three")];
    let total = AtomicUsize::new(0);
    let sum = inline::scope(|tg| {
        let (words, total) = (&words, &total);
        async move {
            let mut sum = 0;
            for word in words {
                let start = tg.start(move |ready| async move {
                    yields(1).await;
                    // The value is a borrow, too.
                    ready.started(word).unwrap();
                    yields(1).await;
                    total.fetch_add(word.len(), Ordering::Relaxed);
                });
                let (key, word) = start.await.unwrap();
                sum += word.len();
                drop(key);
            }
            sum
        }
    });
    assert_eq!((sum.await, total.into_inner()), (8, 8));
}

// Starting-4, Inline-1
async fn an_inline_scope_gives_errors_before_the_start(_: Site) {
    let word = String::from("no port");
    let result = inline::try_scope(|tg| {
        let word = &word;
        async move {
            let start = tg.try_start(move |ready: Ready<()>| async move {
                yields(1).await;
                drop(ready);
                Err::<(), _>(word)
            });
            let failed = start.await.map(drop);
            Ok::<_, &String>(failed)
        }
    });
    assert_eq!(result.await.unwrap(), Err(StartError::Failed(&word)));
}

// Starting-9, Blocking-1
async fn a_blocking_scope_starts_what_borrows(on: Site) {
    let words = [String::from("one"), String::from("three")];
    let lengths = parallel::on(&on.spawner).scope(|tg| {
        let starts = words.iter().map(|word| {
            let handle = tg.clone();
            let caller = tg.spawn(async move {
                let start = handle.start(move |ready| async move {
                    yields(1).await;
                    ready.started(word).unwrap();
                    word.len()
                });
                let (key, word) = start.await.unwrap();
                (word, key.await.unwrap())
            });
            tg.wait(caller).unwrap()
        });
        starts.collect::<Vec<_>>()
    });
    assert_eq!(lengths, [(&words[0], 3), (&words[1], 5)]);
}

// Starting-9
#[test]
fn a_local_group_starts_what_is_not_send() {
    watched("a start in a local group", || {
        let executor = Rc::new(LocalExecutor::new());
        let group = local::on(&executor).fallible_group::<Fault>();
        let shared = Rc::new(20);
        let (key, value) = futures::executor::block_on(executor.run(async {
            let inside = Rc::clone(&shared);
            let start = group.try_start(|ready| async move {
                yields(1).await;
                ready.started(Rc::clone(&inside)).unwrap();
                yields(1).await;
                Ok(*inside + 1)
            });
            let (key, value) = start.await.unwrap();
            group.try_join().await.unwrap();
            (key, value)
        }));
        assert!(Rc::ptr_eq(&shared, &value));
        assert_eq!(group.get_result(&key), Ok(&21));
    });
}

// Starting-5, Executors-1
#[test]
fn a_spawner_that_runs_nothing_leaves_no_caller_waiting() {
    watched("a start that is abandoned", || {
        unhandled::collect();
        let stepper = HostileSpawner::stepped(Mischief::honest().refuse(100), 1);
        let group = GatherGroup::on(&stepper);
        let drops = Drops::new();
        let witness = drops.witness();
        let start = group.start(|ready: Ready<()>| async move { drop((witness, ready)) });
        let ended = finish(&stepper, start);
        assert_eq!(kind(ended), Some(CancelKind::Abandoned));
        assert!(drops.all());
    });
}

// Starting-2
#[test]
fn the_last_of_many_callers_is_heard() {
    watched("many starts, polled by hand", || {
        let stepper = stepper();
        let group = GatherGroup::on(&stepper);
        let gate = Gate::new();
        let mut starts: Vec<_> = (0..100)
            .map(|n| {
                let opened = gate.clone();
                ByHand::new(group.start(move |ready| async move {
                    opened.wait().await;
                    ready.started(n).unwrap();
                }))
            })
            .collect();
        assert!(starts.iter_mut().all(|start| start.poll().is_pending()));
        stepper.run_until_idle();
        // A third goes, a third is forgotten, a third waits.
        let mut left = Vec::new();
        for (n, start) in starts.into_iter().enumerate() {
            match n % 3 {
                0 => drop(start),
                1 => std::mem::forget(start),
                _ => left.push((n, start)),
            }
        }
        gate.open();
        stepper.run_until_idle();
        for (n, start) in &mut left {
            assert_eq!(start.wakes(), 1);
            match start.poll() {
                std::task::Poll::Ready(Ok((key, value))) => {
                    assert!(key.is_finished());
                    assert_eq!(value, *n);
                }
                _ => panic!("it has started"),
            }
        }
        let tally = finish(&stepper, group.join());
        assert_eq!((tally.ok, tally.cancelled), (66, 34));
    });
}
