//! The handshake: who a child belongs to before and after it says that it has started.

#![expect(
    clippy::async_yields_async,
    reason = "a key that is given on is read once its group is over"
)]

use std::future::pending;
use std::time::Duration;

use ingather::{
    CancelKind, GatherGroup, GatherIncomplete, GroupOptions, Ready, StartError, cancel_reason,
    current_token, scope_on,
};

use crate::faults::{text_of, throw, unique};
use crate::support::{Drops, Fault, Gate, Site, Trace, behaviour, unhandled, yields};

behaviour!(
    a_start_gives_the_key_and_the_value,
    a_closed_or_cancelled_group_refuses,
    the_drop_of_the_caller_cancels,
    a_pending_child_reads_the_token_of_its_caller,
    a_cancel_of_the_group_leaves_a_pending_child_alone,
    a_pending_child_keeps_the_group_open,
    a_failure_before_the_start_is_the_callers,
    a_panic_before_the_start_is_the_callers,
);

// Starting-6, Starting-9
async fn a_start_gives_the_key_and_the_value(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let (key, value) = group
        .start(|ready| async move {
            yields(2).await;
            ready.started("listens").unwrap();
            opened.wait().await;
            7
        })
        .await
        .unwrap();
    assert_eq!(
        (value, key.status()),
        ("listens", Some(GatherIncomplete::Running))
    );
    assert_eq!(key.location().file(), file!());
    gate.open();
    assert_eq!(key.await, Ok(7));
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.total()), (1, 1));
}

// Starting-1
async fn a_closed_or_cancelled_group_refuses(on: Site) {
    for cancels in [false, true] {
        let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
        if cancels {
            group.cancel();
        } else {
            group.close();
        }
        let (log, drops) = (Trace::new(), Drops::new());
        let (called, witness) = (log.clone(), drops.witness());
        let start = group.try_start(|ready: Ready<()>| async move {
            let _held = (&witness, ready);
            called.log("called");
            Ok(())
        });
        assert!(drops.all(), "what it had is dropped at once");
        let expected = if cancels {
            CancelKind::Explicit
        } else {
            CancelKind::Closed
        };
        match start.await {
            Err(StartError::Refused(reason)) => assert_eq!(reason.kind(), expected),
            other => panic!("it was not refused: {other:?}"),
        }
        assert!(log.entries().is_empty());
        assert_eq!(group.try_join().await.unwrap().total(), 0);
    }
}

// Starting-2
async fn the_drop_of_the_caller_cancels(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (polled, drops) = (Gate::new(), Drops::new());
    let (opened, witness) = (polled.clone(), drops.witness());
    let start = group.start(|ready: Ready<()>| async move {
        let _held = (witness, ready);
        opened.open();
        pending::<()>().await;
    });
    let sibling = group.spawn(async { 1 });
    polled.wait().await;
    drop(start);
    let tally = group.join().await;
    assert!(drops.all());
    assert_eq!((tally.ok, tally.cancelled), (1, 1));
    assert!(!group.is_cancelled());
    assert_eq!(sibling.await, Ok(1));
}

// Starting-2
async fn a_pending_child_reads_the_token_of_its_caller(on: Site) {
    let grace = Duration::from_secs(1000);
    let outer = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let inner = GroupOptions::new().on(&on.spawner).grace(grace).group();
    let (polled, opened, looked) = (Gate::new(), Gate::new(), Gate::new());
    let (told, waits, handle) = (polled.clone(), opened.clone(), inner.handle());
    let looks = looked.clone();
    let caller = outer.spawn(async move {
        let start = handle.start(|ready| async move {
            let token = current_token();
            told.open();
            waits.wait().await;
            assert!(!token.is_cancelled() && cancel_reason().is_none());
            looks.open();
            let kind = token.cancelled().await.root().kind();
            assert_eq!(
                cancel_reason().map(|reason| reason.root().kind()),
                Some(kind)
            );
            ready.started(kind).unwrap();
        });
        start.await.map(|(_, kind)| kind)
    });
    polled.wait().await;
    inner.cancel();
    opened.open();
    looked.wait().await;
    outer.cancel_with(ingather::CancelReason::shutdown());
    assert_eq!(caller.await.unwrap(), Ok(CancelKind::Shutdown));
    outer.join().await;
    inner.join().await;
}

