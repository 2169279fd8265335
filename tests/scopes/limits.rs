//! Limits: how many are under way, who waits, and in which order they are served.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, OnError, Scope};

use crate::support::{
    ByHand, Drops, Fault, Gate, HostileSpawner, Meter, Site, Trace, behaviour, kind, panic_of,
    stepper, watched, yields,
};

behaviour!(
    a_limit_of_one_runs_a_thousand_children_in_their_order,
    children_above_the_limit_wait_in_line,
    the_limit_is_reached_and_never_exceeded,
    a_failing_child_frees_its_slot,
    a_child_in_line_is_dropped_unpolled_when_the_group_is_cancelled,
    a_child_in_line_is_dropped_unpolled_when_the_group_is_dropped,
    a_child_of_a_full_group_spawns_siblings,
    children_in_line_start_also_when_the_group_is_closed,
    without_a_limit_spawn_when_free_does_not_wait,
    a_producer_waits_for_a_slot,
    a_producer_of_children_that_fail_ends_with_the_first,
);

// Limits-1
async fn a_limit_of_one_runs_a_thousand_children_in_their_order(on: Site) {
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let written = Arc::clone(&log);
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let scope = options.scope(|tg| async move {
        for n in 0..1000 {
            let written = Arc::clone(&written);
            drop(tg.spawn(async move {
                yields(n % 3).await;
                written.lock().unwrap().push(n);
            }));
        }
    });
    scope.await;
    assert_eq!(*log.lock().unwrap(), (0..1000).collect::<Vec<_>>());
}

// Limits-1
async fn children_above_the_limit_wait_in_line(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(2).group();
    let gate = Gate::new();
    let child = |gate: Gate| async move { gate.wait().await };
    let keys: Vec<_> = (0..5).map(|_| group.spawn(child(gate.clone()))).collect();
    assert_eq!((group.len(), group.waiting()), (5, 3));
    let read: Vec<_> = keys.iter().map(|key| key.status().unwrap()).collect();
    assert_eq!(read[..2], [const { GatherIncomplete::Running }; 2]);
    assert_eq!(read[2..], [const { GatherIncomplete::Waiting }; 3]);
    gate.open();
    assert_eq!(group.join().await.ok, 5);
    assert_eq!((group.len(), group.waiting()), (0, 0));
}

// Limits-2
async fn the_limit_is_reached_and_never_exceeded(on: Site) {
    for limit in [1, 3, 8] {
        let (meter, all) = (Meter::new(), Gate::new());
        let options = GroupOptions::new().on(&on.spawner).limit(limit);
        let (metered, gate) = (meter.clone(), all.clone());
        options
            .scope(|tg| async move {
                for n in 0..100 {
                    let (metered, gate) = (metered.clone(), gate.clone());
                    drop(tg.spawn(async move {
                        let _under_way = metered.enter();
                        if metered.now() == limit {
                            gate.open();
                        }
                        gate.wait().await;
                        yields(n % 4).await;
                    }));
                }
            })
            .await;
        assert_eq!((meter.highest(), meter.entered()), (limit, 100));
    }
}

// Limits-2
async fn a_failing_child_frees_its_slot(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let group = options
        .on_error(OnError::KeepGoing)
        .fallible_group::<Fault>();
    for _ in 0..10 {
        drop(group.try_spawn(async { Err::<(), _>(Fault("fails")) }));
    }
    let last = group.spawn(async { 7 });
    assert_eq!(group.try_join().await.unwrap_err().len(), 10);
    assert_eq!(last.await, Ok(7));
}

// Limits-3
async fn a_child_in_line_is_dropped_unpolled_when_the_group_is_cancelled(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let (log, drops) = (Trace::new(), Drops::new());
    drop(group.spawn(pending::<()>()));
    let child = |log: Trace, drops: &Drops| {
        let witness = drops.witness();
        async move {
            let _held = witness;
            log.log("polled");
        }
    };
    let keys: Vec<_> = (0..5)
        .map(|_| group.spawn(child(log.clone(), &drops)))
        .collect();
    group.cancel();
    assert_eq!(group.waiting(), 0);
    assert_eq!(group.join().await.cancelled, 6);
    assert!(log.entries().is_empty() && drops.all());
    let explicit = Some(ingather::cancel::CancelKind::Explicit);
    assert!(keys.iter().all(|key| kind(key) == explicit));
}

