//! Limits: however a child ends, its slot is free for the next.

use std::future::pending;
use std::time::Duration;

use ingather::{
    GatherGroup, GatherIncomplete, GroupOptions, OnError, OnPanic, Ready, inline, parallel, shield,
};

use crate::support::{
    Drops, Explosive, Fault, Gate, Meter, Rng, Site, behaviour, explodes_after, explodes_waiting,
    throw, unhandled, unique, watched, yields,
};

behaviour!(
    each_end_frees_the_slot,
    a_key_that_cancels_frees_the_slot,
    children_that_are_cancelled_in_line_take_no_slot,
    a_start_holds_one_slot_from_the_line_to_its_end,
    a_start_that_is_given_up_frees_the_slot,
    ends_of_all_kinds_leave_the_group_as_it_was,
    the_group_tells_its_limit_and_who_waits,
    an_inline_scope_keeps_to_its_limit,
);

behaviour!(outside: a_blocking_scope_has_its_limit);

/// A group of so many slots in which nothing that fails ends the others.
fn lenient(on: &Site, limit: usize) -> GatherGroup<Fault> {
    GroupOptions::new()
        .on(&on.spawner)
        .limit(limit)
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect)
        .fallible_group()
}

/// Is a slot free? Then whoever asks for one has it at its first poll.
async fn has_room(group: &GatherGroup<Fault>, meter: &Meter) {
    let metered = meter.clone();
    let key = group.spawn(async move {
        let _under_way = metered.enter();
        yields(1).await;
        7
    });
    assert_eq!(key.await, Ok(7));
    assert_eq!((group.waiting(), meter.highest()), (0, 1));
}

