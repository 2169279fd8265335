//! Errors: who is cancelled by one, and the one place in which each ends.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use ingather::cancel::CancelKind;
use ingather::error::Failure;
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, Key, OnError};

use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, Site, Trace, behaviour, explodes_after, finish, stepper,
    text_of, unhandled, unique, watched, yield_now, yields,
};

behaviour!(
    a_failing_child_drops_the_body,
    a_failing_child_cancels_its_siblings_and_is_named_as_the_cause,
    a_failing_body_cancels_the_children,
    the_body_of_a_scope_that_cannot_fail_gives_its_value_though_the_group_is_cancelled,
    an_error_that_is_returned_does_not_reach_the_hook,
    the_errors_of_a_dropped_group_reach_the_hook,
    the_error_of_a_child_that_panics_in_its_drop_reaches_the_hook,
    the_errors_survive_a_value_that_panics_in_its_drop,
    cancelled_children_are_left_out,
    a_group_cancelled_before_its_body_gave_a_value_gives_the_reason_alone,
    a_group_cancelled_after_its_body_gave_a_value_gives_the_value,
    a_cancelled_group_that_is_joined_has_not_failed,
    a_failure_that_was_seen_still_fails_the_group,
    an_observed_error_goes_to_its_key,
    an_observed_error_whose_key_is_gone_fails_the_group,
    an_observed_error_dropped_unread_reaches_the_hook,
    under_keep_going_everybody_finishes,
    under_keep_going_a_failing_body_cancels_nobody,
);

/// Holds keys for the test when the body that made them is gone.
type Kept<T> = Arc<Mutex<Vec<Key<T>>>>;

// Errors-1
async fn a_failing_child_drops_the_body(on: Site) {
    let (log, drops) = (Trace::new(), Drops::new());
    let (body, witness) = (log.clone(), drops.witness());
    let result = ingather::on(&on.spawner).try_scope(|tg| async move {
        let _held = (body.at_drop("body dropped"), witness);
        drop(tg.try_spawn(async { Err::<(), _>(Fault("child")) }));
        pending::<()>().await;
        Ok(())
    });
    let error = result.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().error(), Some(&Fault("child")));
    assert_eq!(log.entries(), ["body dropped"]);
    assert!(drops.all());
}

// Errors-1
#[test]
fn a_body_is_not_polled_again_once_it_is_suspended() {
    watched("a doomed body", || {
        let (stepper, log, gate) = (stepper(), Trace::new(), Gate::new());
        let (body, opened) = (log.clone(), gate.clone());
        let mut scope = ByHand::new(ingather::on(&stepper).try_scope(|tg| async move {
            drop(tg.try_spawn(async { Err::<(), _>(Fault("child")) }));
            opened.wait().await;
            body.log("polled again");
            Ok(())
        }));
        assert!(scope.poll().is_pending());
        assert_eq!(scope.wakes(), 0);
        stepper.run_until_idle();
        assert_eq!(scope.wakes(), 1);
        gate.open();
        while scope.poll().is_pending() {}
        assert!(log.entries().is_empty());
    });
}

// Errors-1
#[test]
fn a_body_goes_on_until_it_suspends() {
    watched("a body that is polled while a child fails", || {
        let (stepper, log) = (stepper(), Trace::new());
        let (body, runs) = (log.clone(), stepper.clone());
        let result = finish(
            &stepper,
            ingather::on(&stepper).try_scope(|tg| async move {
                let _dropped = body.at_drop("dropped");
                let key = tg.try_spawn(async { Err::<(), _>(Fault("child")) });
                runs.run_until_idle();
                assert_eq!(key.status(), Some(GatherIncomplete::Failed));
                body.log("goes on");
                yield_now().await;
                body.log("polled again");
                Ok(())
            }),
        );
        assert_eq!(result.unwrap_err().len(), 1);
        assert_eq!(log.entries(), ["goes on", "dropped"]);
    });
}

