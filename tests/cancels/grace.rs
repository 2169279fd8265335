//! The two stages of a cancel: who is told in the first, who is dropped in the second, and how far both reach.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::cancel::{CancelKind, cancel_reason};
use ingather::{CancelReason, GatherGroup, GroupOptions, Key, checkpoint, current_token};

use crate::support::{
    AtOnce, Drops, Fault, Gate, HOUR, Polls, Site, behaviour, boom, kind, panic_when_awaited,
    reason, until, yield_now, yields,
};

behaviour!(
    within_the_grace_a_child_goes_on_and_its_value_counts,
    who_is_told_is_woken_once_and_only_if_it_waits_for_its_token,
    a_child_that_swallows_a_notice_gets_the_next,
    without_grace_a_child_that_waits_for_its_token_is_dropped_unpolled,
    from_the_first_stage_on_nobody_is_admitted,
    ten_groups_in_each_other_read_the_first_cause,
    a_group_inside_takes_children_in_the_grace_outside,
    a_panic_in_the_grace_is_resumed_when_all_are_over,
    an_error_in_the_grace_is_reported,
    a_scope_dropped_in_the_grace_drops_its_children_at_once,
);

// Cancelling-4
async fn within_the_grace_a_child_goes_on_and_its_value_counts(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (gate, polls) = (Gate::new(), Polls::new());
    let (waits, drops) = (gate.clone(), Drops::new());
    let held = drops.witness();
    let key = group.spawn(polls.clone().of(async move {
        let _held = held;
        waits.wait().await;
        yield_now().await;
        (7, cancel_reason().map(|reason| reason.kind()))
    }));
    until(|| gate.waiting() == 1).await;
    group.cancel();
    yields(20).await;
    assert_eq!((polls.count(), drops.count(), group.len()), (1, 0, 1));
    gate.open();
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.total()), (1, 1));
    assert_eq!(key.await, Ok((7, Some(CancelKind::Explicit))));
    assert_eq!(polls.count(), 3);
}

// Cancelling-4
async fn who_is_told_is_woken_once_and_only_if_it_waits_for_its_token(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (told, others) = (Polls::new(), Polls::new());
    let (waits, gate) = (Gate::new(), Gate::new());
    let keys: Vec<_> = (0..10)
        .map(|_| {
            let waits = waits.clone();
            group.spawn(told.clone().of(async move {
                let token = current_token();
                futures::future::select(token.cancelled(), waits.wait()).await;
                token.reason()
            }))
        })
        .collect();
    for _ in 0..10 {
        let gate = gate.clone();
        group.spawn(others.clone().of(async move { gate.wait().await }));
    }
    until(|| waits.waiting() + gate.waiting() == 20).await;
    group.cancel();
    group.cancel();
    for key in keys {
        let reason = key.await.expect("it ends in time").expect("it was told");
        assert_eq!(Some(reason), group.cancel_reason());
    }
    group.cancel();
    yields(20).await;
    assert_eq!((told.count(), others.count()), (20, 10));
    gate.open();
    assert_eq!(group.join().await.ok, 20);
    assert_eq!((told.count(), others.count()), (20, 20));
}

// Cancelling-5
async fn a_child_that_swallows_a_notice_gets_the_next(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let key = group.spawn(async {
        let token = current_token();
        let first = token.cancelled().await;
        for _ in 0..5 {
            // Each of them says so again, to whoever asks for the first time as well.
            assert_eq!(checkpoint().await, Err(first.clone()));
            assert_eq!(token.cancelled().at_once(), Some(first.clone()));
            assert_eq!(current_token().reason(), Some(first.clone()));
            assert_eq!(cancel_reason(), Some(first.clone()));
        }
        first.kind()
    });
    group.cancel();
    group.join().await;
    assert_eq!(key.await, Ok(CancelKind::Explicit));
}

