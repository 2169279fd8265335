//! What a group retains: nothing that nobody can ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use ingather::{GatherGroup, GroupOptions, inline};

use crate::support::{Drops, Gate, Site, behaviour, yields};

behaviour!(
    a_value_whose_key_is_gone_is_dropped_when_its_child_is_over,
    a_value_is_dropped_with_its_key,
    a_key_that_outlives_its_group_keeps_its_value,
    a_group_that_lives_long_retains_nothing,
);

// Results-4
async fn a_value_whose_key_is_gone_is_dropped_when_its_child_is_over(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (drops, gate) = (Drops::new(), Gate::new());
    let (witness, opened) = (drops.witness(), gate.clone());
    drop(group.spawn(async move {
        opened.wait().await;
        witness
    }));
    yields(3).await;
    assert_eq!(drops.count(), 0);
    gate.open();
    assert!(group.next_if_any().await.is_some());
    assert_eq!(drops.count(), 1);
    assert_eq!(group.join().await.dropped, 1);
}

// Results-4
async fn a_value_is_dropped_with_its_key(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let drops = Drops::new();
    let (before, after) = (drops.witness(), drops.witness());
    let before = group.spawn(async move { before });
    let after = group.spawn(async move { after });
    while group.next_if_any().await.is_some() {}
    drop(before);
    assert_eq!(drops.count(), 1);
    group.join().await;
    drop(group);
    assert_eq!(drops.count(), 1);
    drop(after);
    assert_eq!(drops.count(), 2);
}

// Results-4
async fn a_key_that_outlives_its_group_keeps_its_value(on: Site) {
    let drops = Drops::new();
    let witness = drops.witness();
    let (key,) = ingather::on(&on.spawner)
        .scope(|tg| async move { (tg.spawn(async move { witness }),) })
        .await;
    assert_eq!(drops.count(), 0);
    drop(key);
    assert_eq!(drops.count(), 1);
}

/// Counts those of its kind that are alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// Results-4
async fn a_group_that_lives_long_retains_nothing(on: Site) {
    const ROUNDS: usize = 1000;
    let alive = Arc::new(AtomicUsize::new(0));
    let group = GroupOptions::new().on(&on.spawner).group();
    for _ in 0..ROUNDS {
        for n in 0..100 {
            let future = Alive::new(&alive);
            let count = Arc::clone(&alive);
            let key = group.spawn(async move {
                drop(future);
                Alive::new(&count)
            });
            // Some keys go before the child is over, some may go after it.
            if n % 2 == 0 {
                drop(key);
            } else if n == 99 {
                drop(key.await);
            }
        }
        while !group.is_empty() {
            group.next_if_any().await;
        }
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
    // What was not told of is kept as a number.
    assert_eq!(group.join().await.ok, 100_000);
}

// Results-4
#[test]
fn a_group_goes_with_its_last_key_and_not_before() {
    // The group holds its name, so the name tells whether there is the group.
    let name: Arc<str> = "kept".into();
    let options = GroupOptions::new().name(Arc::clone(&name));
    let mut keys = block_on(options.inline().scope(|tg| async move {
        for _ in 0..3 {
            let keys: Vec<_> = (0..100).map(|n| tg.spawn(async move { n })).collect();
            for key in keys {
                key.await.unwrap();
            }
        }
        (0..100_u64)
            .map(|n| tg.spawn(async move { n }))
            .collect::<Vec<_>>()
    }));
    let kept = keys.swap_remove(50);
    drop(keys);
    assert_eq!(Arc::strong_count(&name), 2);
    assert_eq!(block_on(kept), Ok(50));
    assert_eq!(Arc::strong_count(&name), 1);
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Wide(u8);

// Results-2
#[test]
fn children_of_all_sizes_and_alignments_share_a_group() {
    block_on(inline::scope(|tg| async move {
        let (mut bytes, mut wide, mut large) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..=u8::MAX {
            bytes.push(tg.spawn(async move { n }));
            wide.push(tg.spawn(async move { Wide(n) }));
            large.push(tg.spawn(async move { [n; 5000] }));
        }
        for n in (0..=u8::MAX).rev() {
            // The last to start, so the others are over.
            assert_eq!(large.pop().unwrap().await, Ok([n; 5000]));
            let value = wide.pop().unwrap();
            let found = std::ptr::from_ref(tg.get_result(&value).unwrap());
            assert!(found.is_aligned());
            assert_eq!(value.await.unwrap().0, n);
            assert_eq!(bytes.pop().unwrap().await, Ok(n));
        }
    }));
}
