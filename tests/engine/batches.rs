//! Many children that are ready at once, of which a driver takes several: nothing of that is to be seen from outside.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;
use futures::future::FutureExt;
use ingather::spawner::SpawnerHandle;
use ingather::types::Ending;
use ingather::{GatherGroup, Key, Scope, Spawner, parallel};

use crate::support::{
    Gate, PATIENCE, Site, behaviour, may_block, stepper, watched, yield_now, yields,
};

behaviour!(
    no_child_waits_behind_the_long_poll_of_a_sibling,
    counts_are_exact_within_a_batch,
    counts_keep_up_with_the_ends,
    ends_of_every_kind_are_told_of_in_their_order,
    a_thousand_siblings_await_each_other,
    destructors_call_back_into_the_group,
);

behaviour!(outside:
    a_child_waits_on_its_thread_for_its_siblings,
);

/// Forty children that are ready at once. The poll of the one at `at` ends when all others are over, which yield so often;
/// whether it did.
async fn forty_around_a_long_poll(spawner: &SpawnerHandle, at: usize, rounds: usize) -> bool {
    ingather::on(spawner)
        .scope(|tg| async move {
            let (all, left) = (Gate::new(), Arc::new(AtomicUsize::new(39)));
            let child = |number| {
                let (all, left) = (all.clone(), Arc::clone(&left));
                tg.spawn(async move {
                    if number == at {
                        return all.block_for(PATIENCE);
                    }
                    yields(rounds).await;
                    if left.fetch_sub(1, SeqCst) == 1 {
                        all.open();
                    }
                    true
                })
            };
            let mut keys: Vec<_> = (0..40).map(child).collect();
            keys.swap_remove(at).await.unwrap()
        })
        .await
}

// Executors-3
async fn no_child_waits_behind_the_long_poll_of_a_sibling(on: Site) {
    if on.spawner.parallelism().get() < 2 {
        return;
    }
    for at in [0, 1, 7, 19, 39] {
        for rounds in [0, 1, 3] {
            let met = forty_around_a_long_poll(&on.spawner, at, rounds).await;
            assert!(
                met,
                "the long poll was at {at}, and the others yield {rounds} times"
            );
        }
    }
}

/// Waits until so many wait at the gate, and lets them all go on at once.
pub(crate) async fn let_go_together(gate: &Gate, count: usize) {
    while gate.waiting() < count {
        yield_now().await;
    }
    gate.open();
}

// Results-6
async fn counts_are_exact_within_a_batch(on: Site) {
    let _hold = on.hold();
    let group = GatherGroup::on(&on.spawner);
    let (gate, seen) = (Gate::new(), Arc::new(Mutex::new(Vec::new())));
    for _ in 0..12 {
        let (handle, gate, seen) = (group.handle(), gate.clone(), Arc::clone(&seen));
        drop(group.spawn(async move {
            gate.wait().await;
            let (len, tally) = (handle.len(), handle.tally());
            seen.lock().unwrap().push((len, tally.ok, tally.dropped));
        }));
    }
    let_go_together(&gate, 12).await;
    let tally = group.join().await;
    assert_eq!((tally.ok, tally.dropped), (12, 12));
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    for (index, (len, ok, dropped)) in (0..).zip(seen) {
        if on.kind.is_one_thread() {
            assert_eq!(
                (len, ok, dropped),
                (12 - usize::try_from(index).unwrap(), index, index)
            );
        }
        assert!(
            len >= 1 && ok < 12 && dropped <= 12,
            "whoever looks is not over"
        );
    }
}

// Results-6
async fn counts_keep_up_with_the_ends(on: Site) {
    let _hold = on.hold();
    for rounds in 0..20_usize {
        let group = GatherGroup::on(&on.spawner);
        let gate = Gate::new();
        let child = |number| {
            let gate = gate.clone();
            group.spawn(async move {
                gate.wait().await;
                yields(number % (rounds + 1)).await;
            })
        };
        let keys: Vec<_> = (0..30).map(child).collect();
        let_go_together(&gate, 30).await;
        let mut before = 0;
        while before < 30 {
            let over = keys.iter().filter(|key| key.is_finished()).count();
            let (tally, left) = (group.tally(), group.len());
            let total = usize::try_from(tally.total()).unwrap();
            // Between the end of a child and its count there may be a look from another thread, but no turn of its own.
            let same_thread = on.kind.is_one_thread() && on.inside;
            assert!(!same_thread || (total == over && left == 30 - over));
            assert!(
                before <= total && left <= 30 - total,
                "{left} are left, {before} were over, then {tally:?}"
            );
            before = total;
            yield_now().await;
        }
        assert!(group.is_empty());
        assert_eq!(group.join().await.ok, 30);
    }
}

