//! Children of a full group that wait for each other: somebody always goes on.

use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use ingather::testing::TestExecutor;
use ingather::threads::CapacityLimiter;
use ingather::{GatherIncomplete, GroupOptions, Key, Ready, Scope, inline, parallel, shield};

use crate::support::{
    Fault, Gate, Meter, Rng, Site, behaviour, boom, kind, until, watched, yields,
};

behaviour!(
    a_child_awaits_a_sibling_in_line,
    a_chain_of_a_hundred_that_await_each_other,
    a_child_awaits_many_and_lends_its_slot_to_one,
    several_children_await_theirs,
    a_child_of_a_child_awaits_a_sibling_of_its_parent,
    a_start_in_a_full_group,
    a_child_that_waits_no_longer_leaves_its_slot_to_its_guest,
    a_guest_ends_in_every_way,
    a_cancel_meets_a_lender_and_its_guest,
    callers_for_a_slot_in_a_full_group,
    a_caller_and_a_lender_wait_for_each_other,
    a_caller_is_awaited_by_the_only_other_child,
    a_caller_is_left_alone_by_an_end,
    a_key_that_is_dropped_is_awaited_no_more,
);

behaviour!(outside: a_thread_waits_for_a_sibling_in_line);

fn full(on: &Site, limit: usize) -> GroupOptions {
    GroupOptions::new().on(&on.spawner).limit(limit)
}

// Limits-8
async fn a_child_awaits_a_sibling_in_line(on: Site) {
    let seven = full(&on, 1).scope(|tg| async move {
        let inside = tg.clone();
        let others: Vec<_> = (0..3)
            .map(|n| tg.spawn(async move { yields(n).await }))
            .collect();
        let key = tg.spawn(async move {
            let before = inside.spawn(yields(2));
            let sibling = inside.spawn(async { 7 });
            assert_eq!(sibling.status(), Some(GatherIncomplete::Waiting));
            // The one that stands before it in line has its turn later.
            let seven = sibling.await;
            assert_eq!(before.status(), Some(GatherIncomplete::Waiting));
            (seven, before.await)
        });
        join_all(others).await;
        key.await
    });
    assert_eq!(seven.await, Ok((Ok(7), Ok(()))));
}

/// A child that spawns one of its kind and awaits it, so many deep.
fn nested(tg: Scope<'static>, deep: usize) -> BoxFuture<'static, usize> {
    async move {
        yields(deep % 2).await;
        match deep {
            0 => 0,
            _ => tg.spawn(nested(tg.clone(), deep - 1)).await.unwrap() + 1,
        }
    }
    .boxed()
}

// Limits-8
async fn a_chain_of_a_hundred_that_await_each_other(on: Site) {
    for limit in [1, 2, 7] {
        let group = full(&on, limit).group();
        let key = group.spawn(nested(group.handle(), 100));
        assert_eq!(key.await, Ok(100));
        assert_eq!(group.join().await.ok, 101);
    }
}

// Limits-8, Limits-2
async fn a_child_awaits_many_and_lends_its_slot_to_one(on: Site) {
    for limit in [1, 3] {
        let group = full(&on, limit).group();
        let (meter, handle) = (Meter::new(), group.handle());
        let metered = meter.clone();
        let key = group.spawn(async move {
            let keys = (0..100).map(|n| {
                let meter = metered.clone();
                handle.spawn(async move {
                    let _under_way = meter.enter();
                    // Until the slot of the one that awaits them is used as well.
                    until(|| meter.highest() >= limit).await;
                    yields(n % 4).await;
                    n
                })
            });
            let keys: Vec<_> = keys.collect();
            join_all(keys)
                .await
                .into_iter()
                .map(Result::unwrap)
                .sum::<usize>()
        });
        assert_eq!(key.await, Ok(4950));
        // The one that awaits them does nothing meanwhile.
        assert_eq!((meter.entered(), meter.highest()), (100, limit));
        group.join().await;
    }
}

// Limits-8, Limits-2
async fn several_children_await_theirs(on: Site) {
    let group = full(&on, 2).group();
    let meter = Meter::new();
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (handle, meter) = (group.handle(), meter.clone());
            group.spawn(async move {
                for n in 0..10 {
                    let meter = meter.clone();
                    let key = handle.spawn(async move {
                        let _under_way = meter.enter();
                        yields(n % 3).await;
                    });
                    key.await.unwrap();
                }
            })
        })
        .collect();
    assert!(join_all(callers).await.iter().all(Result::is_ok));
    assert_eq!((meter.entered(), meter.highest() <= 2), (100, true));
    assert_eq!(group.join().await.ok, 110);
}

