//! Cancelling: the first cause is kept, and nobody is polled again once it is suspended.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use ingather::cancel::CancelKind;
use ingather::{CancelReason, GatherGroup, GatherIncomplete, GroupOptions, OnError};

use crate::support::{
    AtDrop, ByHand, Drops, Fault, Gate, Site, Trace, behaviour, boom, kind, panic_when_awaited,
    reason, stepper, watched, yield_now, yields,
};

behaviour!(
    the_first_of_two_causes_is_kept,
    the_failure_of_a_sibling_is_a_cause_with_its_name,
    the_panic_of_a_sibling_is_a_cause_with_its_name,
    the_failure_of_the_body_is_a_cause,
    one_of_many_that_cancel_at_once_is_the_cause,
    a_child_that_cancels_its_group_is_dropped_at_its_next_suspension,
    a_child_that_does_not_suspend_again_ends_with_its_value,
    a_suspended_child_is_not_polled_again,
    a_child_that_is_ready_to_run_is_not_polled_again,
    a_scope_that_cannot_fail_goes_on_when_it_is_cancelled,
    cancelling_twice_changes_nothing,
    cancelling_after_the_end_changes_nothing,
    a_destructor_that_cancels_changes_nothing,
    cancelling_an_empty_group_keeps_it_open_until_it_is_left,
    a_group_that_keeps_going_can_be_cancelled,
);

// Cancelling-1
async fn the_first_of_two_causes_is_kept(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let gate = Gate::new();
    let (waits, handle) = (gate.clone(), group.handle());
    let key = group.try_spawn(async move {
        waits.wait().await;
        handle.cancel();
        Err::<(), _>(Fault("second"))
    });
    let other = group.spawn(pending::<()>());
    gate.open();
    let error = group.try_join().await.unwrap_err();
    // Its failure came second, and is a failure all the same.
    assert_eq!(error.first().error(), Some(&Fault("second")));
    assert_eq!(key.status(), Some(GatherIncomplete::Failed));
    assert_eq!(kind(&other), Some(CancelKind::Explicit));
    assert_eq!(
        group.cancel_reason().map(|reason| reason.kind()),
        Some(CancelKind::Explicit)
    );
    drop(group);
    assert_eq!(kind(&other), Some(CancelKind::Explicit), "not `Dropped`");
}

// Cancelling-1
async fn the_failure_of_a_sibling_is_a_cause_with_its_name(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let other = group.spawn(pending::<()>());
    let fails = group
        .named("fails")
        .try_spawn(async { Err::<(), _>(Fault("it")) });
    group.try_join().await.unwrap_err();
    group.cancel();
    let reason = reason(&other).expect("its sibling failed");
    assert_eq!(reason.kind(), CancelKind::SiblingFailed);
    assert_eq!(reason.child(), Some(&fails.child()));
    assert_eq!(group.cancel_reason(), Some(reason));
}

// Cancelling-1
async fn the_panic_of_a_sibling_is_a_cause_with_its_name(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let other = group.spawn(pending::<()>());
    let panics = group.named("panics").spawn(async { boom("it") });
    assert_eq!(panic_when_awaited(group.join()).await, "it");
    let reason = reason(&other).expect("its sibling panicked");
    assert_eq!(reason.kind(), CancelKind::SiblingFailed);
    assert_eq!(reason.child(), Some(&panics.child()));
}

// Cancelling-1
async fn the_failure_of_the_body_is_a_cause(on: Site) {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&keys);
    let error = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            kept.lock().unwrap().push(tg.spawn(pending::<()>()));
            Err::<(), _>(Fault("the body"))
        })
        .await
        .unwrap_err();
    assert_eq!(error.len(), 1);
    let key = keys.lock().unwrap().pop().expect("it spawned one");
    assert_eq!(kind(&key), Some(CancelKind::BodyFailed));
}

// Cancelling-1, Cancelling-3
async fn one_of_many_that_cancel_at_once_is_the_cause(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let gate = Gate::new();
    let keys: Vec<_> = (0..20)
        .map(|number| {
            let (waits, handle) = (gate.clone(), group.handle());
            group.try_spawn(async move {
                waits.wait().await;
                if number % 2 == 0 {
                    handle.cancel();
                }
                Err::<(), _>(Fault("one of many"))
            })
        })
        .collect();
    let idle = group.spawn(pending::<()>());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (gate, handle) = (gate.clone(), group.handle());
            thread::spawn(move || {
                gate.block();
                handle.cancel();
            })
        })
        .collect();
    gate.open();
    for thread in threads {
        thread.join().unwrap();
    }
    let _ = group.try_join().await;
    let first = group.cancel_reason().expect("it was cancelled");
    for reason in keys.iter().filter_map(reason) {
        assert_eq!(reason, first);
    }
    assert_eq!(reason(&idle), Some(first));
    let tally = group.tally();
    assert_eq!((tally.total(), tally.ok, tally.panicked), (21, 0, 0));
}