// Cancelling-2, Cancelling-4
async fn without_grace_a_child_that_waits_for_its_token_is_dropped_unpolled(on: Site) {
    for grace in [None, Some(Duration::ZERO)] {
        let options = GroupOptions::new().on(&on.spawner);
        let group = grace
            .map_or(options.clone(), |grace| options.grace(grace))
            .group();
        let (polls, gate) = (Polls::new(), Gate::new());
        for _ in 0..10 {
            let gate = gate.clone();
            group.spawn(polls.clone().of(async move {
                let token = current_token();
                futures::future::select(token.cancelled(), gate.wait()).await;
            }));
        }
        until(|| gate.waiting() == 10).await;
        group.cancel();
        let tally = group.join().await;
        assert_eq!((tally.cancelled, polls.count()), (10, 10));
    }
}

// Cancelling-6
async fn from_the_first_stage_on_nobody_is_admitted(on: Site) {
    let options = GroupOptions::new().grace(HOUR).limit(2).on(&on.spawner);
    let group = options.group();
    let (gate, polls, drops) = (Gate::new(), Polls::new(), Drops::new());
    for _ in 0..2 {
        let gate = gate.clone();
        group.spawn(async move { gate.wait().await });
    }
    let line: Vec<_> = (0..5)
        .map(|_| {
            let held = drops.witness();
            group.spawn(polls.clone().of(async move { drop(held) }))
        })
        .collect();
    let handle = group.handle();
    let mut caller = Box::pin(handle.child().spawn_when_free(polls.clone().of(async {})));
    assert!(futures::poll!(&mut caller).is_pending());
    assert_eq!(group.waiting(), 5);
    group.cancel_with(CancelReason::with_message("stop"));
    let promised = caller.await;
    assert_eq!(reason(&promised), group.cancel_reason());
    until(|| drops.all()).await;
    until(|| group.len() == 2).await;
    assert_eq!(group.waiting(), 0);
    assert!(line.iter().all(|key| reason(key) == group.cancel_reason()));
    let late = group.spawn(polls.clone().of(async {}));
    assert_eq!(reason(&late), group.cancel_reason());
    assert!(group.child().spawn_or_return(async {}).is_err());
    gate.open();
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.cancelled, polls.count()), (2, 5, 0));
}

/// What is read in the body and the children of so many groups in each other, from the inside out.
type Readings = Arc<Mutex<Vec<(Option<CancelReason>, Option<CancelReason>)>>>;

fn nested(on: Site, depth: usize, innermost: Gate, read: Readings) -> BoxFuture<'static, ()> {
    async move {
        ingather::on(&on.spawner.clone())
            .scope(|tg| async move {
                if depth == 0 {
                    innermost.open();
                    current_token().cancelled().await;
                } else {
                    let inner = nested(on, depth - 1, innermost, Arc::clone(&read));
                    tg.spawn(inner).await.expect("it has time");
                }
                let readings = (tg.cancel_reason(), current_token().reason());
                read.lock().unwrap().push(readings);
            })
            .await;
    }
    .boxed()
}

// Cancelling-1, Cancelling-7
async fn ten_groups_in_each_other_read_the_first_cause(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let (read, gate) = (Readings::default(), Gate::new());
    let key = group.spawn(nested(on, 9, gate.clone(), Arc::clone(&read)));
    gate.wait().await;
    let cause = CancelReason::with_message("the outermost");
    group.cancel_with(cause.clone());
    group.cancel_with(CancelReason::with_message("too late"));
    assert_eq!(group.join().await.ok, 1);
    assert_eq!(key.await, Ok(()));
    let read = std::mem::take(&mut *read.lock().unwrap());
    assert_eq!(read.len(), 10);
    for (of_group, of_token) in read {
        assert_eq!(of_group, of_token);
        let reason = of_group.expect("it is told");
        assert_eq!((reason.kind(), reason.root()), (CancelKind::Parent, &cause));
    }
}