// Limits-8
async fn a_child_of_a_child_awaits_a_sibling_of_its_parent(on: Site) {
    for form in 0..3 {
        let group = full(&on, 1).group();
        let (handle, spawner) = (group.handle(), on.spawner.clone());
        let key = group.spawn(async move {
            let sibling = handle.spawn(async { 7 });
            match form {
                0 => {
                    ingather::on(&spawner)
                        .scope(|tg| async move { tg.spawn(sibling).await.unwrap() })
                        .await
                }
                1 => inline::scope(|tg| async move { tg.spawn(sibling).await.unwrap() }).await,
                // The child holds its slot behind a shield, too.
                _ => shield(sibling).await,
            }
        });
        assert_eq!(key.await, Ok(Ok(7)));
        group.join().await;
    }
}

// Limits-8, Starting-2
async fn a_start_in_a_full_group(on: Site) {
    let group = full(&on, 1).group();
    let handle = group.handle();
    let key = group.spawn(async move {
        let start = handle.start(|ready: Ready<u32>| async move {
            yields(1).await;
            ready.started(1).unwrap();
            2
        });
        let (key, one) = start.await.unwrap();
        one + key.await.unwrap()
    });
    assert_eq!(key.await, Ok(3));
    group.join().await;
}

// Limits-8, Limits-2
#[expect(clippy::async_yields_async, reason = "a key is what the child gives")]
async fn a_child_that_waits_no_longer_leaves_its_slot_to_its_guest(on: Site) {
    let group = full(&on, 1).group();
    let (gate, begun, handle) = (Gate::new(), Gate::new(), group.handle());
    let (opened, tells) = (gate.clone(), begun.clone());
    let lender = group.spawn(async move {
        let mut guest = handle.spawn(async move {
            tells.open();
            opened.wait().await;
        });
        // It is looked at until it runs, and left alone then.
        futures::future::select(&mut guest, begun.wait().boxed()).await;
        guest
    });
    let later = group.spawn(async { 5 });
    let guest = lender.await.unwrap();
    yields(5).await;
    // The slot is the guest's now.
    assert_eq!(guest.status(), Some(GatherIncomplete::Running));
    assert_eq!(later.status(), Some(GatherIncomplete::Waiting));
    gate.open();
    assert_eq!((guest.await, later.await), (Ok(()), Ok(5)));
    group.join().await;
}

// Limits-8, Limits-7
async fn a_guest_ends_in_every_way(on: Site) {
    for way in 0..5 {
        let group = full(&on, 1).fallible_group::<Fault>();
        let handle = group.handle();
        let key = group.spawn(async move {
            let guest: Key<()> = match way {
                0 => handle.spawn(async {}),
                1 => handle.spawn(async { ingather::current_token().cancel_then_wait().await }),
                2 => {
                    let guest = handle.spawn(pending());
                    guest.cancel();
                    guest
                }
                3 => {
                    let failing = handle
                        .child()
                        .supervised()
                        .try_spawn(async { Err::<(), _>(Fault("fails")) });
                    drop(failing.await);
                    handle.spawn(async {})
                }
                _ => {
                    let failing = handle
                        .child()
                        .supervised()
                        .try_spawn(async { boom("panics") as Result<(), Fault> });
                    drop(failing.await);
                    handle.spawn(async {})
                }
            };
            guest.await.is_ok()
        });
        assert_eq!(key.await, Ok(!matches!(way, 1 | 2)), "in way {way}");
        // The slot is free.
        assert_eq!(group.spawn(async { 3 }).await, Ok(3));
        group.try_join().await.unwrap();
    }
}