// Limits-7, Limits-2
async fn each_end_frees_the_slot(on: Site) {
    let (group, meter) = (lenient(&on, 1), Meter::new());
    let text = unique("an end");
    has_room(&group, &meter).await;
    drop(group.try_spawn(async { Err::<(), _>(Fault("an error")) }));
    has_room(&group, &meter).await;
    let gone = Gate::new();
    let opened = gone.clone();
    drop(group.child().observed().try_spawn(async move {
        opened.wait().await;
        Err::<(), _>(Fault("observed, by nobody"))
    }));
    gone.open();
    has_room(&group, &meter).await;
    let thrown = text.clone();
    drop(group.spawn(async move { throw(&thrown) }));
    has_room(&group, &meter).await;
    let thrown = text.clone();
    drop(group.start_soon(move || {
        if !thrown.is_empty() {
            throw(&thrown);
        }
        async {}
    }));
    has_room(&group, &meter).await;
    drop(group.spawn(explodes_after(text.clone(), 1)));
    has_room(&group, &meter).await;
    drop(
        group
            .child()
            .supervised()
            .try_spawn(explodes_after(text.clone(), Ok::<_, Fault>(1))),
    );
    has_room(&group, &meter).await;
    let (explosive, gone) = (Explosive(text.clone()), Gate::new());
    let opened = gone.clone();
    drop(group.spawn(async move {
        opened.wait().await;
        explosive
    }));
    gone.open();
    has_room(&group, &meter).await;
    let error = group.try_join().await.unwrap_err();
    assert_eq!(error.len(), 6);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Limits-7, Cancelling-8
async fn a_key_that_cancels_frees_the_slot(on: Site) {
    let (group, meter, drops) = (lenient(&on, 1), Meter::new(), Drops::new());
    let text = unique("cancelled");
    for explodes in [false, true] {
        let (polled, witness) = (Gate::new(), drops.witness());
        let (told, text) = (polled.clone(), text.clone());
        let key = group.spawn(async move {
            let _held = witness;
            told.open();
            if explodes {
                explodes_waiting::<()>(text).await;
            }
            pending::<()>().await;
        });
        polled.wait().await;
        key.cancel();
        has_room(&group, &meter).await;
    }
    assert!(drops.all());
    assert_eq!(group.try_join().await.unwrap_err().len(), 1);
}

// Limits-7, Cancelling-8
async fn children_that_are_cancelled_in_line_take_no_slot(on: Site) {
    let (group, meter) = (lenient(&on, 2), Meter::new());
    let gate = Gate::new();
    let mut keys = Vec::new();
    for _ in 0..12 {
        let (opened, metered) = (gate.clone(), meter.clone());
        keys.push(group.spawn(async move {
            let _under_way = metered.enter();
            opened.wait().await;
        }));
    }
    assert_eq!(group.waiting(), 10);
    for key in keys.iter().skip(2).step_by(2) {
        key.cancel();
    }
    assert_eq!(group.waiting(), 5);
    gate.open();
    let tally = group.try_join().await.unwrap();
    assert_eq!((tally.ok, tally.cancelled), (7, 5));
    assert!(meter.highest() <= 2);
    assert_eq!(meter.entered(), 7);
}

// Limits-7, Starting-9
async fn a_start_holds_one_slot_from_the_line_to_its_end(on: Site) {
    let (group, gate) = (lenient(&on, 1), Gate::new());
    let opened = gate.clone();
    let start = group.start(|ready| async move {
        ready.started(()).unwrap();
        opened.wait().await;
    });
    let (key, ()) = start.await.unwrap();
    let next = group.spawn(async { 1 });
    yields(3).await;
    assert_eq!(next.status(), Some(GatherIncomplete::Waiting));
    gate.open();
    assert_eq!((key.await, next.await), (Ok(()), Ok(1)));
    group.try_join().await.unwrap();
}

// Limits-7, Starting-2
async fn a_start_that_is_given_up_frees_the_slot(on: Site) {
    let (group, meter) = (lenient(&on, 1), Meter::new());
    let text = unique("given up");
    for n in 0..4 {
        let polled = Gate::new();
        let (told, thrown) = (polled.clone(), text.clone());
        let start = group.try_start(move |ready: Ready<()>| async move {
            told.open();
            match n {
                0 => pending().await,
                1 => Err(Fault("before the start")),
                2 => throw(&thrown),
                _ => {
                    drop(ready);
                    Ok(())
                }
            }
        });
        polled.wait().await;
        drop(start);
        has_room(&group, &meter).await;
    }
    assert_eq!(group.try_join().await.unwrap().cancelled, 4);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Limits-7, Limits-2
async fn ends_of_all_kinds_leave_the_group_as_it_was(on: Site) {
    unhandled::collect();
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let limit = 1 + rng.below(3);
        let (group, meter) = (lenient(&on, limit), Meter::new());
        let mut failures = 0;
        for _ in 0..40 {
            let (metered, times, end) = (meter.clone(), rng.below(4), rng.below(5));
            failures += usize::from(end == 1 || end == 2);
            let key = group.try_spawn(async move {
                let _under_way = metered.enter();
                yields(times).await;
                match end {
                    1 => Err(Fault("one of many")),
                    2 => throw("one of many"),
                    3 => pending().await,
                    _ => Ok(()),
                }
            });
            if end == 3 {
                key.cancel();
            } else if rng.chance(20) {
                yields(1).await;
            }
        }
        match group.try_join().await {
            Ok(_) => assert_eq!(failures, 0),
            Err(error) => assert_eq!(error.len(), failures),
        }
        assert_eq!(group.tally().total(), 40);
        assert!(meter.highest() <= limit);
        assert_eq!((meter.now(), group.waiting(), group.len()), (0, 0, 0));
    }
}

// Limits-7
async fn the_group_tells_its_limit_and_who_waits(on: Site) {
    assert_eq!(GatherGroup::on(&on.spawner).limit(), None);
    let options = GroupOptions::new().on(&on.spawner).limit(3);
    let told = options
        .scope(|tg| async move {
            let gate = Gate::new();
            for _ in 0..5 {
                let opened = gate.clone();
                drop(tg.spawn(shield(async move { opened.wait().await })));
            }
            let told = (tg.limit(), tg.waiting(), tg.len());
            gate.open();
            told
        })
        .await;
    assert_eq!(told, (Some(3), 2, 5));
}

// Limits-7, Limits-2, Inline-1
async fn an_inline_scope_keeps_to_its_limit(_: Site) {
    let meter = Meter::new();
    let borrowed = &meter;
    let options = GroupOptions::new().limit(2).grace(Duration::from_secs(1));
    options
        .inline()
        .scope(|tg| async move {
            assert_eq!(tg.limit(), Some(2));
            let mut keys = Vec::new();
            for n in 0..20 {
                keys.push(tg.spawn(async move {
                    let _under_way = borrowed.enter();
                    yields(n % 3).await;
                }));
            }
            assert_eq!(tg.waiting(), 18);
            keys[19].cancel();
            keys[10].cancel();
            assert_eq!(tg.waiting(), 16);
        })
        .await;
    assert_eq!((meter.highest(), meter.entered()), (2, 18));
    // Without a group around: the next asks as if there had been none.
    assert_eq!(inline::scope(|tg| async move { tg.limit() }).await, None);
}

// Limits-7, Limits-2, Blocking-1
async fn a_blocking_scope_has_its_limit(on: Site) {
    let meter = Meter::new();
    let sum = parallel::on(&on.spawner).scope(|tg| {
        assert_eq!((tg.limit(), tg.waiting()), (None, 0));
        let keys: Vec<_> = (0..10)
            .map(|n| {
                let meter = &meter;
                tg.spawn(async move {
                    let _under_way = meter.enter();
                    n
                })
            })
            .collect();
        keys.into_iter()
            .map(|key| tg.wait(key).unwrap())
            .sum::<i32>()
    });
    assert_eq!((sum, meter.entered()), (45, 10));
}

// Limits-7, Deadlines-1
#[test]
fn a_deadline_that_cuts_a_full_group_short_leaves_nobody_in_line() {
    watched("the deadline of a full group", || {
        let executor = ingather::testing::TestExecutor::seeded(3);
        executor.block_on(async {
            let options = GroupOptions::new().limit(2);
            let group = options.timeout(Duration::from_millis(4500)).group();
            for n in 1..=9_u64 {
                drop(group.spawn(ingather::clock::sleep(Duration::from_secs(n))));
            }
            let tally = group.join().await;
            assert_eq!((tally.ok, tally.cancelled), (4, 5));
            assert_eq!((group.waiting(), group.len()), (0, 0));
        });
    });
}