// Cancelling-2
async fn a_child_that_cancels_its_group_is_dropped_at_its_next_suspension(on: Site) {
    let log = Trace::new();
    let group = GatherGroup::on(&on.spawner);
    let (handle, trace) = (group.handle(), log.clone());
    let key = group.spawn(async move {
        let _dropped = trace.at_drop("dropped");
        handle.cancel();
        trace.log("cancelled");
        // Ready at once: no suspension.
        yields(0).await;
        trace.log("suspends");
        yield_now().await;
        trace.log("polled again");
    });
    let tally = group.join().await;
    assert_eq!(log.entries(), ["cancelled", "suspends", "dropped"]);
    assert_eq!(kind(&key), Some(CancelKind::Explicit));
    assert_eq!((tally.cancelled, tally.total()), (1, 1));
}

// Cancelling-2
async fn a_child_that_does_not_suspend_again_ends_with_its_value(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let handle = group.handle();
    let key = group.spawn(async move {
        yield_now().await;
        handle.cancel();
        7
    });
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.total()), (1, 1));
    assert_eq!(key.await, Ok(7));
}

// Cancelling-2
async fn a_suspended_child_is_not_polled_again(on: Site) {
    let polls = Arc::new(AtomicUsize::new(0));
    let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
    let drops = Drops::new();
    let group = GatherGroup::on(&on.spawner);
    let all = Gate::new();
    let keys: Vec<_> = (0..20)
        .map(|_| {
            let (polls, wakers, all) = (Arc::clone(&polls), Arc::clone(&wakers), all.clone());
            let held = drops.witness();
            group.spawn(poll_fn(move |cx| {
                let _ = &held;
                wakers.lock().unwrap().push(cx.waker().clone());
                if polls.fetch_add(1, Ordering::SeqCst) == 19 {
                    all.open();
                }
                Poll::<()>::Pending
            }))
        })
        .collect();
    all.wait().await;
    group.cancel();
    for waker in wakers.lock().unwrap().iter() {
        waker.wake_by_ref();
    }
    let tally = group.join().await;
    let wakers = std::mem::take(&mut *wakers.lock().unwrap());
    wakers.into_iter().for_each(Waker::wake);
    yields(10).await;
    assert_eq!((polls.load(Ordering::SeqCst), drops.count()), (20, 20));
    assert_eq!((tally.cancelled, tally.total()), (20, 20));
    assert!(
        keys.iter()
            .all(|key| kind(key) == Some(CancelKind::Explicit))
    );
}

// Cancelling-2
async fn a_child_that_is_ready_to_run_is_not_polled_again(on: Site) {
    let log = Trace::new();
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let handle = group.handle();
    drop(group.spawn(async move {
        // The other waits in line until this one is over, so it has not begun.
        handle.cancel();
    }));
    let trace = log.clone();
    let key = group.spawn(async move { trace.log("polled") });
    group.join().await;
    assert_eq!(
        (log.entries().len(), kind(&key)),
        (0, Some(CancelKind::Explicit))
    );
}

// Cancelling-2
async fn a_scope_that_cannot_fail_goes_on_when_it_is_cancelled(on: Site) {
    let drops = Drops::new();
    let held = drops.witness();
    let seen = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let key = tg.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            tg.cancel();
            let result = key.await;
            yields(3).await;
            (result, tg.spawn(async {}).await, tg.is_cancelled())
        })
        .await;
    let (Err(GatherIncomplete::Cancelled(one)), Err(GatherIncomplete::Cancelled(two)), true) = seen
    else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (one.kind(), two.kind()),
        (CancelKind::Explicit, CancelKind::Explicit)
    );
    assert_eq!(drops.count(), 1);
}

// Cancelling-3
async fn cancelling_twice_changes_nothing(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let keys: Vec<_> = (0..10).map(|_| group.spawn(pending::<()>())).collect();
    group.cancel();
    let first = group.cancel_reason();
    group.cancel();
    group.handle().cancel();
    assert_eq!(group.cancel_reason(), first);
    let tally = group.join().await;
    assert_eq!((tally.cancelled, tally.total()), (10, 10));
    assert!(keys.iter().all(|key| reason(key) == first));
}