// Starting-2, Starting-6
async fn a_cancel_of_the_group_leaves_a_pending_child_alone(on: Site) {
    for grace in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        let group = GroupOptions::new().on(&on.spawner).grace(grace).group();
        let (polled, gate, log) = (Gate::new(), Gate::new(), Trace::new());
        let (told, waits, seen) = (polled.clone(), gate.clone(), log.clone());
        let start = group.start(|ready| async move {
            told.open();
            waits.wait().await;
            yields(3).await;
            seen.log(format!("{:?}", cancel_reason()));
            ready.started(()).unwrap();
            seen.log(format!("{:?}", cancel_reason().map(|reason| reason.kind())));
            5
        });
        let sibling = group.spawn(async {
            current_token().cancelled().await;
        });
        polled.wait().await;
        group.cancel();
        drop(sibling.await);
        gate.open();
        let (key, ()) = start.await.unwrap();
        // It did not suspend again, so what it gave counts.
        assert_eq!(key.await, Ok(5));
        assert_eq!(log.entries(), ["None", "Some(Explicit)"]);
        group.join().await;
    }
}

// Starting-3
async fn a_pending_child_keeps_the_group_open(on: Site) {
    let gate = Gate::new();
    let (drops, callers) = (Drops::new(), GatherGroup::on(&on.spawner));
    let (witness, opens) = (drops.witness(), gate.clone());
    let polled = Gate::new();
    let handle = callers.handle();
    let left = scope_on(&on.spawner, |tg| async move {
        let (inside, told) = (tg.clone(), polled.clone());
        let caller = handle.spawn(async move {
            let start = tg.start(|ready| async move {
                let _held = witness;
                told.open();
                gate.wait().await;
                // The body is over, and the group takes siblings.
                let sibling = inside.spawn(async { 3 });
                assert_eq!(sibling.await, Ok(3));
                ready.started(()).unwrap();
                yields(3).await;
            });
            start.await.is_ok()
        });
        polled.wait().await;
        caller
    });
    let opener = callers.spawn(async move {
        yields(20).await;
        opens.open();
    });
    let caller = left.await;
    assert!(drops.all());
    assert_eq!(caller.await, Ok(true));
    assert_eq!(opener.await, Ok(()));
    callers.join().await;
}

// Starting-4
async fn a_failure_before_the_start_is_the_callers(on: Site) {
    for grace in [Duration::ZERO, Duration::MAX] {
        let options = GroupOptions::new().on(&on.spawner).grace(grace);
        let drops = Drops::new();
        let witness = drops.witness();
        let result = options.try_scope(|tg| async move {
            let start = tg.try_start(|ready: Ready<()>| async move {
                let _held = (witness, ready);
                yields(2).await;
                Err::<(), _>(Fault("no port"))
            });
            let failed = start.await.map(|_| ());
            assert!(!tg.is_cancelled());
            let fine = tg.spawn(async { 1 });
            assert_eq!(fine.await, Ok(1));
            Ok::<_, Fault>(failed)
        });
        assert_eq!(
            result.await.unwrap(),
            Err(StartError::Failed(Fault("no port")))
        );
        assert!(drops.all());
    }
}

// Starting-4
async fn a_panic_before_the_start_is_the_callers(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let text = unique("before the start");
    let thrown = text.clone();
    let in_call = group.start(|_: Ready<()>| async move {
        yields(2).await;
        throw(&thrown)
    });
    assert_eq!(text_of(in_call).await, text);
    let thrown = text.clone();
    let in_callable = group.start(move |_: Ready<()>| {
        if !thrown.is_empty() {
            throw(&thrown);
        }
        async {}
    });
    assert_eq!(text_of(in_callable).await, text);
    assert!(!group.is_cancelled());
    let tally = group.join().await;
    assert_eq!((tally.panicked, tally.cancelled), (0, 2));
    assert!(unhandled::taken(&text).is_empty());
}
