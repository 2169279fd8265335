//! The rules of a group that gives each outcome with its name.

use std::future::pending;

use ingather::cancel::CancelKind;
use ingather::error::KeyId;
use ingather::{GroupOptions, JoinGroup, Outcome};

use crate::support::{
    Drops, Fault, Gate, HostileSpawner, Meter, Rng, Site, Trace, behaviour, stepper, throw,
    unhandled, unique, watched, yield_now, yields,
};

behaviour!(
    each_end_is_an_outcome_in_each_form_of_next,
    one_of_a_name_replaces_the_other,
    names_are_free_again,
    one_that_is_refused_is_an_outcome,
    next_while_open_waits_for_children_to_come,
    a_next_that_is_dropped_loses_nothing,
    a_drop_drops_the_children_and_says_what_was_lost,
    a_limit_is_changed_while_the_group_is_open,
    many_come_and_go,
    a_number_is_a_name_also_after_one_was_given,
    one_that_was_refused_is_there_until_its_outcome_is_given,
);

/// How a child ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    Error,
    Panic,
    CancelledAlone,
    CancelledWithAll,
}

/// How its outcome is asked for.
#[derive(Clone, Copy, Debug)]
enum Form {
    Next,
    NextWhileOpen,
    TryNext,
}

type Given = Option<(&'static str, Outcome<u32, Fault>)>;

impl Form {
    async fn ask(self, group: &mut JoinGroup<u32, Fault, &'static str>) -> Given {
        match self {
            Self::Next => group.next().await,
            Self::NextWhileOpen => group.next_while_open().await,
            Self::TryNext => {
                while !group.is_empty() {
                    if let Some(given) = group.try_next() {
                        return Some(given);
                    }
                    yield_now().await;
                }
                None
            }
        }
    }
}

// JoinGroup-1
async fn each_end_is_an_outcome_in_each_form_of_next(on: Site) {
    use End::{CancelledAlone, CancelledWithAll, Error, Panic, Value};
    let _hold = on.hold();
    for form in [Form::Next, Form::NextWhileOpen, Form::TryNext] {
        for end in [Value, Error, Panic, CancelledAlone, CancelledWithAll] {
            let options = GroupOptions::new().on(&on.spawner);
            let mut group = JoinGroup::keyed_with_options(options);
            group.try_insert("it", async move {
                yields(2).await;
                match end {
                    Value => Ok(1),
                    Error => Err(Fault("it")),
                    Panic => throw("it"),
                    CancelledAlone | CancelledWithAll => pending().await,
                }
            });
            // Another is not touched by it.
            group.try_insert("other", async { Ok(2) });
            match end {
                CancelledAlone => assert!(group.cancel(&"it")),
                CancelledWithAll => {
                    let Some(("other", Outcome::Ok(2))) = form.ask(&mut group).await else {
                        panic!("it goes on");
                    };
                    group.cancel_all();
                }
                _ => {}
            }
            assert!(group.contains(&"it") && !group.contains(&"none"));
            let mut others = usize::from(end == CancelledWithAll);
            let outcome = loop {
                match form.ask(&mut group).await {
                    Some(("it", outcome)) => break outcome,
                    Some(("other", Outcome::Ok(2))) => others += 1,
                    given => panic!("{form:?} x {end:?}: {given:?}"),
                }
            };
            let ended = match &outcome {
                Outcome::Ok(1) => Value,
                Outcome::Err(Fault("it")) => Error,
                Outcome::Panicked(panic) if panic.message() == "it" => Panic,
                Outcome::Cancelled(reason) if reason.kind() == CancelKind::Explicit => {
                    if end == CancelledAlone {
                        end
                    } else {
                        CancelledWithAll
                    }
                }
                other => panic!("{form:?} x {end:?}: {other:?}"),
            };
            assert_eq!(ended, end, "{form:?}");
            group.close();
            while let Some(given) = form.ask(&mut group).await {
                assert_eq!(given.0, "other");
                others += 1;
            }
            assert_eq!((others, group.len()), (1, 0), "{form:?} x {end:?}");
        }
    }
}

// JoinGroup-2
async fn one_of_a_name_replaces_the_other(on: Site) {
    let drops = Drops::new();
    let mut group = JoinGroup::<u32, _, _>::keyed_with_options(GroupOptions::new().on(&on.spawner));
    for _ in 0..5 {
        let dropped = drops.witness();
        group.insert("it", async move {
            let _dropped = dropped;
            pending().await
        });
        yields(2).await;
    }
    group.insert("it", async { 7 });
    assert_eq!(group.len(), 1);
    assert!(matches!(group.next().await, Some(("it", Outcome::Ok(7)))));
    assert!(group.next().await.is_none());
    assert!(drops.all());
    // By numbers, names are given from then on.
    let mut group = JoinGroup::<u32>::on(&on.spawner);
    let (first, second) = (group.spawn(pending()), group.spawn(async { 2 }));
    group.insert(first, async { 1 });
    assert!(group.contains(&first) && group.contains(&second));
    let mut given = Vec::new();
    while let Some((id, Outcome::Ok(value))) = group.next().await {
        given.push((id, value));
    }
    given.sort();
    assert_eq!(given, [(first, 1), (second, 2)]);
}

// JoinGroup-2
async fn names_are_free_again(on: Site) {
    let mut group =
        JoinGroup::<u32, _, u32>::keyed_with_options(GroupOptions::new().on(&on.spawner));
    for n in 0..50 {
        group.insert(n % 2, async move { n });
        let Some((name, Outcome::Ok(value))) = group.next().await else {
            panic!("it is there");
        };
        assert_eq!((name, value), (n % 2, n));
        assert!(!group.contains(&name) && !group.cancel(&name) && group.is_empty());
    }
}

// JoinGroup-1
async fn one_that_is_refused_is_an_outcome(on: Site) {
    let mut group = JoinGroup::<u32>::on(&on.spawner);
    group.close();
    let id: KeyId = group.spawn(async { 1 });
    assert_eq!(group.len(), 1);
    let (given, outcome) = group.try_next().unwrap();
    let Outcome::Cancelled(reason) = outcome else {
        panic!("it was refused: {outcome:?}");
    };
    assert_eq!((given, reason.kind()), (id, CancelKind::Closed));
    assert!(group.next().await.is_none());
}

// JoinGroup-3
async fn next_while_open_waits_for_children_to_come(on: Site) {
    let mut group = JoinGroup::<u32>::on(&on.spawner);
    assert!(group.next().await.is_none());
    {
        let mut waits = crate::support::ByHand::new(group.next_while_open());
        assert!(waits.poll().is_pending());
    }
    group.spawn(async { 1 });
    assert!(group.next_while_open().await.is_some());
    group.close();
    assert!(group.next_while_open().await.is_none());
}

// JoinGroup-1
async fn a_next_that_is_dropped_loses_nothing(on: Site) {
    let mut group = JoinGroup::<u32>::on(&on.spawner);
    (0..20).for_each(|n| {
        group.spawn(async move {
            yields(n as usize % 5).await;
            n
        });
    });
    let (mut sum, mut rounds) = (0, 0);
    while !group.is_empty() {
        rounds += 1;
        let given = {
            let mut next = crate::support::ByHand::new(group.next());
            next.poll()
        };
        if let std::task::Poll::Ready(Some((_, Outcome::Ok(n)))) = given {
            sum += n;
        } else {
            yield_now().await;
        }
    }
    assert_eq!(sum, 190, "in {rounds} rounds");
}

// JoinGroup-4
async fn a_drop_drops_the_children_and_says_what_was_lost(on: Site) {
    let (drops, name) = (Drops::new(), unique("lost"));
    let gate = Gate::new();
    let mut group = JoinGroup::<u32, _, _>::keyed_with_options(GroupOptions::new().on(&on.spawner));
    for n in 0..5_u32 {
        let dropped = drops.witness();
        group.insert(n, async move {
            let _dropped = dropped;
            pending().await
        });
    }
    let (opened, text) = (gate.clone(), name.clone());
    group.insert(9, async move {
        opened.open();
        std::panic::resume_unwind(Box::new(text))
    });
    gate.wait().await;
    crate::support::until(|| !group.is_empty() && group.contains(&9)).await;
    yields(3).await;
    drop(group);
    crate::support::until(|| drops.all()).await;
    let mut told = Vec::new();
    crate::support::until(|| {
        told.extend(unhandled::taken(&name));
        !told.is_empty()
    })
    .await;
    assert_eq!(told.len(), 1, "{told:?}");
}

// Limits-13
async fn a_limit_is_changed_while_the_group_is_open(on: Site) {
    for seed in 0..8 {
        let (mut rng, meter) = (Rng::new(seed), Meter::new());
        let options = GroupOptions::new().on(&on.spawner).limit(1);
        let mut group = JoinGroup::<usize>::with_options(options);
        let (mut limit, mut given) = (1, 0);
        for n in 0..60 {
            let meter = meter.clone();
            group.spawn(async move {
                let _inside = meter.enter();
                yields(n % 4).await;
                n
            });
            if rng.chance(30) {
                limit = limit.max(1 + rng.below(6));
                group.set_limit(limit);
            }
            if rng.chance(30) {
                given += usize::from(group.next().await.is_some());
            }
        }
        assert!(meter.highest() <= limit, "{} of {limit}", meter.highest());
        group.set_limit(1);
        while group.next().await.is_some() {
            given += 1;
        }
        assert_eq!(given, 60);
    }
}

// Limits-13
#[test]
fn a_limit_that_is_lowered_starts_nobody_and_one_that_is_raised_starts_the_first() {
    watched("a limit that is changed", || {
        let stepper: HostileSpawner = stepper();
        let (gate, trace) = (Gate::new(), Trace::new());
        let group = GroupOptions::new().on(&stepper).limit(3).group();
        for n in 0..6 {
            let (gate, trace) = (gate.clone(), trace.clone());
            drop(group.spawn(async move {
                trace.log(n);
                gate.wait().await;
            }));
        }
        stepper.run_until_idle();
        assert_eq!(trace.entries(), ["0", "1", "2"]);
        group.set_limit(1);
        gate.open();
        stepper.run_until_idle();
        assert_eq!(trace.entries().len(), 6);
        // A caller that waits for a slot is served by a limit that is raised.
        let gate = Gate::new();
        let opened = gate.clone();
        drop(group.spawn(async move { opened.wait().await }));
        stepper.run_until_idle();
        let mut slot = crate::support::ByHand::new(group.slot());
        assert!(slot.poll().is_pending());
        group.set_limit(2);
        assert!(slot.is_woken() && slot.poll().is_ready());
        gate.open();
        stepper.run_until_idle();
    });
}

// Limits-13
#[test]
#[should_panic(expected = "without a limit of its own")]
fn a_group_without_a_limit_gets_none() {
    let stepper = stepper();
    GroupOptions::new().on(&stepper).group().set_limit(2);
}

// JoinGroup-1, JoinGroup-2: children of random names and ends, against a table
async fn many_come_and_go(on: Site) {
    let mut rng = Rng::new(11);
    let mut group =
        JoinGroup::<usize, _, usize>::keyed_with_options(GroupOptions::new().on(&on.spawner));
    let (mut last, mut given) = (std::collections::HashMap::new(), 0);
    for n in 0..300 {
        let name = rng.below(12);
        match rng.below(4) {
            0 => {
                if let Some((name, Outcome::Ok(value))) = group.next().await {
                    assert_eq!(last.remove(&name), Some(value));
                    given += 1;
                }
            }
            _ => {
                let polls = rng.below(4);
                group.insert(name, async move {
                    yields(polls).await;
                    n
                });
                last.insert(name, n);
            }
        }
        assert_eq!(group.len(), last.len());
    }
    while let Some((name, Outcome::Ok(value))) = group.next().await {
        assert_eq!(last.remove(&name), Some(value));
        given += 1;
    }
    assert!(last.is_empty() && given > 50, "{given}");
}

// JoinGroup-2
async fn a_number_is_a_name_also_after_one_was_given(on: Site) {
    let mut group = JoinGroup::<u32>::on(&on.spawner);
    let first = group.spawn(pending());
    group.insert(first, async { 1 });
    let second = group.spawn(pending());
    assert!(group.contains(&second) && group.cancel(&second));
    group.insert(second, async { 2 });
    let mut given = Vec::new();
    while let Some((id, outcome)) = group.next().await {
        given.push((id, outcome.ok()));
    }
    given.sort_unstable_by_key(|given| given.1);
    assert_eq!(given, [(first, Some(1)), (second, Some(2))]);
    assert!(!group.contains(&first) && !group.cancel(&second));
}

// JoinGroup-1, JoinGroup-2
async fn one_that_was_refused_is_there_until_its_outcome_is_given(on: Site) {
    let mut keyed =
        JoinGroup::<u32, Fault, &str>::keyed_with_options(GroupOptions::new().on(&on.spawner));
    keyed.close();
    for _ in 0..2 {
        keyed.try_insert("a", async { Ok(1) });
        assert!(keyed.len() == 1 && keyed.contains(&"a") && keyed.cancel(&"a"));
    }
    assert!(matches!(
        keyed.next().await,
        Some(("a", Outcome::Cancelled(_)))
    ));
    assert!(keyed.is_empty() && !keyed.contains(&"a") && !keyed.cancel(&"a"));
}
