//! Results: what a key reads at each moment, and who gets the value.

use std::collections::HashSet;
use std::future::pending;
use std::hash::{Hash, Hasher};

use futures::StreamExt;
use ingather::cancel::CancelKind;
use ingather::types::Ending;
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, Key, OnError, OnPanic, Scope};

use crate::support::{ByHand, Drops, Fault, Gate, Site, behaviour, throw, yields};

behaviour!(
    a_key_reads_running_until_the_child_is_over,
    a_key_reads_waiting_while_its_child_is_in_line,
    a_key_reads_why_there_is_no_value,
    a_key_of_another_group_is_unknown,
    a_result_is_read_before_the_end_and_after_it,
    after_a_good_end_every_result_is_there,
    a_value_is_given_once,
    a_key_whose_value_was_awaited_by_reference_reads_taken,
    keys_are_never_used_again,
    keys_compare_by_identity_alone,
    a_group_accounts_for_its_children,
    completions_come_in_the_order_of_the_ends,
    completions_without_a_key_come_by_number,
    completions_tell_of_each_child_once,
    next_waits_while_the_group_is_open,
);

/// What `take_result` says, which leaves the key as it was.
fn not_taken<T, E>(group: &Scope<'static, E>, key: Key<T>) -> (Key<T>, GatherIncomplete) {
    let error = group.take_result(key).err().expect("there is no value");
    let reason = error.reason().clone();
    (error.into_key(), reason)
}

// Results-1
async fn a_key_reads_running_until_the_child_is_over(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let key = group.spawn(async move {
        opened.wait().await;
        7
    });
    for _ in 0..3 {
        assert_eq!(group.get_result(&key), Err(GatherIncomplete::Running));
        assert_eq!(key.status(), Some(GatherIncomplete::Running));
        assert!(!key.is_finished());
        yields(1).await;
    }
    // Results-3
    let (mut key, reason) = not_taken(&group, key);
    assert_eq!(reason, GatherIncomplete::Running);
    assert!(reason.is_pending());
    gate.open();
    assert_eq!((&mut key).await, Ok(7));
    group.join().await;
}

// Results-1
async fn a_key_reads_waiting_while_its_child_is_in_line(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let gate = Gate::new();
    let opened = gate.clone();
    let first = group.spawn(async move { opened.wait().await });
    let second = group.spawn(async { 7 });
    assert_eq!(group.get_result(&first), Err(GatherIncomplete::Running));
    assert_eq!(group.get_result(&second), Err(GatherIncomplete::Waiting));
    // Results-3
    let (second, reason) = not_taken(&group, second);
    assert_eq!(reason, GatherIncomplete::Waiting);
    assert!(reason.is_pending());
    gate.open();
    assert_eq!(second.await, Ok(7));
    group.join().await;
}

// Results-1
async fn a_key_reads_why_there_is_no_value(on: Site) {
    let options = GroupOptions::new().on(&on.spawner);
    let options = options
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect);
    let group = options.fallible_group::<Fault>();
    let mut fails = group.try_spawn(async { Err::<(), _>(Fault("fails")) });
    let mut panics = group.spawn(async { throw("panics") });
    let mut cancelled = group.spawn(pending::<()>());
    assert_eq!((&mut fails).await, Err(GatherIncomplete::Failed));
    let panicked: Result<(), _> = (&mut panics).await;
    assert_eq!(panicked, Err(GatherIncomplete::Panicked));
    group.cancel();
    let reason = (&mut cancelled).await.unwrap_err();
    let GatherIncomplete::Cancelled(why) = &reason else {
        panic!("{reason:?}");
    };
    assert_eq!(why.kind(), CancelKind::Explicit);
    assert_eq!(group.try_join().await.unwrap_err().len(), 2);
    for _ in 0..2 {
        assert_eq!(group.get_result(&fails), Err(GatherIncomplete::Failed));
        assert_eq!(group.get_result(&panics), Err(GatherIncomplete::Panicked));
        assert_eq!(group.get_result(&cancelled), Err(reason.clone()));
        assert_eq!(fails.status(), Some(GatherIncomplete::Failed));
    }
    // Results-3
    assert_eq!(not_taken(&group, fails).1, GatherIncomplete::Failed);
    assert_eq!(not_taken(&group, panics).1, GatherIncomplete::Panicked);
    let (key, why) = not_taken(&group, cancelled);
    assert_eq!(why, reason);
    assert!(key.is_finished() && !why.is_pending());
}

// Results-1
async fn a_key_of_another_group_is_unknown(on: Site) {
    let (ours, theirs) = (GatherGroup::on(&on.spawner), GatherGroup::on(&on.spawner));
    let key = ours.spawn(async { 7 });
    assert_eq!(theirs.get_result(&key), Err(GatherIncomplete::UnknownKey));
    ours.join().await;
    assert_eq!(theirs.get_result(&key), Err(GatherIncomplete::UnknownKey));
    let (key, reason) = not_taken(&theirs, key);
    assert_eq!(reason, GatherIncomplete::UnknownKey);
    assert_eq!(ours.take_result(key).unwrap(), 7);
    theirs.join().await;
}

