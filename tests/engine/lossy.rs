//! Ten thousand seeded runs over a spawner that loses, refuses, delays and repeats: each ends, and all is accounted for.

use std::future::pending;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::executor::block_on;
use ingather::spawner::SpawnerHandle;
use ingather::types::Tally;
use ingather::{GatherGroup, GroupOptions, Key, OnError};

use crate::support::{
    Drops, Fault, HostileSpawner, Mischief, Rng, Trace, boom, unhandled, watchdog::watched_for,
    yields,
};

const RUNS: u64 = 10_000;
const THREADS: usize = 10;

/// A tree of children that yield, spawn, fail, panic and wait for ever, as the numbers say.
struct Plan {
    rng: Rng,
    drops: Drops,
    keys: Vec<Key<u64>>,
    may_fail: bool,
    /// Some wait for what never comes, since the group will be dropped.
    may_wait: bool,
}

impl Plan {
    fn spawn(&mut self, tg: &ingather::Scope<'static, Fault>) {
        let (held, more) = (self.drops.witness(), self.drops.witness());
        let (polls, fate) = (self.rng.below(4), self.rng.below(100));
        let inner = tg.clone();
        let (may_fail, may_wait) = (self.may_fail, self.may_wait);
        let key = tg.try_spawn(async move {
            let _held = held;
            yields(polls).await;
            match fate {
                0..5 if may_fail => return Err(Fault("a child")),
                5..8 if may_fail => boom("a child"),
                8..30 => {
                    // Not awaited: the slot of a full group that it waits for may be this child's own.
                    drop(inner.spawn(async move {
                        let _more = more;
                        yields(polls).await;
                    }));
                }
                30..50 if may_wait => pending::<()>().await,
                _ => {}
            }
            Ok(7)
        });
        self.keys.push(key);
    }
}

fn plan(seed: u64, drops: &Drops, may_fail: bool) -> (Plan, usize) {
    let mut rng = Rng::new(seed);
    let children = 1 + rng.below(8);
    let plan = Plan {
        rng,
        drops: drops.clone(),
        keys: Vec::new(),
        may_fail,
        may_wait: false,
    };
    (plan, children)
}

/// One run. Which form, and from where it is awaited, is decided by the seed too.
fn run(seed: u64, spawner: &HostileSpawner) {
    let drops = Drops::new();
    let handle = SpawnerHandle::new(spawner.clone());
    let mut options = GroupOptions::new().on(&handle);
    if seed % 3 == 0 {
        options = options.limit(2);
    }
    if seed % 5 == 0 {
        options = options.on_error(OnError::KeepGoing);
    }
    let what = format!("seed {seed}");
    match seed % 4 {
        0 => {
            // The body gives up the keys, so that they are read after the end.
            let (mut plan, children) = plan(seed, &drops, false);
            let keys = block_on(options.scope(|tg| async move {
                let mut keys = Vec::new();
                for _ in 0..children {
                    let (held, polls) = (plan.drops.witness(), plan.rng.below(4));
                    keys.push(tg.spawn(async move {
                        let _held = held;
                        yields(polls).await;
                        7
                    }));
                }
                keys
            }));
            for key in keys {
                assert!(key.is_finished(), "{what}");
                assert!(matches!(block_on(key), Ok(7) | Err(_)), "{what}");
            }
        }
        1 => {
            let (mut plan, children) = plan(seed, &drops, true);
            let scope = options.try_scope(|tg| async move {
                for _ in 0..children {
                    plan.spawn(&tg);
                    yields(plan.rng.below(2)).await;
                }
                if plan.rng.chance(50) {
                    tg.cancel();
                }
                for key in plan.keys {
                    let _ = key.await;
                }
                Ok::<_, Fault>(())
            });
            let _ = block_on(AssertUnwindSafe(scope).catch_unwind());
        }
        2 => group(&what, options.fallible_group(), seed, &drops),
        _ => dropped(&what, options.fallible_group(), seed, &drops),
    }
    assert_eq!(
        (drops.made(), drops.count()),
        (drops.made(), drops.made()),
        "{what}"
    );
}