// Errors-1
async fn a_failing_child_cancels_its_siblings_and_is_named_as_the_cause(on: Site) {
    let drops = Drops::new();
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let siblings: Vec<_> = (0..3)
        .map(|_| {
            let witness = drops.witness();
            group.spawn(async move {
                let _held = witness;
                pending::<()>().await;
            })
        })
        .collect();
    let failing = group.named("the cause").try_spawn(async {
        yield_now().await;
        Err::<(), _>(Fault("child"))
    });
    let error = group.try_join().await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(drops.count(), 3);
    for key in siblings {
        let Some(GatherIncomplete::Cancelled(reason)) = key.status() else {
            panic!("{key:?} is not cancelled");
        };
        assert_eq!(reason.kind(), CancelKind::SiblingFailed);
        assert_eq!(reason.child(), Some(&failing.child()));
        assert_eq!(reason.child().unwrap().name(), Some("the cause"));
    }
}

// Errors-1
async fn a_failing_body_cancels_the_children(on: Site) {
    let kept = Kept::<()>::default();
    let keys = Arc::clone(&kept);
    let error = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            for _ in 0..3 {
                keys.lock().unwrap().push(tg.spawn(pending()));
            }
            yield_now().await;
            Err::<(), _>(Fault("body"))
        })
        .await
        .unwrap_err();
    assert_eq!(error.len(), 1);
    let leaf = error.iter().next().unwrap();
    assert!(leaf.child().is_none());
    assert_eq!(leaf.failure().error(), Some(&Fault("body")));
    for key in kept.lock().unwrap().drain(..) {
        let Some(GatherIncomplete::Cancelled(reason)) = key.status() else {
            panic!("{key:?} is not cancelled");
        };
        assert_eq!(reason.kind(), CancelKind::BodyFailed);
    }
}

// Errors-1
async fn the_body_of_a_scope_that_cannot_fail_gives_its_value_though_the_group_is_cancelled(
    on: Site,
) {
    let value = ingather::on(&on.spawner).scope(|tg| async move {
        let key = tg.spawn(pending::<()>());
        tg.cancel();
        let seen = key.await;
        yields(3).await;
        (seen.unwrap_err().is_cancelled(), 7)
    });
    assert_eq!(value.await, (true, 7));
}

// Errors-2
async fn an_error_that_is_returned_does_not_reach_the_hook(on: Site) {
    let name = unique("returned");
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    drop(
        group
            .named(name.as_str())
            .try_spawn(async { Err::<(), _>(Fault("child")) }),
    );
    assert_eq!(group.try_join().await.unwrap_err().len(), 1);
    drop(group);
    assert_eq!(unhandled::taken(&name), [""; 0]);
}

// Errors-2
async fn the_errors_of_a_dropped_group_reach_the_hook(on: Site) {
    let name = unique("dropped");
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let group = options.fallible_group::<Fault>();
    for _ in 0..2 {
        let named = group.named(name.as_str());
        drop(named.try_spawn(async { Err::<(), _>(Fault("child")) }));
    }
    while group.next_if_any().await.is_some() {}
    assert_eq!(unhandled::taken(&name).len(), 0);
    drop(group);
    let seen = unhandled::taken(&name);
    assert_eq!(seen.len(), 2);
    assert!(seen[0].contains("Fault"), "{seen:?}");
}

// Errors-2
async fn the_error_of_a_child_that_panics_in_its_drop_reaches_the_hook(on: Site) {
    let name = unique("fails and panics");
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let future = explodes_after(name.clone(), Err::<(), _>(Fault("child")));
    drop(group.named(name.as_str()).try_spawn(future));
    let text = text_of(group.try_join()).await;
    assert_eq!(text, name);
    let seen = unhandled::taken(&name);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].contains("Fault"), "{seen:?}");
}

