//! Panics: where they go, and that they take nothing else with them.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use ingather::cancel::CancelKind;
use ingather::error::Failure;
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, OnError, OnPanic};

use crate::support::{
    ByHand, Drops, Fault, Gate, Site, behaviour, boom, explodes_after, explodes_waiting, finish,
    payload_of, stepper, text_of, throw, unhandled, unique, watched, yield_now, yields,
};

behaviour!(
    the_panic_of_a_child_cancels_the_others_and_goes_on_with_its_payload,
    the_panic_of_a_child_drops_the_body_of_a_scope_that_cannot_fail,
    the_panic_of_a_body_cancels_the_children_and_goes_on_with_its_payload,
    the_panic_of_a_child_goes_on_where_the_group_is_joined,
    a_collected_panic_is_a_leaf,
    a_collected_panic_under_keep_going_touches_nobody,
    a_collected_panic_of_a_body_is_a_leaf,
    a_collected_panic_without_an_error_to_be_in_reaches_the_hook,
    a_panic_in_any_place_leaves_the_spawner_and_the_group_working,
    a_panic_gives_its_slot_back,
    the_panic_of_a_waker_goes_to_the_hook_and_harms_nobody,
    of_two_panics_the_first_goes_on_and_the_second_reaches_the_hook,
    a_child_that_panics_in_its_poll_and_in_its_drop_loses_neither,
    a_body_that_panics_in_its_poll_and_in_its_drop_loses_neither,
    errors_that_a_panic_leaves_behind_reach_the_hook,
);

// Panics-1
async fn the_panic_of_a_child_cancels_the_others_and_goes_on_with_its_payload(on: Site) {
    let drops = Drops::new();
    let held = drops.clone();
    let payload = payload_of(ingather::on(&on.spawner).scope(|tg| async move {
        for _ in 0..10 {
            let witness = held.witness();
            drop(tg.spawn(async move {
                let _held = witness;
                pending::<()>().await;
            }));
        }
        let key = tg.spawn(async {
            yield_now().await;
            std::panic::resume_unwind(Box::new(7_u8));
        });
        let _over: Result<(), _> = key.await;
        let _held = held.witness();
        pending::<()>().await;
    }));
    assert_eq!(payload.await.downcast_ref(), Some(&7_u8));
    assert!(drops.all());
    assert!(drops.made() >= 10);
}

// Panics-1
async fn the_panic_of_a_child_drops_the_body_of_a_scope_that_cannot_fail(on: Site) {
    let drops = Drops::new();
    let witness = drops.witness();
    let text = text_of(ingather::on(&on.spawner).scope(|tg| async move {
        let _held = witness;
        drop(tg.spawn(async { throw("child") }));
        pending::<()>().await;
    }));
    assert_eq!(text.await, "child");
    assert!(drops.all());
}

// Panics-1
async fn the_panic_of_a_body_cancels_the_children_and_goes_on_with_its_payload(on: Site) {
    let drops = Drops::new();
    let held = drops.clone();
    let payload = payload_of(ingather::on(&on.spawner).try_scope(|tg| async move {
        for _ in 0..10 {
            let witness = held.witness();
            drop(tg.spawn(async move {
                let _held = witness;
                pending::<()>().await;
            }));
        }
        yield_now().await;
        if tg.len() == 10 {
            std::panic::resume_unwind(Box::new(7_u8));
        }
        Ok::<_, Fault>(())
    }));
    assert_eq!(payload.await.downcast_ref(), Some(&7_u8));
    assert_eq!(drops.count(), 10);
}

// Panics-1
async fn the_panic_of_a_child_goes_on_where_the_group_is_joined(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let sibling = group.spawn(pending::<()>());
    let key = group.named("the cause").spawn(async { throw("child") });
    assert_eq!(text_of(group.join()).await, "child");
    assert_eq!(key.status(), Some(GatherIncomplete::Panicked));
    let Some(GatherIncomplete::Cancelled(reason)) = sibling.status() else {
        panic!("{sibling:?} is not cancelled");
    };
    assert_eq!(reason.kind(), CancelKind::SiblingFailed);
    assert_eq!(reason.child(), Some(&key.child()));
    let tally = group.tally();
    assert_eq!((tally.panicked, tally.cancelled), (1, 1));
}

