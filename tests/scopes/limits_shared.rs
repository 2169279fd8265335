//! Limits that several groups share.

use std::future::pending;
use std::task::Poll;

use ingather::testing::TestExecutor;
use ingather::threads::{CapacityLimiter, to_thread_with};
use ingather::{GatherIncomplete, GroupOptions, to_thread};

use crate::support::{
    ByHand, Gate, Meter, Rng, Site, Trace, behaviour, stepper, until, watched, yield_now, yields,
};

behaviour!(
    several_groups_have_no_more_under_way_than_there_are_permits,
    a_group_waits_for_whoever_has_the_permits,
    a_limiter_of_nothing_starts_nothing_until_it_is_raised,
    a_group_that_is_cut_short_leaves_the_line,
    a_child_that_is_cancelled_in_line_leaves_it,
    a_group_with_few_children_does_not_wait_for_all_of_another,
    children_that_await_siblings_lend_their_permits,
    a_closure_that_is_left_running_holds_a_permit,
    a_closure_with_a_permit_of_its_own_takes_no_second,
);

fn borrowed(limiter: &CapacityLimiter) -> (usize, usize) {
    let now = limiter.statistics();
    (now.borrowed, now.waiting)
}

// Limits-11
async fn several_groups_have_no_more_under_way_than_there_are_permits(on: Site) {
    for total in [1, 3] {
        let (limiter, meter) = (CapacityLimiter::new(total), Meter::new());
        let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
        let (inside, spawner) = (meter.clone(), on.spawner.clone());
        ingather::on(&on.spawner)
            .scope(|tg| async move {
                let _spawner = spawner;
                for _ in 0..4 {
                    let (options, meter) = (options.clone(), inside.clone());
                    tg.spawn(options.scope(move |tg| async move {
                        assert_eq!(tg.limit(), Some(total));
                        for n in 0..50 {
                            let meter = meter.clone();
                            let child = async move {
                                let _inside = meter.enter();
                                yields(n % 3).await;
                            };
                            match n % 3 {
                                0 => drop(tg.spawn(child)),
                                1 => drop(tg.child().spawn_when_free(child).await),
                                _ => drop(tg.slot().await.unwrap().spawn(child)),
                            }
                        }
                    }));
                }
            })
            .await;
        assert_eq!(meter.entered(), 200);
        assert!(meter.highest() <= total, "{} of {total}", meter.highest());
        assert_eq!(borrowed(&limiter), (0, 0));
    }
}

// Limits-11
async fn a_group_waits_for_whoever_has_the_permits(on: Site) {
    let limiter = CapacityLimiter::new(1);
    let permit = limiter.try_acquire().unwrap();
    let group = GroupOptions::new()
        .on(&on.spawner)
        .limiter(&limiter)
        .group();
    let waits = group.spawn(async { 1 });
    let mut after = ByHand::new(limiter.acquire());
    assert!(after.poll().is_pending());
    yields(5).await;
    assert_eq!(waits.status(), Some(GatherIncomplete::Waiting));
    assert_eq!((group.waiting(), borrowed(&limiter)), (1, (1, 2)));
    drop(permit);
    assert_eq!(waits.await, Ok(1));
    // Nobody in the group waits any more, so it has none.
    until(|| after.is_woken()).await;
    assert!(matches!(after.poll(), Poll::Ready(_permit)));
    assert_eq!(borrowed(&limiter), (0, 0));
    let slot = group.slot().await.unwrap();
    assert_eq!(borrowed(&limiter), (1, 0));
    drop(slot);
    assert_eq!(borrowed(&limiter), (0, 0));
    group.join().await;
}

// Limits-11
async fn a_limiter_of_nothing_starts_nothing_until_it_is_raised(on: Site) {
    let (limiter, log) = (CapacityLimiter::new(0), Trace::new());
    let group = GroupOptions::new()
        .on(&on.spawner)
        .limiter(&limiter)
        .group();
    for n in 0..5 {
        let log = log.clone();
        drop(group.spawn(async move { log.log(n) }));
    }
    yields(5).await;
    assert_eq!((log.entries().len(), group.waiting()), (0, 5));
    assert_eq!(borrowed(&limiter), (0, 1));
    group.close();
    limiter.set_total(1);
    group.join().await;
    log.assert(["0", "1", "2", "3", "4"]);
    assert_eq!(borrowed(&limiter), (0, 0));
}