// Results-7
async fn ends_of_every_kind_are_told_of_in_their_order(on: Site) {
    let _hold = on.hold();
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let doomed = Arc::new(Mutex::new(None::<Key<()>>));
    let mut awaited = None;
    let mut ids = Vec::new();
    let mut keys = Vec::new();
    for number in 0..10 {
        let (gate, cancels) = (gate.clone(), Arc::clone(&doomed));
        let key = group.spawn(async move {
            gate.wait().await;
            if number == 1 {
                cancels.lock().unwrap().as_ref().unwrap().cancel();
            }
        });
        ids.push(key.id());
        match number {
            3 => awaited = Some(key),
            5 => *doomed.lock().unwrap() = Some(key),
            _ => keys.push(key),
        }
    }
    // Somebody awaits the fourth, who is told at once.
    let mut awaited = awaited.unwrap();
    let first_look = std::future::poll_fn(|cx| std::task::Poll::Ready(awaited.poll_unpin(cx)));
    assert!(first_look.await.is_pending());
    let_go_together(&gate, 10).await;
    while !keys.iter().all(Key::is_finished) || !awaited.is_finished() {
        yield_now().await;
    }
    let mut told = Vec::new();
    while let Some(completion) = group.next_if_any().await {
        let cancelled = completion.ending() == Ending::Cancelled;
        assert!(!cancelled || completion.id() == Some(ids[5]));
        told.push(completion.id().unwrap());
    }
    if on.kind.is_one_thread() && on.inside && on.is_in_order() {
        // The sixth is dropped when its turn comes.
        assert_eq!(told, ids);
        assert_eq!(group.tally().cancelled, 1);
    }
    told.sort();
    ids.sort();
    assert_eq!(told, ids);
    assert_eq!(group.join().await.total(), 10);
}

// Results-2
async fn a_thousand_siblings_await_each_other(on: Site) {
    let forwards = ingather::on(&on.spawner).scope(|tg| async move {
        let first = tg.spawn(async { 1_u32 });
        let chain = (0..1000).fold(first, |before, _| {
            tg.spawn(async move { before.await.unwrap() + 1 })
        });
        chain.await.unwrap()
    });
    assert_eq!(forwards.await, 1001);
    let backwards = ingather::on(&on.spawner).scope(|tg| async move {
        // Each awaits the one that is spawned behind it.
        let (mut sender, receiver) = oneshot::channel::<Key<u32>>();
        let first = tg.spawn(async move { receiver.await.unwrap().await.unwrap() + 1 });
        for _ in 1..1000 {
            let (next, receiver) = oneshot::channel::<Key<u32>>();
            let key = tg.spawn(async move { receiver.await.unwrap().await.unwrap() + 1 });
            sender.send(key).unwrap();
            sender = next;
        }
        sender.send(tg.spawn(async { 1 })).unwrap();
        first.await.unwrap()
    });
    assert_eq!(backwards.await, 1001);
}

/// Does all that can be done to a group.
struct CallsBack(Scope<'static>, Arc<AtomicUsize>);

impl Drop for CallsBack {
    fn drop(&mut self) {
        let Self(tg, spawned) = self;
        let (len, tally) = (tg.len(), tg.tally());
        assert!(tally.total() <= 90, "{len} are left of {tally:?}");
        if tg.child().spawn_or_return(yields(1)).is_ok() {
            spawned.fetch_add(1, SeqCst);
        }
        if tally.ok == 20 {
            tg.close();
        }
    }
}

// Executors-6
async fn destructors_call_back_into_the_group(on: Site) {
    let _hold = on.hold();
    let spawned = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&spawned);
    let tally = ingather::on(&on.spawner)
        .scope(|tg: Scope<'static>| async move {
            let gate = Gate::new();
            for number in 0..30 {
                let (gate, calls) = (gate.clone(), CallsBack(tg.clone(), Arc::clone(&counted)));
                drop(tg.spawn(async move {
                    gate.wait().await;
                    yields(number % 2).await;
                    // As a part of the future, and as a value that nobody wants.
                    let _inside = CallsBack(calls.0.clone(), Arc::clone(&calls.1));
                    calls
                }));
            }
            let_go_together(&gate, 30).await;
            tg
        })
        .await
        .tally();
    let all = 30 + spawned.load(SeqCst);
    assert_eq!(tally.ok, u64::try_from(all).unwrap(), "{tally:?}");
}

// Blocking-2
async fn a_child_waits_on_its_thread_for_its_siblings(on: Site) {
    if !may_block(&on) {
        return;
    }
    let gate = Gate::new();
    let keys = Mutex::new(Vec::new());
    let take = |number: usize| {
        let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
        Option::take(&mut keys[number]).unwrap()
    };
    let sum = parallel::on(&on.spawner).scope(|tg| {
        for number in 0..12_usize {
            let (gate, take, handle) = (&gate, &take, tg.clone());
            let key = tg.spawn(async move {
                gate.wait().await;
                match number {
                    0 => handle.wait(take(9)).unwrap(),
                    // One that is over, one that has yielded, and one that comes later.
                    6 => {
                        let keys = [1, 2, 8].map(take);
                        keys.into_iter().map(|key| handle.wait(key).unwrap()).sum()
                    }
                    2 => {
                        yields(2).await;
                        2
                    }
                    other => other,
                }
            });
            keys.lock().unwrap().push(Some(key));
        }
        while gate.waiting() < 12 {
            std::thread::yield_now();
        }
        gate.open();
        tg.wait(take(6)).unwrap()
    });
    assert_eq!(sum, 1 + 2 + 8);
}

// Executors-4
#[test]
fn a_driver_is_enough_for_many() {
    watched("a_driver_is_enough_for_many", || {
        let spawner = stepper();
        let group = GatherGroup::on(&spawner);
        for number in 0..500 {
            drop(group.spawn(yields(number % 5)));
        }
        spawner.run_until_idle();
        assert_eq!(spawner.spawned(), 1);
        assert_eq!((group.len(), group.tally().ok), (0, 500));
    });
}