// Errors-2
async fn the_errors_survive_a_value_that_panics_in_its_drop(on: Site) {
    let text = unique("value of a body");
    let value = text.clone();
    let result = ingather::on(&on.spawner).try_scope(|tg| async move {
        let gate = Gate::new();
        let opened = gate.clone();
        drop(tg.try_spawn(async move {
            opened.wait().await;
            yields(3).await;
            Err::<(), _>(Fault("child"))
        }));
        gate.open();
        Ok(Explosive(value))
    });
    let Err(error) = result.await else {
        panic!("a child failed");
    };
    assert_eq!(error.first().error(), Some(&Fault("child")));
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Errors-2
#[test]
fn the_error_of_the_body_of_a_dropped_scope_reaches_the_hook() {
    #[derive(Debug)]
    struct BodyError;
    unhandled::collect();
    let stepper = stepper();
    let options = ingather::on(&stepper).on_error(OnError::KeepGoing);
    let mut scope = ByHand::new(options.try_scope(|tg| async move {
        drop(tg.spawn(pending::<()>()));
        Err::<(), _>(BodyError)
    }));
    assert!(scope.poll().is_pending());
    drop(scope);
    let seen = unhandled::taken("BodyError");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].starts_with("the body of a scope"), "{seen:?}");
}

// Errors-4
async fn cancelled_children_are_left_out(on: Site) {
    let error = ingather::on(&on.spawner).try_scope(|tg| async move {
        for _ in 0..5 {
            drop(tg.spawn(pending::<()>()));
        }
        drop(tg.try_spawn(async { Err::<(), _>(Fault("the only one")) }));
        pending::<Result<(), _>>().await
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().error(), Some(&Fault("the only one")));
    assert!(error.cancelled().is_none());
}

// Errors-4
async fn a_group_cancelled_before_its_body_gave_a_value_gives_the_reason_alone(on: Site) {
    let error = ingather::on(&on.spawner).try_scope(|tg| async move {
        for _ in 0..5 {
            drop(tg.spawn(pending::<()>()));
        }
        tg.cancel();
        pending::<Result<(), Fault>>().await
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Explicit);
    assert!(matches!(error.first(), Failure::Cancelled(_)));
    assert!(error.iter().next().unwrap().child().is_none());
}

// Errors-4
async fn a_group_cancelled_after_its_body_gave_a_value_gives_the_value(on: Site) {
    let value = ingather::on(&on.spawner).try_scope(|tg| async move {
        drop(tg.spawn(pending::<()>()));
        tg.cancel();
        Ok::<_, Fault>(7)
    });
    assert_eq!(value.await.unwrap(), 7);
}

// Errors-4
async fn a_cancelled_group_that_is_joined_has_not_failed(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    drop(group.spawn(pending::<()>()));
    group.cancel();
    assert_eq!(group.try_join().await.unwrap().cancelled, 1);
}

// Errors-5
async fn a_failure_that_was_seen_still_fails_the_group(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let key = group.try_spawn(async { Err::<(), _>(Fault("seen")) });
    assert_eq!(key.await, Err(GatherIncomplete::Failed));
    let error = group.try_join().await.unwrap_err();
    assert_eq!(error.into_first().into_error(), Some(Fault("seen")));
}

// Errors-6
async fn an_observed_error_goes_to_its_key(on: Site) {
    let name = unique("observed");
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let read = group.named(name.as_str());
    let read = read
        .observed()
        .try_spawn(async { Err::<(), _>(Fault("observed")) });
    let kept = group
        .child()
        .observed()
        .try_spawn(async { Err::<(), _>(Fault("kept")) });
    assert_eq!(read.await, Ok(Err(Fault("observed"))));
    let tally = group.try_join().await.unwrap();
    assert_eq!((tally.ok, tally.taken, tally.failed), (2, 1, 0));
    assert_eq!(group.get_result(&kept), Ok(&Err(Fault("kept"))));
    assert_eq!(group.take_result(kept).unwrap(), Err(Fault("kept")));
    drop(group);
    assert_eq!(unhandled::taken(&name), [""; 0]);
}

// Errors-6
async fn an_observed_error_whose_key_is_gone_fails_the_group(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    drop(group.child().observed().try_spawn(async move {
        opened.wait().await;
        Err::<(), _>(Fault("nobody"))
    }));
    gate.open();
    let error = group.try_join().await.unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("nobody")));
    assert_eq!((group.tally().ok, group.tally().failed), (0, 1));
}