// Panics-2
async fn a_collected_panic_is_a_leaf(on: Site) {
    struct Payload(u8);
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let error = options.try_scope(|tg| async move {
        drop(tg.spawn(pending::<()>()));
        drop(tg.named("child").spawn(async {
            std::panic::resume_unwind(Box::new(Payload(7)));
        }));
        pending::<Result<(), Fault>>().await
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert!(error.first().is_panic());
    assert_eq!(
        error.iter().next().unwrap().child().unwrap().name(),
        Some("child")
    );
    assert_eq!(
        error.first().to_string_of_panic(),
        "panicked: a payload that is not a text"
    );
    let Failure::Panicked(panic) = error.into_first() else {
        unreachable!("it was one a moment ago");
    };
    let payload = panic.into_payload().downcast::<Payload>();
    assert_eq!(payload.map(|payload| payload.0).ok(), Some(7));
}

trait PanicText {
    fn to_string_of_panic(&self) -> String;
}

impl<E> PanicText for Failure<E> {
    fn to_string_of_panic(&self) -> String {
        match self {
            Failure::Panicked(panic) => panic.to_string(),
            _ => panic!("it is not a panic"),
        }
    }
}

// Panics-2
async fn a_collected_panic_under_keep_going_touches_nobody(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect);
    let group = options.fallible_group::<Fault>();
    let panics = group.spawn(async { throw("first") });
    let _over: Result<(), _> = panics.await;
    let fails = group.try_spawn(async { Err::<(), _>(Fault("second")) });
    assert_eq!(fails.await, Err(GatherIncomplete::Failed));
    let goes_on = group.spawn(async {
        yields(5).await;
        7
    });
    let error = group.try_join().await.unwrap_err();
    assert_eq!(group.get_result(&goes_on), Ok(&7));
    let leaves: Vec<_> = error.iter().map(|leaf| leaf.failure()).collect();
    assert_eq!(leaves[0].to_string_of_panic(), "panicked: first");
    assert_eq!(leaves[1].error(), Some(&Fault("second")));
    assert_eq!(leaves.len(), 2);
}

// Panics-2
async fn a_collected_panic_of_a_body_is_a_leaf(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let error = options.try_scope(|tg| async move {
        drop(tg.spawn(pending::<()>()));
        yield_now().await;
        if tg.len() == 1 {
            throw("body");
        }
        Ok::<_, Fault>(())
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert!(error.iter().next().unwrap().child().is_none());
    assert_eq!(error.first().to_string_of_panic(), "panicked: body");
}

// Panics-2
async fn a_collected_panic_without_an_error_to_be_in_reaches_the_hook(on: Site) {
    let text = unique("collected");
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let thrown = text.clone();
    let value = options.clone().scope(|tg| async move {
        let key = tg.spawn(async move { throw(&thrown) });
        let seen: Result<(), _> = key.await;
        seen
    });
    assert_eq!(value.await, Err(GatherIncomplete::Panicked));
    assert_eq!(unhandled::taken(&text).len(), 1);
    let group = options.group();
    let thrown = text.clone();
    drop(group.spawn(async move { throw(&thrown) }));
    assert_eq!(group.join().await.panicked, 1);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

/// A scope with children that runs to a good end.
async fn still_works(on: &Site) {
    let sum = ingather::on(&on.spawner).scope(|tg| async move {
        let keys: Vec<_> = (0..10).map(|n| tg.spawn(async move { n })).collect();
        let mut sum = 0;
        for key in keys {
            sum += key.await.unwrap();
        }
        sum
    });
    assert_eq!(sum.await, 45);
}

// Panics-3
async fn a_panic_in_any_place_leaves_the_spawner_and_the_group_working(on: Site) {
    type Case = fn(&GatherGroup<Fault>, String);
    // In a poll; in a callable; in the drop of a future that is over; of one that is cancelled; of one that was refused;
    // in the drop of a value; in a closure's drop.
    let cases: [Case; 6] = [
        |group, text| drop(group.spawn(async move { throw(&text) })),
        |group, text| {
            drop(group.start_soon(move || {
                if true {
                    throw(&text);
                }
                async {}
            }));
        },
        |group, text| drop(group.spawn(explodes_after(text, 1))),
        |group, text| {
            drop(group.spawn(explodes_waiting::<()>(text)));
            group.cancel();
        },
        |group, text| {
            group.close();
            drop(group.spawn(explodes_waiting::<()>(text)));
        },
        |group, text| {
            let gate = Gate::new();
            let opened = gate.clone();
            drop(group.spawn(async move {
                opened.wait().await;
                crate::support::Explosive(text)
            }));
            gate.open();
        },
    ];
    for (at, case) in cases.into_iter().enumerate() {
        let text = unique("in any place");
        let group = GatherGroup::fallible_on(&on.spawner);
        case(&group, text.clone());
        let refused = at == 4;
        if refused {
            assert!(group.try_join().await.is_ok());
            assert_eq!(unhandled::taken(&text).len(), 1);
        } else {
            assert_eq!(text_of(group.try_join()).await, text, "case {at}");
            assert_eq!(unhandled::taken(&text), [""; 0], "case {at}");
            assert_eq!(group.tally().panicked, 1, "case {at}");
        }
        assert!(group.is_empty() && group.is_closed());
        still_works(&on).await;
    }
}

// Panics-3
async fn a_panic_gives_its_slot_back(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .limit(1)
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect);
    let group = options.group();
    let text = unique("slot");
    for _ in 0..5 {
        let (poll, drop_) = (text.clone(), text.clone());
        drop(group.spawn(async move { throw(&poll) }));
        drop(group.spawn(explodes_after(drop_, ())));
    }
    let last = group.spawn(async { 7 });
    assert_eq!(group.join().await.panicked, 10);
    assert_eq!(group.get_result(&last), Ok(&7));
    assert_eq!(unhandled::taken(&text).len(), 10);
}

/// A waker that panics.
struct Loud(String);

impl Wake for Loud {
    fn wake(self: Arc<Self>) {
        throw(&self.0);
    }
}

// Panics-3
async fn the_panic_of_a_waker_goes_to_the_hook_and_harms_nobody(on: Site) {
    let text = unique("waker");
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let mut key = group.spawn(async move {
        opened.wait().await;
        7
    });
    let loud = Waker::from(Arc::new(Loud(text.clone())));
    let poll = std::pin::Pin::new(&mut key).poll(&mut Context::from_waker(&loud));
    assert!(poll.is_pending());
    gate.open();
    assert_eq!(group.join().await.ok, 1);
    assert_eq!(group.take_result(key).unwrap(), 7);
    // The waker is called once the group knows of the end, so whoever joins may be here before.
    let mut lost = unhandled::taken(&text);
    while lost.is_empty() {
        yield_now().await;
        lost = unhandled::taken(&text);
    }
    assert_eq!(lost.len(), 1);
    still_works(&on).await;
}

// Panics-4
async fn of_two_panics_the_first_goes_on_and_the_second_reaches_the_hook(on: Site) {
    let (first, second) = (unique("first"), unique("second"));
    let group = GatherGroup::on(&on.spawner);
    drop(group.spawn(explodes_waiting::<()>(second.clone())));
    let thrown = first.clone();
    drop(group.spawn(async move {
        yield_now().await;
        throw(&thrown)
    }));
    assert_eq!(text_of(group.join()).await, first);
    assert_eq!(group.tally().panicked, 2);
    assert_eq!(unhandled::taken(&first), [""; 0]);
    assert_eq!(unhandled::taken(&second).len(), 1);
}

/// Which of the two was resumed and which reached the hook does not matter, as long as both came out.
fn both_came_out(resumed: &str, first: &str, second: &str) {
    let (first_seen, second_seen) = (unhandled::taken(first), unhandled::taken(second));
    if resumed == first {
        assert_eq!((first_seen.len(), second_seen.len()), (0, 1));
    } else {
        assert_eq!(resumed, second);
        assert_eq!((first_seen.len(), second_seen.len()), (1, 0));
    }
}

/// A future that panics in its poll, and again when it is dropped.
fn explodes_twice(first: String, second: String) -> impl Future<Output = ()> + Send {
    let explosive = crate::support::Explosive(second);
    std::future::poll_fn(move |_| {
        let _held = &explosive;
        throw(&first)
    })
}

// Panics-4
async fn a_child_that_panics_in_its_poll_and_in_its_drop_loses_neither(on: Site) {
    let (first, second) = (unique("in the poll"), unique("in the drop"));
    let group = GatherGroup::on(&on.spawner);
    drop(group.spawn(explodes_twice(first.clone(), second.clone())));
    let resumed = text_of(group.join()).await;
    both_came_out(&resumed, &first, &second);
}

// Panics-4
async fn a_body_that_panics_in_its_poll_and_in_its_drop_loses_neither(on: Site) {
    let (first, second) = (unique("in the poll"), unique("in the drop"));
    let body = explodes_twice(first.clone(), second.clone());
    let resumed = text_of(ingather::on(&on.spawner).scope(|_| body)).await;
    both_came_out(&resumed, &first, &second);
}

// Panics-4
async fn errors_that_a_panic_leaves_behind_reach_the_hook(on: Site) {
    let name = unique("left behind");
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let group = options.fallible_group::<Fault>();
    let fails = group
        .named(name.as_str())
        .try_spawn(async { Err::<(), _>(Fault("left behind")) });
    assert_eq!(fails.await, Err(GatherIncomplete::Failed));
    drop(group.spawn(async { throw("resumed") }));
    assert_eq!(text_of(group.try_join()).await, "resumed");
    assert_eq!(unhandled::taken(&name).len(), 1);
}

// Panics-1
#[test]
fn the_panic_goes_on_only_when_all_are_over() {
    watched("a panic that waits", || {
        let stepper = stepper();
        let gate = Gate::new();
        let opened = gate.clone();
        let drops = Drops::new();
        let witness = drops.witness();
        let seen = drops.clone();
        let text = finish(
            &stepper,
            text_of(ingather::on(&stepper).scope(|tg| async move {
                drop(tg.spawn(async move {
                    let _held = witness;
                    opened.wait().await;
                }));
                drop(tg.spawn(async { throw("child") }));
                pending::<()>().await;
            })),
        );
        assert_eq!(text, "child");
        assert!(seen.all());
    });
}

// Panics-3
#[test]
fn the_panic_of_an_iterator_given_to_gather_starts_no_call() {
    watched("an iterator that panics", || {
        let (stepper, drops) = (stepper(), Drops::new());
        let held = drops.clone();
        let calls = (0..5).map(move |n| {
            if n == 3 {
                boom("in the iterator");
            }
            let witness = held.witness();
            move || async move {
                let _held = witness;
                pending::<()>().await;
            }
        });
        let called = AssertUnwindSafe(|| drop(ingather::on(&stepper).gather(calls)));
        let payload = catch_unwind(called).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"in the iterator"));
        assert_eq!((drops.made(), drops.count()), (3, 3));
    });
}

// Panics-3
#[test]
fn a_scope_that_is_dropped_survives_children_that_panic_in_their_drop() {
    watched("children that panic when a scope is dropped", || {
        unhandled::collect();
        let (stepper, drops) = (stepper(), Drops::new());
        let text = unique("dropped scope");
        let (held, thrown) = (drops.clone(), text.clone());
        let mut scope = ByHand::new(ingather::on(&stepper).scope(|tg| async move {
            for _ in 0..3 {
                let witness = held.witness();
                drop(tg.spawn(explodes_waiting::<()>(thrown.clone())));
                drop(tg.spawn(async move {
                    let _held = witness;
                    pending::<()>().await;
                }));
            }
            pending::<()>().await;
        }));
        assert!(scope.poll().is_pending());
        stepper.run_until_idle();
        drop(scope);
        assert_eq!(drops.count(), 3);
        assert_eq!(unhandled::taken(&text).len(), 3);
    });
}