// Results-2
async fn a_result_is_read_before_the_end_and_after_it(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let opened = gate.clone();
    let lasting = group.spawn(async move { opened.wait().await });
    let key = group.spawn(async { String::from("value") });
    let id = key.id();
    assert_eq!(group.next_if_any().await.unwrap().id(), Some(id));
    assert_eq!(group.get_result(&key).unwrap(), "value");
    assert_eq!(lasting.status(), Some(GatherIncomplete::Running));
    gate.open();
    group.join().await;
    assert_eq!(group.get_result(&key).unwrap(), "value");
    let handle = group.handle();
    drop(group);
    assert_eq!(handle.get_result(&key).unwrap(), "value");
    assert_eq!(key.await.unwrap(), "value");
}

// Results-2
async fn after_a_good_end_every_result_is_there(on: Site) {
    let keys = ingather::on(&on.spawner).scope(|tg| async move {
        let child = |n: usize| async move {
            yields(n % 4).await;
            n
        };
        (0..100).map(|n| tg.spawn(child(n))).collect::<Vec<_>>()
    });
    let keys = keys.await;
    assert!(
        keys.iter()
            .all(|key| key.is_finished() && key.status().is_none())
    );
    for (n, key) in keys.into_iter().enumerate() {
        assert_eq!(key.await, Ok(n));
    }
}

// Results-3
async fn a_value_is_given_once(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let drops = Drops::new();
    let (taken, awaited) = (drops.witness(), drops.witness());
    let taken = group.spawn(async move { taken });
    let mut awaited = group.spawn(async move { awaited });
    group.join().await;
    let value = group.take_result(taken).unwrap();
    assert_eq!(drops.count(), 0);
    drop(value);
    assert_eq!(drops.count(), 1);
    let value = (&mut awaited).await.unwrap();
    drop(group);
    assert_eq!(awaited.status(), Some(GatherIncomplete::Taken));
    drop(awaited);
    assert_eq!(drops.count(), 1);
    drop(value);
    assert_eq!(drops.count(), 2);
}

// Results-1, Results-3
async fn a_key_whose_value_was_awaited_by_reference_reads_taken(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let mut key = group.spawn(async { 7 });
    assert_eq!((&mut key).await, Ok(7));
    assert_eq!((&mut key).await, Err(GatherIncomplete::Taken));
    assert_eq!(group.get_result(&key), Err(GatherIncomplete::Taken));
    let (key, reason) = not_taken(&group, key);
    assert_eq!(reason, GatherIncomplete::Taken);
    group.join().await;
    assert_eq!(key.await, Err(GatherIncomplete::Taken));
}

// Results-5
async fn keys_are_never_used_again(on: Site) {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let group = GatherGroup::on(&on.spawner);
        let mut last = None;
        for n in 0..100 {
            let key = group.spawn(async move { n });
            assert!(seen.insert(key.id()), "{key} was seen before");
            assert!(last.is_none_or(|last| last < key.id()));
            last = Some(key.id());
            if n % 10 == 0 {
                let _value = key.await;
            }
        }
        group.join().await;
        let refused = group.spawn(async {});
        assert!(seen.insert(refused.id()));
    }
}

/// A value whose every method panics.
struct Untouchable;

impl PartialEq for Untouchable {
    fn eq(&self, _: &Self) -> bool {
        throw("compared")
    }
}

impl Eq for Untouchable {}

impl Hash for Untouchable {
    fn hash<H: Hasher>(&self, _: &mut H) {
        throw("hashed")
    }
}

impl std::fmt::Debug for Untouchable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        throw("printed")
    }
}

// Results-5
async fn keys_compare_by_identity_alone(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (one, two) = (
        group.spawn(async { Untouchable }),
        group.spawn(async { Untouchable }),
    );
    group.join().await;
    let (first, second) = (one.id(), two.id());
    let again = &one;
    assert!(one == *again && one != two && one == first && two != first);
    assert_eq!(one.to_string(), first.to_string());
    assert!(format!("{one:?}").contains(&first.to_string()));
    let keys: HashSet<_> = [one, two].into_iter().collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| *key == first || *key == second));
}

// Results-6
async fn a_group_accounts_for_its_children(on: Site) {
    let options = GroupOptions::new().on(&on.spawner);
    let options = options
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect);
    let group = options.fallible_group::<Fault>();
    let kept = group.spawn(async { 1 });
    let taken = group.spawn(async { 2 });
    let awaited = group.spawn(async { 3 });
    drop(group.spawn(async { 4 }));
    assert_eq!(awaited.await, Ok(3));
    for _ in 0..2 {
        drop(group.try_spawn(async { Err::<(), _>(Fault("fails")) }));
    }
    for _ in 0..3 {
        drop(group.spawn(async { throw("panics") }));
    }
    while group.tally().total() < 9 {
        group.next_if_any().await;
    }
    for _ in 0..4 {
        drop(group.spawn(pending::<()>()));
    }
    group.cancel();
    let refused = group.spawn(async { 5 });
    assert!(refused.status().unwrap().is_cancelled());
    assert_eq!(group.try_join().await.unwrap_err().len(), 5);
    assert_eq!(group.take_result(taken).unwrap(), 2);
    let tally = group.tally();
    assert_eq!(
        (tally.ok, tally.failed, tally.panicked, tally.cancelled),
        (4, 2, 3, 4)
    );
    // One is kept; one was taken and one awaited; one was dropped.
    assert_eq!((tally.taken, tally.dropped), (2, 1));
    assert_eq!(tally.total(), 13);
    drop(kept);
    assert_eq!(group.tally().dropped, 2);
}

