//! Slots that are taken first and filled later.

use std::future::pending;
use std::task::Poll;

use futures::future::{Either, select};
use ingather::types::{ChildOptions, NextSlot};
use ingather::{GatherGroup, GatherIncomplete, GroupOptions};

use crate::support::{
    ByHand, Fault, Gate, HostileSpawner, Meter, Rng, Site, Trace, behaviour, stepper, watched,
    yield_now, yields,
};

behaviour!(
    a_server_takes_its_slot_before_it_accepts,
    an_arm_that_loses_loses_no_item,
    without_a_limit_there_is_a_slot_at_once,
    a_slot_that_is_dropped_starts_who_is_in_line,
    a_group_that_is_over_takes_its_slots_back,
    children_of_a_slot_can_fail,
    children_that_wait_for_slots_of_their_group_do_not_wait_for_each_other,
);

type Taking = ByHand<NextSlot<'static>>;

fn taken(taking: &mut Taking) -> ChildOptions<'static> {
    match taking.poll() {
        Poll::Ready(slot) => slot.expect("the group is open"),
        Poll::Pending => panic!("its turn has come"),
    }
}

// Limits-10, Limits-2
async fn a_server_takes_its_slot_before_it_accepts(on: Site) {
    let (meter, under_way) = (Meter::new(), Meter::new());
    let (accepted, entered) = (meter.clone(), under_way.clone());
    let options = GroupOptions::new().on(&on.spawner).limit(3);
    let scope = options.scope(|tg| async move {
        for n in 0..100 {
            let slot = tg.slot().await.unwrap();
            // What is accepted from here on has room.
            let connection = accepted.enter();
            let entered = entered.clone();
            yields(n % 3).await;
            let key = slot.spawn(async move {
                let _both = (connection, entered.enter());
                yields(n % 4).await;
            });
            assert_ne!(key.status(), Some(GatherIncomplete::Waiting));
        }
    });
    scope.await;
    assert_eq!((meter.entered(), under_way.entered()), (100, 100));
    assert!(meter.highest() <= 3 && under_way.highest() <= 3);
}

// Limits-10
async fn an_arm_that_loses_loses_no_item(on: Site) {
    let log = Trace::new();
    let done = log.clone();
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let scope = options.scope(|tg| async move {
        let (mut rng, mut items) = (Rng::new(5), 0..20);
        while !items.is_empty() {
            let other = Box::pin(yields(rng.below(3)));
            let Either::Left((Some(slot), _)) = select(tg.slot(), other).await else {
                continue;
            };
            let (item, done) = (items.next().unwrap(), done.clone());
            slot.spawn(async move {
                yield_now().await;
                done.log(item);
            });
        }
    });
    scope.await;
    let all: Vec<_> = (0..20).map(|item: i32| item.to_string()).collect();
    assert_eq!(log.entries(), all);
}

// Limits-10
async fn without_a_limit_there_is_a_slot_at_once(on: Site) {
    let sum = ingather::on(&on.spawner).scope(|tg| async move {
        let mut slots = Vec::new();
        for _ in 0..10 {
            slots.push(tg.slot().await.unwrap());
        }
        let mut sum = 0;
        for (n, slot) in slots.into_iter().enumerate() {
            let key = slot.name("numbered").spawn(async move { n });
            assert_eq!(key.child().name(), Some("numbered"));
            sum += key.await.unwrap();
        }
        sum
    });
    assert_eq!(sum.await, 45);
}

// Limits-10
async fn a_slot_that_is_dropped_starts_who_is_in_line(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let scope = options.scope(|tg| async move {
        let slot = tg.slot().await.unwrap();
        let waits = tg.spawn(async { 1 });
        yields(5).await;
        assert_eq!(waits.status(), Some(GatherIncomplete::Waiting));
        drop(slot);
        assert_eq!(waits.await, Ok(1));
        // It is there again, and was not lent twice.
        let _slot = tg.slot().await.unwrap();
        assert!(ByHand::new(tg.slot()).poll().is_pending());
    });
    scope.await;
}

// Limits-10
async fn a_group_that_is_over_takes_its_slots_back(on: Site) {
    for closes in [true, false] {
        let group = GroupOptions::new().on(&on.spawner).limit(1).group();
        let slot = group.slot().await.unwrap();
        let mut waits = ByHand::new(group.slot());
        assert!(waits.poll().is_pending());
        let in_line = group.spawn(async { 7 });
        if closes {
            group.close();
        } else {
            group.cancel();
        }
        assert!(waits.is_woken());
        assert!(waits.into_inner().await.is_none());
        assert!(group.slot().await.is_none());
        assert!(slot.spawn(pending::<()>()).status().is_some());
        let tally = group.join().await;
        assert_eq!(tally.refused, 1);
        assert_eq!(in_line.await.is_ok(), closes);
    }
}

// Limits-10, Errors-1
async fn children_of_a_slot_can_fail(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).limit(2);
    let scope = options.try_scope(|tg| async move {
        let slot = tg.slot().await.unwrap();
        slot.try_spawn(async { Err::<(), _>(Fault("it")) });
        pending::<Result<(), Fault>>().await
    });
    assert_eq!(scope.await.unwrap_err().first().error(), Some(&Fault("it")));
}

// Limits-10, Limits-9
async fn children_that_wait_for_slots_of_their_group_do_not_wait_for_each_other(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).limit(2);
    let ok = options.scope(|tg| async move {
        for _ in 0..2 {
            let inner = tg.clone();
            tg.spawn(async move {
                yields(2).await;
                drop(inner.slot().await.unwrap().spawn(async {}));
            });
        }
        tg
    });
    assert_eq!(ok.await.tally().ok, 4);
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

// Limits-10, Limits-5
#[test]
fn a_wait_for_a_slot_is_dropped_at_every_stage() {
    watched("a wait for a slot", || {
        for stage in 0..4 {
            let stepper = stepper();
            let (group, gate) = full(&stepper);
            let mut first: Taking = ByHand::new(group.slot());
            let mut second: Taking = ByHand::new(group.slot());
            let mut slot = None;
            if stage > 0 {
                assert!(first.poll().is_pending());
            }
            assert!(second.poll().is_pending());
            if stage > 1 {
                // It is promised.
                gate.open();
                stepper.run_until_idle();
                assert!(first.is_woken() && !second.is_woken());
            }
            if stage > 2 {
                slot = Some(taken(&mut first));
            }
            drop(first);
            assert_eq!(second.is_woken(), stage == 2);
            drop(slot);
            gate.open();
            stepper.run_until_idle();
            assert!(second.is_woken(), "dropped at stage {stage}");
            let key = taken(&mut second).spawn(async { 3 });
            stepper.run_until_idle();
            assert_eq!(group.get_result(&key), Ok(&3));
        }
    });
}

// Limits-10, Limits-5
#[test]
fn those_who_wait_for_slots_and_to_spawn_stand_in_one_line() {
    watched("one line", || {
        let stepper = stepper();
        let (group, gate) = full(&stepper);
        let mut spawns = ByHand::new(group.child().spawn_when_free(pending::<()>()));
        let mut takes: Taking = ByHand::new(group.slot());
        assert!(takes.poll().is_pending() && spawns.poll().is_pending());
        gate.open();
        stepper.run_until_idle();
        assert!(takes.is_woken() && !spawns.is_woken());
        drop(taken(&mut takes));
        assert!(spawns.poll().is_ready());
    });
}