// Limits-3
async fn a_child_in_line_is_dropped_unpolled_when_the_group_is_dropped(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let (log, drops) = (Trace::new(), Drops::new());
    drop(group.spawn(pending::<()>()));
    let (polled, witness) = (log.clone(), drops.witness());
    let key = group.spawn(async move {
        let _held = witness;
        polled.log("polled");
    });
    drop(group);
    assert!(log.entries().is_empty() && drops.all());
    assert_eq!(kind(&key), Some(ingather::cancel::CancelKind::Dropped));
}

/// Each child starts two siblings, so many deep, and awaits nothing of them.
fn tree(tg: Scope<'static>, deep: usize, count: Arc<AtomicUsize>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        count.fetch_add(1, Ordering::Relaxed);
        if deep > 0 {
            for _ in 0..2 {
                drop(tg.spawn(tree(tg.clone(), deep - 1, Arc::clone(&count))));
            }
        }
    })
}

// Limits-4
async fn a_child_of_a_full_group_spawns_siblings(on: Site) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    options
        .scope(|tg| async move { drop(tg.spawn(tree(tg.clone(), 8, counted))) })
        .await;
    assert_eq!(count.load(Ordering::Relaxed), (1 << 9) - 1);
}

// Limits-1
async fn children_in_line_start_also_when_the_group_is_closed(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    for n in 0..10 {
        drop(group.spawn(async move { n }));
    }
    group.close();
    assert_eq!(group.join().await.ok, 10);
}

// Limits-5
async fn without_a_limit_spawn_when_free_does_not_wait(on: Site) {
    let sum = ingather::on(&on.spawner).scope(|tg| async move {
        let mut sum = 0;
        for n in 0..10 {
            let mut spawning = ByHand::new(tg.child().spawn_when_free(async move { n }));
            let std::task::Poll::Ready(key) = spawning.poll() else {
                panic!("it waits");
            };
            sum += key.await.unwrap();
        }
        sum
    });
    assert_eq!(sum.await, 45);
}

// Limits-5, Limits-2
async fn a_producer_waits_for_a_slot(on: Site) {
    let meter = Meter::new();
    let metered = meter.clone();
    let options = GroupOptions::new().on(&on.spawner).limit(3);
    let scope = options.scope(|tg| async move {
        for n in 0..100 {
            let metered = metered.clone();
            let key = tg.child().spawn_when_free(async move {
                let _under_way = metered.enter();
                yields(n % 4).await;
            });
            drop(key.await);
            assert!(tg.len() <= 3);
            assert_eq!(tg.waiting(), 0);
        }
    });
    scope.await;
    assert_eq!(meter.entered(), 100);
    assert!(meter.highest() <= 3);
}

// Limits-5, Errors-1
async fn a_producer_of_children_that_fail_ends_with_the_first(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).limit(2);
    let scope = options.try_scope(|tg| async move {
        for n in 0..1000 {
            let key = tg.child().try_spawn_when_free(async move {
                yields(3).await;
                if n == 10 { Err(Fault("it")) } else { Ok(()) }
            });
            drop(key.await);
            assert!(tg.len() <= 2 && tg.waiting() == 0);
        }
        pending::<Result<(), Fault>>().await
    });
    let error = scope.await.unwrap_err();
    assert_eq!(
        (error.len(), error.first().error()),
        (1, Some(&Fault("it")))
    );
}

// Limits-6
#[test]
fn a_limit_of_zero_is_refused() {
    let refused = std::panic::catch_unwind(|| GroupOptions::new().limit(0));
    let payload = refused.unwrap_err();
    assert_eq!(
        payload.downcast_ref(),
        Some(&"the limit of a group is at least 1")
    );
    assert!(panic_of(|| GroupOptions::new().limit(1)).is_none());
}

/// A group of one slot, which a child holds until the gate is opened.
fn full(stepper: &HostileSpawner) -> (GatherGroup, Gate) {
    let group = GroupOptions::new().on(stepper).limit(1).group();
    let gate = Gate::new();
    let opened = gate.clone();
    drop(group.spawn(async move { opened.wait().await }));
    stepper.run_until_idle();
    (group, gate)
}