// Cancelling-7
async fn a_group_inside_takes_children_in_the_grace_outside(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let opened = Gate::new();
    let (inside, on_inside) = (opened.clone(), on.clone());
    let key = group.spawn(ingather::on(&on.spawner).scope(|tg| async move {
        let inner = GatherGroup::on(&on_inside.spawner);
        inside.open();
        current_token().cancelled().await;
        let body = tg.spawn(async { cancel_reason().map(|reason| reason.kind()) });
        let other = inner.spawn(async { 1 });
        let seen = (tg.is_cancelled(), inner.is_cancelled(), inner.is_closed());
        let tally = inner.join().await;
        (body.await, other.await, seen, tally.ok)
    }));
    opened.wait().await;
    group.cancel();
    group.join().await;
    let seen = (Ok(Some(CancelKind::Parent)), Ok(1), (true, true, false), 1);
    assert_eq!(key.await, Ok(seen));
}

// Cancelling-4, Panics-1
async fn a_panic_in_the_grace_is_resumed_when_all_are_over(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let gate = Gate::new();
    let waits = gate.clone();
    let sibling = group.spawn(async move { waits.wait().await });
    let panics = group.spawn(async {
        current_token().cancelled().await;
        boom("in the grace")
    });
    until(|| gate.waiting() == 1).await;
    group.cancel();
    until(|| panics.is_finished()).await;
    assert!(!sibling.is_finished(), "it has its grace");
    gate.open();
    assert_eq!(panic_when_awaited(group.join()).await, "in the grace");
    assert_eq!(sibling.await, Ok(()));
    assert_eq!(
        group.cancel_reason().map(|reason| reason.kind()),
        Some(CancelKind::Explicit)
    );
}

// Cancelling-4, Errors-1
async fn an_error_in_the_grace_is_reported(on: Site) {
    let options = GroupOptions::new().grace(HOUR).on(&on.spawner);
    let error = options
        .try_scope(|tg| async move {
            let first = tg.try_spawn(async {
                let reason = current_token().cancelled().await;
                Err::<(), _>(Fault(if reason.child().is_some() {
                    "second"
                } else {
                    "?"
                }))
            });
            tg.try_spawn(async { Err::<(), _>(Fault("first")) });
            // The body has its grace, too.
            current_token().cancelled().await;
            until(|| first.is_finished()).await;
            Err::<(), _>(Fault("body"))
        })
        .await
        .unwrap_err();
    let faults: Vec<_> = error.iter().map(|leaf| leaf.failure().error()).collect();
    let expected = ["first", "second", "body"].map(Fault);
    assert_eq!(faults, expected.each_ref().map(Some));
}

// Dropping-1, Dropping-3, Cancelling-4
async fn a_scope_dropped_in_the_grace_drops_its_children_at_once(on: Site) {
    let (drops, gate, inner) = (Drops::new(), Gate::new(), Gate::new());
    let keys = Arc::new(Mutex::new(Vec::<Key<()>>::new()));
    let (kept, waits, waits_inside) = (Arc::clone(&keys), gate.clone(), inner.clone());
    let (held, on_inside) = (drops.witness(), on.clone());
    let options = GroupOptions::new().grace(HOUR).on(&on.spawner);
    let mut scope = Box::pin(options.scope(|tg| async move {
        let child = tg.spawn(async move {
            let _held = held;
            waits.wait().await;
        });
        let nested = tg.spawn(ingather::on(&on_inside.spawner).scope(|_| async move {
            waits_inside.wait().await;
        }));
        kept.lock().unwrap().extend([child, nested]);
        tg.cancel();
        pending::<()>().await;
    }));
    assert!(futures::poll!(&mut scope).is_pending());
    until(|| gate.waiting() + inner.waiting() == 2).await;
    drop(scope);
    // Whoever was in the middle of a poll is dropped at its end.
    until(|| drops.all() && gate.waiting() + inner.waiting() == 0).await;
    let keys = std::mem::take(&mut *keys.lock().unwrap());
    assert_eq!(keys.len(), 2);
    for key in &keys {
        until(|| key.is_finished()).await;
        assert_eq!(kind(key), Some(CancelKind::Explicit));
    }
}
