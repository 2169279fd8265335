//! `HostileSpawner`: it does what its mischief says, and what it always has to.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ingather::spawner::SpawnError;
use ingather::testing::{HostileSpawner, Mischief, Trace, yields};
use ingather::{GatherGroup, Spawner};

use super::{assert_has, panic_text};
use crate::support::{Drops, Gate, panic_of, watched};

// Testing-16
#[test]
fn each_mischief_does_what_it_says() {
    let honest = Mischief::honest();
    let outcome = |mischief: Mischief| {
        let (spawner, trace) = (HostileSpawner::stepped(mischief, 1), Trace::new());
        let (log, end) = (trace.clone(), trace.at_drop("dropped"));
        let job = async move {
            let _end = end;
            log.log("polled");
        };
        let spawned = catch_unwind(AssertUnwindSafe(|| spawner.spawn(Box::pin(job))));
        trace.log(match spawned {
            Ok(Ok(())) => "taken",
            Ok(Err(_)) => "refused",
            Err(_) => "panicked",
        });
        spawner.run_until_idle();
        assert_eq!(spawner.jobs(), 0);
        trace.take().join(" ")
    };
    assert_eq!(outcome(honest), "taken polled dropped");
    assert_eq!(outcome(honest.refuse(100)), "dropped refused");
    assert_eq!(
        outcome(honest.refuse_but_run(100)),
        "refused polled dropped"
    );
    assert_eq!(outcome(honest.panic(100)), "dropped panicked");
    assert_eq!(
        outcome(honest.panic_but_run(100)),
        "panicked polled dropped"
    );
    assert_eq!(outcome(honest.drop_at_once(100)), "dropped taken");
    assert_eq!(outcome(honest.inline(100)), "polled dropped taken");
}

// Testing-16
#[test]
fn the_same_seed_does_the_same() {
    let run = |seed: u64, mischief: Mischief| {
        let (spawner, trace) = (HostileSpawner::stepped(mischief, seed), Trace::new());
        for n in 0..20 {
            let (log, end) = (trace.clone(), trace.at_drop(format!("{n} dropped")));
            let job = async move {
                let _end = end;
                yields(n % 3).await;
                log.log(n);
            };
            let _ = catch_unwind(AssertUnwindSafe(|| spawner.spawn(Box::pin(job))));
        }
        spawner.run_until_idle();
        trace.take()
    };
    for mischief in [Mischief::mild(), Mischief::lossy()] {
        for seed in 0..50 {
            assert_eq!(run(seed, mischief), run(seed, mischief));
        }
        assert_ne!(run(1, mischief), run(2, mischief));
    }
    assert_eq!(run(1, Mischief::honest()), run(2, Mischief::honest()));
    assert_eq!(
        run(5, Mischief::mild()).len(),
        40,
        "a mild one loses nothing"
    );
}

// Testing-16
#[test]
fn it_polls_without_need_and_knows_itself_as_told() {
    let polls = Arc::new(AtomicUsize::new(0));
    let spawner = HostileSpawner::stepped(Mischief::honest().spurious(100).knows_itself(true), 0);
    let (count, inner) = (Arc::clone(&polls), spawner.clone());
    let job = std::future::poll_fn(move |_| {
        assert!(inner.is_current());
        count.fetch_add(1, Ordering::Relaxed);
        std::task::Poll::<()>::Pending
    });
    spawner.spawn(Box::pin(job)).unwrap();
    assert!((0..10).all(|_| spawner.step()));
    assert_eq!(polls.load(Ordering::Relaxed), 10);
    assert!(!spawner.is_current());
    let liar = HostileSpawner::stepped(Mischief::honest().lie(100), 0);
    assert!(liar.is_current() && !liar.should_yield());
    spawner.shut_down();
}

// Testing-16
#[test]
fn a_hostile_one_that_is_dropped_is_shut_down() {
    watched(module_path!(), || {
        let drops = Drops::new();
        let spawner = HostileSpawner::on_threads("dropped", 3, Mischief::honest(), 0);
        let (polled, held) = (Gate::new(), drops.witness());
        let told = polled.clone();
        let job = async move {
            let _held = held;
            told.open();
            pending().await
        };
        spawner.spawn(Box::pin(job)).unwrap();
        polled.block();
        for _ in 0..50 {
            // Its threads have nothing to do by now, and are woken for each.
            let (done, opens) = (Gate::new(), Gate::new());
            let (tells, waits) = (done.clone(), opens.clone());
            let job = async move {
                waits.wait().await;
                tells.open();
            };
            spawner.spawn(Box::pin(job)).unwrap();
            opens.open();
            done.block();
        }
        let group = GatherGroup::on(&spawner);
        group.spawn(pending::<()>());
        spawner.shut_down();
        spawner.join();
        assert!(drops.all());
        assert_eq!(
            spawner.spawn(Box::pin(async {})),
            Err(SpawnError::shut_down())
        );
        drop((group, spawner));

        let spawner = HostileSpawner::stepped(Mischief::honest(), 0);
        let held = drops.witness();
        let job = async move {
            let _held = held;
            pending().await
        };
        spawner.spawn(Box::pin(job)).unwrap();
        spawner.run_until_idle();
        drop(spawner);
        assert!(drops.all());
    });
}

// Testing-16
#[test]
fn mistakes_in_its_settings_are_told() {
    let honest = Mischief::honest();
    let text = panic_text(|| HostileSpawner::stepped(honest.refuse(60).drop_halfway(60), 0));
    assert_has(&text, &["120 per cent"]);
    let none = "a spawner that runs no job at a time runs none: say 1 or more";
    assert_eq!(
        panic_of(|| HostileSpawner::stepped_by(0, honest, 0)),
        Some(none)
    );
    assert_eq!(
        panic_of(|| HostileSpawner::on_threads("none", 0, honest, 0)),
        Some(none)
    );
    watched(module_path!(), || {
        let spawner = HostileSpawner::on_threads("self", 1, honest, 0);
        let (told, tells) = (Gate::new(), Trace::new());
        let (inner, done, log) = (spawner.clone(), told.clone(), tells.clone());
        let job = async move {
            log.log(panic_text(|| inner.join()));
            done.open();
        };
        spawner.spawn(Box::pin(job)).unwrap();
        told.block();
        assert_has(&tells.take()[0], &["cannot wait for itself"]);
        spawner.shut_down();
        spawner.join();
    });
}
