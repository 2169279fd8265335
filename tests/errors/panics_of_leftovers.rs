//! Panics in the destructors of what the crate lets go of: values, errors, payloads, bodies; and in the hook itself.

use std::future::{pending, poll_fn};
use std::task::Poll;

use ingather::{GatherGroup, GroupOptions, OnPanic};

use crate::support::{
    Explosive, Fault, Gate, Site, behaviour, explodes_waiting, finish, payload_of, stepper,
    text_of, throw, unhandled, unique, watched, yields,
};

behaviour!(
    a_value_that_panics_in_its_drop_after_the_child_reaches_the_hook,
    an_error_that_panics_in_its_drop_reaches_the_hook,
    a_payload_that_panics_in_its_drop_is_let_go_of,
    a_body_that_panics_in_its_drop_panics_like_any_other,
    a_doomed_body_that_panics_in_its_drop_adds_a_leaf,
    the_value_of_a_body_that_is_not_given_may_panic_in_its_drop,
    a_refused_future_that_panics_in_its_drop_touches_nobody,
);

// Panics-3
async fn a_value_that_panics_in_its_drop_after_the_child_reaches_the_hook(on: Site) {
    let text = unique("late value");
    let group = GatherGroup::on(&on.spawner);
    let thrown = text.clone();
    let key = group.spawn(async move { Explosive(thrown) });
    assert_eq!(group.join().await.ok, 1);
    drop(key);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

struct HostileError(#[expect(dead_code, reason = "held for its drop")] Explosive);

// Panics-3
async fn an_error_that_panics_in_its_drop_reaches_the_hook(on: Site) {
    let (name, text) = (unique("hostile error"), unique("in its drop"));
    let group = GatherGroup::<HostileError>::fallible_on(&on.spawner);
    let thrown = text.clone();
    drop(
        group
            .named(name.as_str())
            .try_spawn(async move { Err::<(), _>(HostileError(Explosive(thrown))) }),
    );
    while group.next_if_any().await.is_some() {}
    drop(group);
    assert_eq!(unhandled::taken(&name).len(), 1);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Panics-3
async fn a_payload_that_panics_in_its_drop_is_let_go_of(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let error = options.try_scope(|tg| async move {
        drop(tg.spawn(async {
            std::panic::resume_unwind(Box::new(Explosive("of a payload".into())));
        }));
        pending::<Result<(), Fault>>().await
    });
    let error = error.await.unwrap_err();
    assert!(error.first().is_panic());
    drop(error);
}

// Panics-3
async fn a_body_that_panics_in_its_drop_panics_like_any_other(on: Site) {
    let text = unique("body's drop");
    let explosive = Explosive(text.clone());
    let resumed = text_of(ingather::on(&on.spawner).scope(|tg| {
        drop(tg.spawn(pending::<()>()));
        poll_fn(move |_| {
            let _held = &explosive;
            Poll::Ready(7)
        })
    }));
    assert_eq!(resumed.await, text);
    assert_eq!(unhandled::taken(&text), [""; 0]);
}

// Panics-3
async fn a_doomed_body_that_panics_in_its_drop_adds_a_leaf(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let error = options.try_scope(|tg| async move {
        let _explosive = Explosive("doomed".into());
        drop(tg.try_spawn(async { Err::<(), _>(Fault("child")) }));
        pending::<Result<(), _>>().await
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.len(), 2);
    assert_eq!(error.first().error(), Some(&Fault("child")));
    assert!(error.iter().nth(1).unwrap().failure().is_panic());
}

// Panics-3
async fn the_value_of_a_body_that_is_not_given_may_panic_in_its_drop(on: Site) {
    let text = unique("value not given");
    let value = text.clone();
    let resumed = text_of(async {
        // The scope is a future of its own, so that its drop is not part of the unwinding: that would end the process.
        let scope = ingather::on(&on.spawner).scope(|tg| async move {
            let gate = Gate::new();
            let opened = gate.clone();
            drop(tg.spawn(async move {
                opened.wait().await;
                yields(3).await;
                throw("child")
            }));
            gate.open();
            Explosive(value)
        });
        let mut scope = Box::pin(scope);
        let payload = payload_of(poll_fn(|cx| scope.as_mut().poll(cx).map(drop))).await;
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(scope)));
        assert!(dropped.is_ok(), "the value was still in the scope");
        std::panic::resume_unwind(payload)
    });
    assert_eq!(resumed.await, "child");
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Panics-3, Leaving-5
async fn a_refused_future_that_panics_in_its_drop_touches_nobody(on: Site) {
    let text = unique("refused");
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let goes_on = group.spawn(async move {
        opened.wait().await;
        7
    });
    group.close();
    drop(group.spawn(explodes_waiting::<()>(text.clone())));
    assert!(!group.is_cancelled());
    assert_eq!(unhandled::taken(&text).len(), 1);
    gate.open();
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.panicked, goes_on.await), (1, 0, Ok(7)));

    let left = ingather::on(&on.spawner)
        .scope(|tg| async move { tg })
        .await;
    drop(left.spawn(explodes_waiting::<()>(text.clone())));
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Panics-4, Errors-2
#[test]
fn a_body_whose_error_is_hostile_and_whose_drop_panics_loses_nothing() {
    watched("a hostile body", || {
        unhandled::collect();
        let stepper = stepper();
        let (error, drop_) = (unique("the error"), unique("the drop"));
        let (in_error, explosive) = (error.clone(), Explosive(drop_.clone()));
        let mut in_error = Some(HostileError(Explosive(in_error)));
        let text = finish(
            &stepper,
            text_of(ingather::on(&stepper).try_scope(|_| {
                poll_fn(move |_| {
                    let _held = &explosive;
                    Poll::Ready(Err::<(), _>(in_error.take().unwrap()))
                })
            })),
        );
        assert_eq!(text, drop_);
        assert_eq!(unhandled::taken(&error).len(), 1);
    });
}
