//! Depth: scopes within children, very many of them, and whatever else lies in itself.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::cancel::{CancelKind, cancel_reason, current_deadline};
use ingather::spawner::SpawnerHandle;
use ingather::{CancelToken, GatherGroup, GroupOptions, current_token, shield};

use crate::support::{
    Drops, Fault, Gate, Kind, Site, behaviour, spawners::Host, watched_for, yield_now,
};

behaviour!(
    a_walk_of_many_levels_ends,
    a_walk_of_many_levels_is_cancelled,
    a_walk_of_many_levels_is_dropped,
    many_gathers_lie_in_each_other,
    the_innermost_of_many_levels_reads_what_is_around_it,
    a_shield_holds_many_levels_and_lets_go_of_them,
    groups_that_own_groups_go_one_after_the_other,
);

/// Several times as many as a stack has room for, where each level takes some.
const LEVELS: usize = 2_000;

/// Opens a scope within a child of a scope, so many levels deep, and does something at the bottom.
fn walk(
    on: SpawnerHandle,
    left: usize,
    drops: Drops,
    bottom: BoxFuture<'static, ()>,
) -> BoxFuture<'static, usize> {
    async move {
        let _held = drops.witness();
        if left == 0 {
            bottom.await;
            return 0;
        }
        let inside = on.clone();
        ingather::on(&on)
            .scope(|tg| async move {
                let below = tg.spawn(walk(inside, left - 1, drops, bottom)).await;
                below.expect("it is over") + 1
            })
            .await
    }
    .boxed()
}

async fn until(over: impl Fn() -> bool) {
    while !over() {
        yield_now().await;
    }
}

// Executors-12
async fn a_walk_of_many_levels_ends(on: Site) {
    ends(on.spawner, LEVELS).await;
}

async fn ends(on: SpawnerHandle, levels: usize) {
    let drops = Drops::new();
    let suspends = async { yield_now().await }.boxed();
    assert_eq!(walk(on, levels, drops.clone(), suspends).await, levels);
    assert!(drops.all());
}

// Executors-12, Cancelling-2, Dropping-2
async fn a_walk_of_many_levels_is_cancelled(on: Site) {
    is_cancelled(on.spawner, LEVELS).await;
}

async fn is_cancelled(on: SpawnerHandle, levels: usize) {
    let (drops, begun) = (Drops::new(), Gate::new());
    let (at_bottom, spawner) = (begun.clone(), on.clone());
    let bottom = async move {
        at_bottom.open();
        pending().await
    };
    let held = drops.clone();
    let outcome = ingather::on(&on).try_scope(|tg| async move {
        drop(tg.spawn(walk(spawner, levels, held, bottom.boxed())));
        begun.wait().await;
        tg.cancel();
        pending::<Result<(), Fault>>().await
    });
    assert!(outcome.await.is_err());
    // The bottom may have been in the poll in which it opened the gate: that was waited for.
    assert!(drops.all() && drops.made() == levels + 1);
}

// Executors-12, Dropping-1
async fn a_walk_of_many_levels_is_dropped(on: Site) {
    is_dropped(on.spawner, LEVELS).await;
}

async fn is_dropped(on: SpawnerHandle, levels: usize) {
    let (drops, begun) = (Drops::new(), Gate::new());
    let at_bottom = begun.clone();
    let bottom = async move {
        at_bottom.open();
        pending().await
    };
    let group = GatherGroup::on(&on);
    drop(group.spawn(walk(on, levels, drops.clone(), bottom.boxed())));
    begun.wait().await;
    drop(group);
    // What was in a poll goes at the end of that.
    until(|| drops.all()).await;
    assert_eq!(drops.made(), levels + 1);
}

// Executors-12
async fn many_gathers_lie_in_each_other(on: Site) {
    fn nest(on: SpawnerHandle, left: usize) -> BoxFuture<'static, usize> {
        async move {
            if left == 0 {
                return 0;
            }
            let inside = on.clone();
            let options = GroupOptions::new().on(&on);
            let below = options.gather([move || nest(inside, left - 1)]).await;
            below[0] + 1
        }
        .boxed()
    }
    assert_eq!(nest(on.spawner.clone(), LEVELS).await, LEVELS);
}