// Errors-6
async fn an_observed_error_dropped_unread_reaches_the_hook(on: Site) {
    let name = unique("unread");
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let key = group
        .named(name.as_str())
        .observed()
        .try_spawn(async { Err::<(), _>(Fault("unread")) });
    let tally = group.try_join().await.unwrap();
    assert_eq!((tally.ok, tally.failed), (1, 0));
    assert_eq!(unhandled::taken(&name), [""; 0]);
    drop(key);
    assert_eq!(unhandled::taken(&name).len(), 1);
}

// Errors-7
async fn under_keep_going_everybody_finishes(on: Site) {
    let log = Trace::new();
    let (body, sibling) = (log.clone(), log.clone());
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let error = options.try_scope(|tg| async move {
        let failing = tg.try_spawn(async { Err::<(), _>(Fault("early")) });
        assert_eq!(failing.await, Err(GatherIncomplete::Failed));
        assert!(!tg.is_cancelled());
        drop(tg.spawn(async move {
            yields(5).await;
            sibling.log("sibling");
        }));
        drop(tg.try_spawn(async {
            yields(5).await;
            Err::<(), _>(Fault("late"))
        }));
        yields(5).await;
        body.log("body");
        Ok("a value that is not given")
    });
    let error = error.await.unwrap_err();
    assert_eq!(log.sorted(), ["body", "sibling"]);
    let leaves: Vec<_> = error.iter().map(|leaf| leaf.failure().error()).collect();
    assert_eq!(leaves, [Some(&Fault("early")), Some(&Fault("late"))]);
}

// Errors-7
async fn under_keep_going_a_failing_body_cancels_nobody(on: Site) {
    let log = Trace::new();
    let child = log.clone();
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let error = options.try_scope(|tg| async move {
        drop(tg.spawn(async move {
            yields(5).await;
            child.log("child");
        }));
        Err::<(), _>(Fault("body"))
    });
    assert_eq!(error.await.unwrap_err().len(), 1);
    assert_eq!(log.entries(), ["child"]);
}

// Errors-3
#[test]
fn a_child_that_fails_while_the_body_is_polled_comes_first() {
    watched("a child that fails while the body is polled", || {
        let stepper = stepper();
        let runs = stepper.clone();
        let error = finish(
            &stepper,
            ingather::on(&stepper).try_scope(|tg| async move {
                drop(tg.try_spawn(async { Err::<(), _>(Fault("child")) }));
                runs.run_until_idle();
                Err::<(), _>(Fault("body"))
            }),
        );
        let error = error.unwrap_err();
        let leaves: Vec<_> = error.iter().map(|leaf| leaf.failure().error()).collect();
        assert_eq!(leaves, [Some(&Fault("child")), Some(&Fault("body"))]);
    });
}

// Errors-3
#[test]
fn a_body_that_fails_while_a_child_is_polled_comes_first() {
    watched("a body that fails while a child is polled", || {
        type Scope =
            ByHand<futures::future::BoxFuture<'static, Result<(), ingather::GroupError<Fault>>>>;
        let stepper = stepper();
        let scope = Arc::new(Mutex::new(None::<Scope>));
        let (from_child, gate) = (Arc::clone(&scope), Gate::new());
        let (opened, handle) = (gate.clone(), stepper.clone());
        *scope.lock().unwrap() = Some(ByHand::new(Box::pin(async move {
            ingather::on(&handle)
                .try_scope(|tg| async move {
                    drop(tg.try_spawn(async move {
                        gate.open();
                        let mut scope = from_child.lock().unwrap();
                        assert!(scope.as_mut().unwrap().poll().is_pending());
                        Err::<(), _>(Fault("child"))
                    }));
                    opened.wait().await;
                    Err(Fault("body"))
                })
                .await
        })));
        let poll = || scope.lock().unwrap().as_mut().unwrap().poll();
        assert!(poll().is_pending());
        stepper.run_until_idle();
        let error = loop {
            if let Poll::Ready(result) = poll() {
                break result.unwrap_err();
            }
        };
        let leaves: Vec<_> = error.iter().map(|leaf| leaf.failure().error()).collect();
        assert_eq!(leaves, [Some(&Fault("body")), Some(&Fault("child"))]);
    });
}