// Limits-11, Limits-3
async fn a_group_that_is_cut_short_leaves_the_line(on: Site) {
    for how in 0..3 {
        let limiter = CapacityLimiter::new(1);
        let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
        let group = options.clone().group();
        drop(group.spawn(pending::<()>()));
        let in_line = group.spawn(async {});
        let mut caller = ByHand::new(group.slot());
        assert!(caller.poll().is_pending());
        let other = options.group();
        let next = other.spawn(async { 1 });
        assert_eq!(borrowed(&limiter), (1, 2));
        match how {
            0 => drop(group),
            1 => group.cancel(),
            _ => {
                group.cancel();
                group.join().await;
            }
        }
        assert_eq!(next.await, Ok(1));
        assert!(in_line.await.is_err());
        other.join().await;
        assert!(caller.is_woken());
        assert_eq!(borrowed(&limiter), (0, 0), "way {how}");
    }
}

// Limits-11
async fn a_child_that_is_cancelled_in_line_leaves_it(on: Site) {
    let limiter = CapacityLimiter::new(1);
    let permit = limiter.try_acquire();
    let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
    let shared = limiter.clone();
    let scope = options.scope(|tg| async move {
        let [one, other] = [1, 2].map(|n| tg.spawn(async move { n }));
        one.cancel();
        assert!(one.await.unwrap_err().is_cancelled());
        assert_eq!(borrowed(&shared), (1, 1));
        other.cancel();
        assert!(other.await.unwrap_err().is_cancelled());
        assert_eq!(borrowed(&shared), (1, 0));
    });
    scope.await;
    drop(permit);
    assert_eq!(borrowed(&limiter), (0, 0));
}

// Limits-12
async fn a_group_with_few_children_does_not_wait_for_all_of_another(on: Site) {
    let (limiter, log) = (CapacityLimiter::new(1), Trace::new());
    let permit = limiter.try_acquire();
    let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
    let (many, few) = (options.clone().group(), options.group());
    for n in 0..10 {
        let log = log.clone();
        drop(many.spawn(async move { log.log(format!("many {n}")) }));
    }
    for n in 0..2 {
        let log = log.clone();
        drop(few.spawn(async move { log.log(format!("few {n}")) }));
    }
    drop(permit);
    few.join().await;
    many.join().await;
    let begin: Vec<_> = log.entries().into_iter().take(4).collect();
    assert_eq!(begin, ["many 0", "few 0", "many 1", "few 1"]);
}

// Limits-8, Limits-11
async fn children_that_await_siblings_lend_their_permits(on: Site) {
    let limiter = CapacityLimiter::new(1);
    let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
    let sum = options.scope(|tg| async move {
        let inner = tg.clone();
        let outer = tg.spawn(async move {
            let sibling = inner.spawn(async { 20 });
            sibling.await.unwrap() + 1
        });
        outer.await
    });
    assert_eq!(sum.await, Ok(21));
    assert_eq!(borrowed(&limiter), (0, 0));
}

// Limits-11
#[test]
fn a_permit_that_comes_when_nobody_waits_any_more_is_passed_on() {
    watched("passed on", || {
        let (stepper, limiter) = (stepper(), CapacityLimiter::new(1));
        let options = GroupOptions::new().on(&stepper).limiter(&limiter);
        let permit = limiter.try_acquire();
        let group = options.group();
        let mut caller = ByHand::new(group.slot());
        assert!(caller.poll().is_pending());
        let mut last = ByHand::new(limiter.acquire());
        assert!(last.poll().is_pending());
        drop(permit);
        assert!(caller.is_woken() && !last.is_woken(), "it is promised");
        drop(caller);
        assert!(last.poll().is_ready());
        assert_eq!(borrowed(&limiter), (0, 0));
    });
}

// Limits-10, Limits-11
#[test]
fn groups_come_and_go_under_every_order_of_steps() {
    watched("shared limits", || {
        (0..100).for_each(|seed| TestExecutor::run(seed, groups_come_and_go(seed)));
    });
}