// Cancelling-3
async fn cancelling_after_the_end_changes_nothing(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(async { 7 });
    let tally = group.join().await;
    group.cancel();
    assert_eq!((group.is_cancelled(), group.cancel_reason()), (false, None));
    assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Closed));
    let after = group.tally();
    assert_eq!((after.ok, after.total()), (tally.ok, tally.total()));
    assert_eq!((tally.refused, after.refused), (0, 1));
    assert_eq!(group.join().await, after);
    assert_eq!(group.take_result(key).ok(), Some(7));

    let kept = ingather::on(&on.spawner)
        .scope(|tg| async move { tg })
        .await;
    kept.cancel();
    assert!(!kept.is_cancelled());
}

// Cancelling-3, Executors-6
async fn a_destructor_that_cancels_changes_nothing(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let log = Trace::new();
    for _ in 0..5 {
        let (handle, log) = (group.handle(), log.clone());
        let again = AtDrop(Some(move || {
            handle.cancel();
            let reason = handle.cancel_reason();
            log.log(format!("{:?}", reason.map(|reason| reason.kind())));
        }));
        drop(group.spawn(async move {
            let _again = again;
            pending::<()>().await;
        }));
    }
    group.cancel();
    assert_eq!(group.join().await.cancelled, 5);
    assert_eq!(log.entries(), ["Some(Explicit)"; 5]);
}

// Cancelling-3, Leaving-3
async fn cancelling_an_empty_group_keeps_it_open_until_it_is_left(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    group.cancel();
    assert!(group.is_cancelled() && !group.is_closed());
    let joined = group.try_join().await;
    assert_eq!(joined.map(|tally| tally.total()).ok(), Some(0));
    assert!(group.is_closed());
}

// Cancelling-1
async fn a_group_that_keeps_going_can_be_cancelled(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let group = options.fallible_group::<Fault>();
    let failed = group.try_spawn(async { Err::<(), _>(Fault("no cause")) });
    let idle = group.spawn(pending::<()>());
    while !failed.is_finished() {
        yield_now().await;
    }
    assert!(!group.is_cancelled());
    group.cancel();
    let error = group.try_join().await.unwrap_err();
    assert_eq!((error.len(), error.cancelled()), (1, None));
    assert_eq!(kind(&idle), Some(CancelKind::Explicit));
}

// Cancelling-2
#[test]
fn a_cancel_wakes_the_owner_once_and_drops_in_order() {
    watched("a_cancel_wakes_the_owner_once_and_drops_in_order", || {
        let (log, stepper) = (Trace::new(), stepper());
        let trace = log.clone();
        let handle = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&handle);
        let mut scope = ByHand::new(ingather::on(&stepper).try_scope(|tg| async move {
            let _body = trace.at_drop("body dropped");
            for number in 0..3 {
                let held = trace.at_drop(format!("{number} dropped"));
                drop(tg.spawn(async move {
                    let _held = held;
                    pending::<()>().await;
                }));
            }
            *kept.lock().unwrap() = Some(tg.clone());
            pending::<Result<(), u8>>().await
        }));
        assert!(scope.poll().is_pending());
        assert_eq!(stepper.run_until_idle(), 1);
        let tg = handle.lock().unwrap().take().expect("the body gave it");
        assert_eq!((scope.wakes(), log.entries().len()), (0, 0));
        tg.cancel();
        tg.cancel();
        assert_eq!((scope.wakes(), log.entries().len()), (1, 0));
        assert_eq!(stepper.run_until_idle(), 1);
        assert_eq!(log.entries(), ["0 dropped", "1 dropped", "2 dropped"]);
        assert_eq!(scope.wakes(), 1);
        let Poll::Ready(result) = scope.poll() else {
            panic!("nobody is left")
        };
        assert_eq!(
            (log.entries()[3..].to_vec(), scope.wakes()),
            (vec!["body dropped".to_owned()], 1)
        );
        let error = result.unwrap_err();
        assert_eq!(
            error.cancelled().map(CancelReason::kind),
            Some(CancelKind::Explicit)
        );
        assert_eq!(
            (stepper.run_until_idle(), stepper.jobs(), stepper.spawned()),
            (1, 0, 1)
        );
    });
}