/// Cancels what this is the token of, and hangs.
trait CancelThenWait {
    fn cancel_then_wait(self) -> BoxFuture<'static, ()>;
}

impl CancelThenWait for ingather::CancelToken {
    fn cancel_then_wait(self) -> BoxFuture<'static, ()> {
        async move {
            self.cancel();
            pending().await
        }
        .boxed()
    }
}

// Limits-8, Limits-3
async fn a_cancel_meets_a_lender_and_its_guest(on: Site) {
    let group = full(&on, 1).group();
    let (begun, handle) = (Gate::new(), group.handle());
    let waits = begun.clone();
    let lender = group.spawn(async move {
        let first = handle.spawn(async move { waits.wait().await });
        let second = handle.spawn(async {});
        drop(join_all([first, second]).await);
    });
    while begun.waiting() == 0 {
        yields(1).await;
    }
    group.cancel();
    assert!(kind(&lender).is_some() || lender.await.is_err());
    assert_eq!(group.join().await.cancelled, 3);
}

// Limits-9
async fn callers_for_a_slot_in_a_full_group(on: Site) {
    for (limit, callers) in [(1, 1), (2, 2), (3, 8)] {
        let group = full(&on, limit).group();
        let (meter, callers) = (Meter::new(), callers);
        let keys: Vec<_> = (0..callers)
            .map(|_| {
                let (handle, meter) = (group.handle(), meter.clone());
                group.spawn(async move {
                    let mut sum = 0;
                    for n in 0..5 {
                        let meter = meter.clone();
                        let key = handle.child().spawn_when_free(async move {
                            let _under_way = meter.enter();
                            yields(1).await;
                            n
                        });
                        let key = key.await;
                        sum += key.await.unwrap();
                    }
                    sum
                })
            })
            .collect();
        assert!(join_all(keys).await.iter().all(|sum| *sum == Ok(10)));
        assert_eq!(
            (meter.entered(), meter.highest() <= limit),
            (5 * callers, true)
        );
        group.join().await;
    }
}

// Limits-9, Limits-8
#[expect(clippy::async_yields_async, reason = "a key is what the child gives")]
async fn a_caller_and_a_lender_wait_for_each_other(on: Site) {
    let group = full(&on, 1).group();
    let handle = group.handle();
    let lender = group.spawn(async move {
        let inside = handle.clone();
        // What runs in its slot asks for one, and there is none.
        let guest = handle.spawn(async move { inside.child().spawn_when_free(async { 7 }).await });
        guest.await.unwrap().await
    });
    assert_eq!(lender.await, Ok(Ok(7)));
    group.join().await;
}

// Limits-9
async fn a_caller_is_awaited_by_the_only_other_child(on: Site) {
    let group = full(&on, 2).group();
    let (begun, handle) = (Gate::new(), group.handle());
    let opened = begun.clone();
    let caller = group.spawn(async move {
        opened.wait().await;
        handle.child().spawn_when_free(async { 7 }).await.await
    });
    let other = group.spawn(async move {
        begun.open();
        yields(3).await;
        caller.await
    });
    assert_eq!(other.await, Ok(Ok(Ok(7))));
    group.join().await;
}

// Limits-8, Blocking-2
async fn a_thread_waits_for_a_sibling_in_line(on: Site) {
    let seven = parallel::on(&on.spawner).scope(|tg| {
        let limited = tg.clone();
        let key = tg.spawn(async move { limited.spawn(async { 7 }).await });
        tg.wait(key)
    });
    assert_eq!(seven, Ok(Ok(7)));
}