// Limits-5
#[test]
fn callers_are_served_in_their_order_after_the_line() {
    watched("callers in order", || {
        let stepper = stepper();
        let (group, gate) = full(&stepper);
        let log = Trace::new();
        let child = |name: &'static str| {
            let log = log.clone();
            async move { log.log(name) }
        };
        let mut first = ByHand::new(group.child().spawn_when_free(child("first caller")));
        let mut second = ByHand::new(group.child().spawn_when_free(child("second caller")));
        assert!(first.poll().is_pending() && second.poll().is_pending());
        drop(group.spawn(child("in line")));
        gate.open();
        stepper.run_until_idle();
        assert_eq!(log.entries(), ["in line"]);
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        assert!(second.poll().is_pending());
        // The promise holds the slot: whoever spawns now waits.
        let late = group.spawn(child("late"));
        assert_eq!(late.status(), Some(GatherIncomplete::Waiting));
        assert!(first.poll().is_ready());
        stepper.run_until_idle();
        assert_eq!(log.entries(), ["in line", "first caller", "late"]);
        assert_eq!(second.wakes(), 1);
        assert!(second.poll().is_ready());
        stepper.run_until_idle();
        assert_eq!(log.entries()[3..], ["second caller"]);
    });
}

// Limits-5
#[test]
fn a_caller_dropped_in_line_is_passed_over() {
    watched("a caller dropped in line", || {
        let stepper = stepper();
        let (group, gate) = full(&stepper);
        let drops = Drops::new();
        let witness = drops.witness();
        let mut first = ByHand::new(group.child().spawn_when_free(async move { drop(witness) }));
        let mut second = ByHand::new(group.child().spawn_when_free(async {}));
        assert!(first.poll().is_pending() && second.poll().is_pending());
        let woken = first.counter();
        drop(first);
        assert!(drops.all(), "its future goes with it");
        gate.open();
        stepper.run_until_idle();
        assert_eq!((woken.count(), second.wakes()), (0, 1));
        assert!(second.poll().is_ready());
        assert_eq!(group.len(), 1);
    });
}

// Limits-5
#[test]
fn the_promise_of_a_dropped_caller_passes_on() {
    watched("a promise that passes on", || {
        let stepper = stepper();
        let (group, gate) = full(&stepper);
        let mut first = ByHand::new(group.child().spawn_when_free(async {}));
        let mut second = ByHand::new(group.child().spawn_when_free(async {}));
        assert!(first.poll().is_pending() && second.poll().is_pending());
        gate.open();
        stepper.run_until_idle();
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        let in_line = group.spawn(async {});
        assert_eq!(in_line.status(), Some(GatherIncomplete::Waiting));
        drop(first);
        // To the line first, then to the next caller.
        assert_eq!(in_line.status(), Some(GatherIncomplete::Running));
        assert_eq!(second.wakes(), 0);
        stepper.run_until_idle();
        assert_eq!(second.wakes(), 1);
        assert!(second.poll().is_ready());
    });
}

// Limits-5
#[test]
fn a_caller_is_woken_when_the_group_closes_or_is_cancelled() {
    watched("a caller of a group that closes", || {
        for cancels in [false, true] {
            let stepper = stepper();
            let (group, gate) = full(&stepper);
            let mut caller = ByHand::new(group.child().spawn_when_free(async {}));
            assert!(caller.poll().is_pending());
            if cancels {
                group.cancel();
            } else {
                group.close();
            }
            assert_eq!(caller.wakes(), 1);
            let std::task::Poll::Ready(key) = caller.poll() else {
                panic!("it waits for nothing");
            };
            let expected = [
                ingather::cancel::CancelKind::Closed,
                ingather::cancel::CancelKind::Explicit,
            ];
            assert_eq!(kind(&key), Some(expected[usize::from(cancels)]));
            gate.open();
            stepper.run_until_idle();
            assert!(group.is_empty());
        }
    });
}

// Limits-5
#[test]
fn a_caller_that_was_promised_a_slot_finds_a_closed_group_closed() {
    watched("a promise of a group that closes", || {
        let stepper = stepper();
        let (group, gate) = full(&stepper);
        let mut caller = ByHand::new(group.child().spawn_when_free(async {}));
        assert!(caller.poll().is_pending());
        gate.open();
        stepper.run_until_idle();
        assert_eq!(caller.wakes(), 1);
        let in_line = group.spawn(async { 7 });
        group.close();
        stepper.run_until_idle();
        assert_eq!(group.take_result(in_line).unwrap(), 7);
        let std::task::Poll::Ready(key) = caller.poll() else {
            panic!("it waits for nothing");
        };
        assert_eq!(kind(&key), Some(ingather::cancel::CancelKind::Closed));
    });
}