// Cancelling-9, Deadlines-5
async fn the_innermost_of_many_levels_reads_what_is_around_it(on: Site) {
    let (seen, begun) = (Arc::new(AtomicUsize::new(0)), Gate::new());
    let (sees, at_bottom, spawner) = (Arc::clone(&seen), begun.clone(), on.spawner.clone());
    let bottom = async move {
        assert!(cancel_reason().is_none() && current_deadline().is_never());
        let token = current_token();
        at_bottom.open();
        let reason = token.cancelled().await;
        assert_eq!(reason.kind(), CancelKind::Parent);
        assert_eq!(reason.root().kind(), CancelKind::Explicit);
        sees.fetch_add(1, SeqCst);
    };
    let options = GroupOptions::new()
        .on(&on.spawner)
        .grace(Duration::from_secs(3600));
    options
        .scope(|tg| async move {
            let key = tg.spawn(walk(spawner, LEVELS, Drops::new(), bottom.boxed()));
            begun.wait().await;
            tg.cancel();
            assert_eq!(key.await, Ok(LEVELS));
        })
        .await;
    assert_eq!(seen.load(SeqCst), 1);
}

// Executors-12, Shields-2
async fn a_shield_holds_many_levels_and_lets_go_of_them(on: Site) {
    let (drops, begun, go_on) = (Drops::new(), Gate::new(), Gate::new());
    let (at_bottom, waits, spawner) = (begun.clone(), go_on.clone(), on.spawner.clone());
    let bottom = async move {
        shield(async move {
            at_bottom.open();
            waits.wait().await;
        })
        .await;
        pending().await
    };
    let held = drops.clone();
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let key = tg.spawn(walk(spawner, LEVELS, held, bottom.boxed()));
            begun.wait().await;
            tg.cancel();
            go_on.open();
            assert!(key.await.is_err());
        })
        .await;
    until(|| drops.all()).await;
}

// Executors-12, Dropping-1
async fn groups_that_own_groups_go_one_after_the_other(on: Site) {
    let drops = Drops::new();
    let mut group = GatherGroup::on(&on.spawner);
    for _ in 0..LEVELS {
        let (inner, held) = (group, drops.witness());
        group = GatherGroup::on(&on.spawner);
        drop(group.spawn(async move {
            let _held = (held, &inner);
            pending::<()>().await;
        }));
    }
    drop(group);
    until(|| drops.all()).await;
}

/// How many levels the deepest walks have.
const VERY_MANY: usize = 100_000;

/// Has walks of very many levels come to each of their ends.
fn very_deep(kinds: &[Kind]) {
    for &kind in kinds {
        for end in ["ends", "is cancelled", "is dropped"] {
            let name = format!("a walk of {VERY_MANY} levels {end} on {kind:?}");
            watched_for(300, name, move || {
                let host = Host::start(kind);
                let on = host.spawner.clone();
                match end {
                    "ends" => host.block_on(ends(on, VERY_MANY)),
                    "is cancelled" => host.block_on(is_cancelled(on, VERY_MANY)),
                    _ => host.block_on(is_dropped(on, VERY_MANY)),
                }
            });
        }
    }
}

// Executors-12, Cancelling-2, Dropping-1
#[test]
fn a_walk_of_a_hundred_thousand_levels_comes_to_each_end() {
    very_deep(&[Kind::Embedded, Kind::TokioMany]);
}

// Executors-12, Cancelling-2, Dropping-1
#[test]
#[ignore = "takes minutes: `cargo test --all-features --test engine -- --ignored`"]
fn a_walk_of_a_hundred_thousand_levels_comes_to_each_end_on_every_spawner() {
    very_deep(&Kind::ALL);
}

/// A token, and the last of those that are cancelled by the callback of the one before.
fn chain(called: &Arc<AtomicUsize>) -> (CancelToken, CancelToken) {
    let first = CancelToken::new();
    let mut last = first.clone();
    for _ in 0..50 * LEVELS {
        let (next, called) = (CancelToken::new(), Arc::clone(called));
        let cancels = next.clone();
        let guard = last.on_cancel(move |_| {
            called.fetch_add(1, SeqCst);
            cancels.cancel();
        });
        guard.detach();
        last = next;
    }
    (first, last)
}

// Tokens-12
#[test]
fn callbacks_cancel_the_next_token_many_times() {
    let called = Arc::new(AtomicUsize::new(0));
    let (first, last) = chain(&called);
    assert!(first.cancel());
    assert_eq!(called.load(SeqCst), 50 * LEVELS);
    assert!(last.is_cancelled());
}

// Tokens-8, Tokens-12
#[test]
fn callbacks_that_hold_the_next_token_are_dropped_with_the_first() {
    let called = Arc::new(AtomicUsize::new(0));
    drop(chain(&called));
    assert_eq!((Arc::strong_count(&called), called.load(SeqCst)), (1, 0));
}