/// Random children that await random ones of those that they spawn.
fn random(tg: Scope<'static>, rng: Arc<Mutex<Rng>>, depth: u64) -> BoxFuture<'static, u64> {
    async move {
        let draw = |end: u64| rng.lock().unwrap().next() % end;
        let mut keys = Vec::new();
        for _ in 0..draw(4).min(depth) {
            let child = random(tg.clone(), Arc::clone(&rng), depth - 1);
            match draw(3) {
                0 => keys.push(tg.child().spawn_when_free(child).await),
                _ => keys.push(tg.spawn(child)),
            }
        }
        yields(usize::try_from(draw(3)).unwrap()).await;
        let mut sum = 1;
        match draw(4) {
            // Nobody awaits them.
            0 => {}
            1 => {
                sum += join_all(keys)
                    .await
                    .into_iter()
                    .map(Result::unwrap)
                    .sum::<u64>()
            }
            2 => {
                while let Some(key) = keys.pop() {
                    sum += key.await.unwrap();
                }
            }
            _ => {
                for key in keys {
                    sum += key.await.unwrap();
                }
            }
        }
        sum
    }
    .boxed()
}

// Limits-8, Limits-9
#[test]
fn whatever_children_wait_for_all_come_to_an_end() {
    watched("random children that wait for each other", || {
        for seed in 0..1_000 {
            let drivers = NonZeroUsize::MIN.saturating_add(seed as usize % 3);
            let executor = TestExecutor::seeded(seed).with_parallelism(drivers);
            executor.block_on(async move {
                let rng = Arc::new(Mutex::new(Rng::new(seed)));
                let limit = 1 + usize::try_from(seed % 3).unwrap();
                let group = GroupOptions::new().limit(limit).group();
                for _ in 0..3 {
                    drop(group.spawn(random(group.handle(), Arc::clone(&rng), 4)));
                }
                let tally = group.join().await;
                assert_eq!(tally.ok, tally.total(), "seed {seed}");
            });
        }
    });
}

// Limits-9, Limits-13: by the end of the other child, when no slot is left but that of the one who waits.
async fn a_caller_is_left_alone_by_an_end(on: Site) {
    for shares in [false, true] {
        for takes_slot in [false, true] {
            let limiter = CapacityLimiter::new(2);
            let options = GroupOptions::new().on(&on.spawner);
            let options = match shares {
                true => options.limiter(&limiter),
                false => options.limit(2),
            };
            let done = options.scope(|tg| async move {
                let (asks, ends) = (tg.clone(), Gate::new());
                let waits = ends.clone();
                let asked = tg.spawn(async move {
                    if takes_slot {
                        drop(asks.slot().await);
                    } else {
                        drop(asks.child().spawn_when_free(async {}).await);
                    }
                });
                tg.spawn(async move { waits.wait().await });
                until(|| ends.waiting() == 1).await;
                yields(5).await;
                match shares {
                    true => limiter.set_total(1),
                    false => tg.set_limit(1),
                }
                ends.open();
                asked.await
            });
            assert_eq!(done.await, Ok(()));
        }
    }
}

// Limits-5, Limits-9
async fn a_key_that_is_dropped_is_awaited_no_more(on: Site) {
    full(&on, 2)
        .scope(|tg| async move {
            let (asks, asked, over) = (tg.clone(), Gate::new(), Gate::new());
            let (waits, opens) = (over.clone(), asked.clone());
            let caller = tg.spawn(async move {
                asked.wait().await;
                asks.child().spawn_when_free(async {}).await.status()
            });
            let gave_up = Gate::new();
            let gives_up = gave_up.clone();
            tg.spawn(async move {
                let mut caller = caller;
                for _ in 0..3 {
                    assert!(futures::poll!(&mut caller).is_pending());
                    yields(1).await;
                }
                drop(caller);
                gives_up.open();
                waits.wait().await;
            });
            gave_up.wait().await;
            opens.open();
            yields(10).await;
            assert_eq!(tg.len(), 2, "the caller waits for a slot");
            over.open();
        })
        .await;
}