// Results-7
async fn completions_come_in_the_order_of_the_ends(on: Site) {
    let options = GroupOptions::new().on(&on.spawner);
    let group = options
        .on_error(OnError::KeepGoing)
        .fallible_group::<Fault>();
    let gates: Vec<_> = (0..5).map(|_| Gate::new()).collect();
    let child = |gate: Gate| async move { gate.wait().await };
    let keys: Vec<_> = gates
        .iter()
        .map(|gate| group.spawn(child(gate.clone())))
        .collect();
    for at in [3, 0, 4, 2, 1] {
        gates[at].open();
        let done = group.next_if_any().await.unwrap();
        assert_eq!(done.id(), Some(keys[at].id()));
        assert_eq!(done.child(), Some(&keys[at].child()));
        assert_eq!(done.ending(), Ending::Value);
    }
    assert!(group.next_if_any().await.is_none());
    let failing = group
        .named("fails")
        .try_spawn(async { Err::<(), _>(Fault("fails")) });
    let done = group.next_if_any().await.unwrap();
    assert_eq!(done.child().unwrap().name(), Some("fails"));
    assert_eq!(
        (done.id(), done.ending()),
        (Some(failing.id()), Ending::Failed)
    );
    assert!(group.next_if_any().await.is_none());
    assert_eq!(group.try_join().await.unwrap_err().len(), 1);
}

// Results-7
async fn completions_without_a_key_come_by_number(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    for n in 0..10 {
        drop(group.spawn(async move { n }));
    }
    for _ in 0..10 {
        let done = group.next_if_any().await.unwrap();
        assert_eq!((done.id(), done.ending()), (None, Ending::Value));
    }
    assert!(group.next_if_any().await.is_none());
    group.join().await;
}

// Results-8
async fn next_waits_while_the_group_is_open(on: Site) {
    for ends in 0..4 {
        let group = GatherGroup::on(&on.spawner);
        let mut idle = ByHand::new(group.next());
        let mut stream = group.completions();
        for _ in 0..3 {
            assert!(idle.poll().is_pending());
            yields(3).await;
        }
        // Nobody was woken: what stands beside it in a `select!` is not kept busy.
        assert_eq!(idle.wakes(), 0);
        let background = group.child().background().spawn(pending::<()>());
        assert_eq!(group.next_if_any().await, None);
        let key = group.spawn(async { 1 });
        let done = idle.into_inner().await.unwrap();
        assert_eq!(done.id(), Some(key.id()));
        let mut idle = ByHand::new(group.next());
        assert!(idle.poll().is_pending());
        match ends {
            0 => group.close(),
            1 => group.cancel(),
            2 => drop(group.join().await),
            _ => {
                // Nobody is left, and then it is closed.
                background.cancel();
                assert_eq!(stream.next().await.unwrap().id(), Some(background.id()));
                assert!(idle.poll().is_pending());
                let woken = idle.wakes();
                group.close();
                assert!(idle.wakes() > woken, "whoever waits is not told");
                assert_eq!(idle.into_inner().await, None);
                assert_eq!(stream.next().await, None);
                group.join().await;
                continue;
            }
        }
        assert_eq!(idle.into_inner().await.unwrap().id(), Some(background.id()));
        assert_eq!(stream.next().await, None);
        for _ in 0..2 {
            assert_eq!(group.next().await, None);
            assert_eq!(group.next_if_any().await, None);
        }
        drop(stream);
        group.join().await;
    }
}

// Results-7
async fn completions_tell_of_each_child_once(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let child = |n: usize| async move { yields(n % 3).await };
    let keys: Vec<_> = (0..50).map(|n| group.spawn(child(n))).collect();
    for n in 0..50 {
        drop(group.spawn(child(n)));
    }
    let mut told = HashSet::new();
    let mut nameless = 0;
    group.close();
    let mut completions = group.completions();
    while let Some(done) = completions.next().await {
        match done.id() {
            Some(id) => assert!(told.insert(id), "{id} was told of twice"),
            None => nameless += 1,
        }
    }
    drop(completions);
    assert_eq!(told, keys.iter().map(Key::id).collect());
    assert_eq!(nameless, 50);
    assert_eq!(group.join().await.ok, 100);
    assert!(group.next_if_any().await.is_none());
}