async fn groups_come_and_go(seed: u64) {
    let mut rng = Rng::new(seed);
    let total = 1 + rng.below(3);
    let (limiter, meter) = (CapacityLimiter::new(total), Meter::new());
    let (mut groups, mut slots, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..150 {
        let at = rng.below(groups.len().max(1));
        match rng.below(8) {
            0 if groups.len() < 4 => {
                groups.push(GroupOptions::new().limiter(&limiter).group());
            }
            1 if !groups.is_empty() => {
                let group = groups.swap_remove(at);
                if rng.chance(50) {
                    slots.clear();
                    waits.clear();
                    group.join().await;
                }
            }
            2 => slots.truncate(1),
            3 if !groups.is_empty() => waits.push(ByHand::new(groups[at].slot())),
            4 if !waits.is_empty() => {
                let which = rng.below(waits.len());
                if let Poll::Ready(slot) = waits[which].poll() {
                    slots.extend(slot);
                    drop(waits.swap_remove(which));
                } else if rng.chance(40) {
                    drop(waits.swap_remove(which));
                }
            }
            5 => yield_now().await,
            _ if !groups.is_empty() => {
                let (meter, count) = (meter.clone(), rng.below(4));
                let child = async move {
                    let _inside = meter.enter();
                    yields(count).await;
                };
                let key = match slots.pop() {
                    Some(slot) => slot.spawn(child),
                    None => groups[at].spawn(child),
                };
                if rng.chance(25) {
                    key.cancel();
                }
            }
            _ => {}
        }
        assert!(limiter.statistics().borrowed <= total, "seed {seed}");
    }
    drop((slots, waits));
    for group in groups {
        group.join().await;
    }
    assert!(meter.highest() <= total, "seed {seed}");
    assert_eq!(borrowed(&limiter), (0, 0), "seed {seed}");
}

/// A closure that runs until the gate is opened, and says that it has begun.
fn blocks_for(gate: &Gate) -> (impl FnOnce() + Send + use<>, Gate) {
    let (begun, block) = (Gate::new(), gate.clone());
    let begins = begun.clone();
    let call = move || {
        begins.open();
        block.block();
    };
    (call, begun)
}

// Threads-10, Limits-11
async fn a_closure_that_is_left_running_holds_a_permit(on: Site) {
    let _hold = on.hold();
    // Abandoned by a cancel, dropped with its child, dropped by its child, and in a scope within the child.
    for manner in 0..4 {
        let limiter = CapacityLimiter::new(1);
        let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
        let (gate, spawner) = (Gate::new(), on.spawner.clone());
        let (call, begun) = blocks_for(&gate);
        let shared = limiter.clone();
        let next = options.scope(|tg| async move {
            let waits = begun.clone();
            let child = match manner {
                0 => tg.spawn(to_thread(call).abandon()),
                1 => tg.spawn(async move {
                    let mut job = ByHand::new(to_thread(call));
                    assert!(job.poll().is_pending());
                    waits.wait().await;
                    pending::<()>().await;
                }),
                2 => tg.spawn(async move {
                    let mut job = ByHand::new(to_thread(call));
                    assert!(job.poll().is_pending());
                    waits.wait().await;
                }),
                _ => tg.spawn(ingather::on(&spawner).scope(|tg| async move {
                    let inner = tg.spawn(to_thread(call).abandon());
                    waits.wait().await;
                    inner.cancel();
                    inner.await.unwrap_err();
                })),
            };
            begun.wait().await;
            match manner {
                0 => child.cancel(),
                // Otherwise that would wait for the closure.
                1 => child.cancel_past_shields(),
                _ => {}
            }
            let _ = child.await;
            // Its end is counted, perhaps a moment later; its slot is the group's again only when its thread is free.
            until(|| borrowed(&shared) == (1, 0)).await;
            let next = tg.spawn(async { 7 });
            yields(5).await;
            assert_eq!(next.status(), Some(GatherIncomplete::Waiting));
            gate.open();
            next.await
        });
        assert_eq!(next.await, Ok(7), "manner {manner}");
        assert_eq!(borrowed(&limiter), (0, 0));
    }
}

// Threads-10
async fn a_closure_with_a_permit_of_its_own_takes_no_second(on: Site) {
    let _hold = on.hold();
    let limiter = CapacityLimiter::new(2);
    let options = GroupOptions::new().on(&on.spawner).limiter(&limiter);
    let gate = Gate::new();
    let (call, begun) = blocks_for(&gate);
    let shared = limiter.clone();
    options
        .scope(|tg| async move {
            let child = tg.spawn(to_thread_with(&shared, call).abandon());
            begun.wait().await;
            assert_eq!(borrowed(&shared), (2, 0));
            child.cancel();
            child.await.unwrap_err();
            until(|| borrowed(&shared) == (1, 0)).await;
        })
        .await;
    gate.open();
    // That it has ended is seen by who gets both.
    limiter.set_total(1);
    drop(limiter.acquire().await);
    assert_eq!(borrowed(&limiter), (0, 0));
}