fn group(what: &str, group: GatherGroup<Fault>, seed: u64, drops: &Drops) {
    let (mut plan, children) = plan(seed, drops, true);
    (0..children).for_each(|_| plan.spawn(&group));
    if seed % 8 < 4 {
        plan.spawn(&group);
        group.cancel();
    }
    if plan.rng.chance(50) {
        while block_on(group.next_if_any()).is_some() {}
    }
    let joined = block_on(AssertUnwindSafe(group.try_join()).catch_unwind());
    let tally = group.tally();
    if let Ok(Ok(said)) = joined {
        assert_eq!(said, tally, "{what}");
    }
    assert!(group.is_empty() && group.is_closed(), "{what}");
    let Tally {
        ok,
        taken,
        dropped,
        failed,
        panicked,
        ..
    } = tally;
    assert!(taken + dropped <= ok, "{what}: {tally:?}");
    assert_eq!(
        tally.total(),
        ok + failed + panicked + tally.cancelled,
        "{what}"
    );
    let over = plan
        .keys
        .iter()
        .filter(|key| key.status().is_none())
        .count();
    for key in plan.keys {
        assert!(key.is_finished(), "{what}");
        let _ = block_on(key);
    }
    let after = group.tally();
    assert_eq!(after.taken, taken + u64::try_from(over).unwrap(), "{what}");
    assert_eq!(after.ok, after.taken + after.dropped, "{what}: {after:?}");
}

fn dropped(what: &str, group: GatherGroup<Fault>, seed: u64, drops: &Drops) {
    let (mut plan, children) = plan(seed, drops, true);
    plan.may_wait = seed % 8 != 3;
    (0..children).for_each(|_| plan.spawn(&group));
    if let Some(key) = plan.keys.pop().filter(|_| seed % 8 == 3) {
        let _ = block_on(key);
    }
    let handle = group.handle();
    drop(group);
    for key in plan.keys {
        let _ = block_on(key);
    }
    // What was in its poll at that instant is dropped by the one that polls it.
    let trace = Trace::new();
    while !(drops.all() && handle.is_empty()) {
        std::thread::yield_now();
        assert!(trace.entries().is_empty(), "{what}");
    }
}

// Executors-1, Leaving-1, Dropping-3, Results-6
#[test]
fn ten_thousand_runs_over_a_lossy_spawner_end() {
    unhandled::collect();
    let asked = std::env::var("INGATHER_TEST_RUNS").ok();
    let runs = asked.and_then(|text| text.parse().ok()).unwrap_or(RUNS);
    watched_for(60, "ten_thousand_runs_over_a_lossy_spawner", || {
        let mut hostile = HostileSpawner::on_threads("lossy", THREADS, Mischief::lossy(), 0);
        for seed in 0..runs {
            if seed % 100 == 99 {
                hostile.shut_down();
                hostile.join();
                hostile = HostileSpawner::on_threads("lossy", THREADS, Mischief::lossy(), seed);
            }
            run(seed, &hostile);
        }
        hostile.shut_down();
        hostile.join();
    });
}

// Executors-1, Leaving-1
#[test]
fn the_same_seed_gives_the_same_run() {
    use crate::support::{ByHand, HostileSpawner};
    unhandled::collect();
    let trace = |seed| {
        let stepper = HostileSpawner::stepped_by(4, Mischief::lossy(), seed);
        let (log, drops) = (Trace::new(), Drops::new());
        let (mut plan, children) = plan(seed, &drops, false);
        let trace = log.clone();
        let mut scope = ByHand::new(ingather::on(&stepper).scope(|tg| async move {
            for number in 0..children {
                let (trace, polls) = (trace.clone(), plan.rng.below(4));
                let dropped = trace.at_drop(format!("{number} dropped"));
                drop(tg.spawn(async move {
                    let _dropped = dropped;
                    yields(polls).await;
                    trace.log(format!("{number} over"));
                }));
            }
        }));
        let mut steps = 0;
        while scope.poll().is_pending() {
            stepper.step();
            steps += 1;
            assert!(steps < 10_000, "seed {seed} does not end");
        }
        log.entries()
    };
    for seed in 0..1_000 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
}
