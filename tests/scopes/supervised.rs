//! Supervised children, whose failures are their own; and what is said of children in reports.

use std::future::pending;

use ingather::cancel::CancelKind;
use ingather::{GatherGroup, GatherIncomplete, Key, Outcome};

use crate::support::{
    Drops, Explosive, Fault, Gate, Site, behaviour, explodes_after, explodes_waiting, kind,
    stepper, throw, unhandled, unique, until, watched, yields,
};

behaviour!(
    an_error_goes_to_the_key,
    a_panic_goes_to_the_key,
    a_failure_goes_to_the_hook_if_the_key_is_gone,
    a_failure_in_a_key_that_is_dropped_goes_to_the_hook,
    a_destructor_that_panics_at_the_end_is_the_outcome,
    a_destructor_that_panics_in_a_cancel_goes_to_the_key,
    a_value_that_panics_goes_to_the_hook,
    a_supervised_child_is_cancelled_like_any_other,
    a_group_may_fail_around_a_supervised_child,
    reports_say_which_child_it_was,
    each_kind_of_child_may_have_a_name,
);

/// Panics with a text at its second poll.
async fn panics(text: String) -> Result<(), Fault> {
    yields(1).await;
    throw(&text)
}

// Children-2
async fn an_error_goes_to_the_key(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let fails = group.child().supervised().try_spawn(async {
        yields(1).await;
        Err::<(), _>(Fault("its own"))
    });
    let sibling = group.child().supervised().try_spawn(async {
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
    let key = group.child().supervised().try_spawn(panics(thrown));
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
    drop(group.child().supervised().try_spawn(async move {
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
    let key = group.child().supervised().try_spawn(panics(thrown));
    group.join().await;
    assert!(unhandled::taken(&text).is_empty());
    drop(key);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Children-2, Panics-3
async fn a_destructor_that_panics_at_the_end_is_the_outcome(on: Site) {
    let text = unique("at the end");
    let group = GatherGroup::on(&on.spawner);
    let key = group
        .child()
        .supervised()
        .try_spawn(explodes_after(text.clone(), Ok::<_, Fault>(1)));
    match key.await {
        Ok(Outcome::Panicked(panic)) => assert_eq!(panic.message(), text),
        other => panic!("it did not panic: {other:?}"),
    }
    assert_eq!(group.join().await.panicked, 0);
}

// Children-2, Panics-3
async fn a_destructor_that_panics_in_a_cancel_goes_to_the_key(on: Site) {
    let text = unique("in a cancel");
    let group = GatherGroup::on(&on.spawner);
    let fine = group.spawn(async { 1 });
    let key = group
        .child()
        .supervised()
        .try_spawn(explodes_waiting::<Result<(), Fault>>(text.clone()));
    key.cancel();
    match key.await {
        Ok(Outcome::Panicked(panic)) => assert_eq!(panic.message(), text),
        other => panic!("the key is not told: {other:?}"),
    }
    assert_eq!(fine.await, Ok(1));
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled, tally.panicked), (2, 0, 0));
    assert!(!group.is_cancelled());
    assert!(unhandled::taken(&text).is_empty());
}

// Children-2, Panics-3
async fn a_value_that_panics_goes_to_the_hook(on: Site) {
    for early in [true, false] {
        let text = unique("a value");
        let (explosive, gate) = (Explosive(text.clone()), Gate::new());
        let opened = gate.clone();
        let group = GatherGroup::on(&on.spawner);
        let key = group.child().supervised().try_spawn(async move {
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
    let alone = group.child().supervised().try_spawn(child());
    let (with, gone) = (
        group.child().supervised().try_spawn(child()),
        group.child().supervised().try_spawn(child()),
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
    let error = ingather::on(&on.spawner).try_scope(|tg| async move {
        // Its error is of another type than the group's.
        let own = tg
            .child()
            .supervised()
            .try_spawn(async { Err::<(), _>("its own") });
        let outcome = own.await.unwrap();
        assert_eq!(outcome.err(), Some("its own"));
        let rest = tg
            .child()
            .supervised()
            .try_spawn(pending::<Result<(), &str>>());
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
    let supervised = group.child().supervised().try_spawn(panics(thrown));
    let heart = group
        .child()
        .background()
        .spawn(explodes_waiting::<()>(text.clone()));
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
    // The one in the background may be in a poll at this instant, and is dropped at its end.
    let mut told = Vec::new();
    until(|| {
        told.extend(unhandled::taken(&text));
        told.len() >= 3
    })
    .await;
    assert_eq!(told.len(), 3, "{told:?}");
    for place in places {
        assert!(
            told.iter().any(|text| text.contains(&place)),
            "{place}: {told:?}"
        );
    }
}

// Children-3
async fn each_kind_of_child_may_have_a_name(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let named = |name: &'static str| group.named(name);
    let (start, try_start) = (
        named("start").start(|ready| async move { ready.started(()).unwrap() }),
        named("try_start").try_start(|ready| async move {
            ready.started(()).unwrap();
            Ok(())
        }),
    );
    let keys = [
        named("spawn").spawn(async {}),
        named("start_soon").start_soon(|| async {}),
        named("try_spawn").try_spawn(async { Ok(()) }),
        named("when_free").spawn_when_free(async {}).await,
        named("try_when_free")
            .try_spawn_when_free(async { Ok(()) })
            .await,
        named("background").background().spawn(async {}),
        start.await.unwrap().0,
        try_start.await.unwrap().0,
    ];
    let supervised = named("supervised")
        .supervised()
        .try_spawn(async { Ok::<(), Fault>(()) });
    let observed = named("observed").observed().try_spawn(async { Ok(()) });
    let names: Vec<_> = keys
        .iter()
        .map(Key::child)
        .chain([supervised.child(), observed.child()])
        .map(|child| {
            assert_eq!(child.location().file(), file!());
            child.name().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        names.join(" "),
        "spawn start_soon try_spawn when_free try_when_free background start try_start supervised observed"
    );
    group.try_join().await.unwrap();
}

// Children-2, Children-3, Errors-2
#[test]
fn an_error_that_nobody_receives_goes_to_the_hook_with_its_type_and_place() {
    struct NobodyReceives;
    watched("an error of a supervised child", || {
        unhandled::collect();
        let stepper = stepper();
        let group = GatherGroup::on(&stepper);
        let key = group
            .child()
            .supervised()
            .try_spawn(async { Err::<(), _>(NobodyReceives) });
        let gone = group
            .child()
            .supervised()
            .try_spawn(async { Err::<(), _>(NobodyReceives) });
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
