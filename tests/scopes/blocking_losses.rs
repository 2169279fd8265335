//! Blocking scopes on spawners that refuse, drop, leak and delay jobs: the waiting thread sees to all children itself.

use std::mem::forget;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use ingather::spawner::{FromFn, SpawnError, from_fn};
use ingather::{Job, parallel};

use crate::support::{
    ByHand, Drops, Fault, Gate, HostileSpawner, Mischief, Rng, boom, unhandled,
    watchdog::watched_for, watched, yields,
};

/// Runs children on a spawner that runs none of its jobs, and says how many of them gave a value.
fn runs_here(spawn: impl Fn(Job) -> Result<(), SpawnError> + Send + Sync + Clone + 'static) {
    let spawner: FromFn<_> = from_fn(spawn);
    let (data, drops) = (vec![1, 2, 3, 4], Drops::new());
    let ran = Mutex::new(Vec::new());
    let sum = parallel::on(&spawner).scope(|tg| {
        let child = |n: &'_ _| {
            let (n, held, ran): (&i32, _, _) = (n, drops.witness(), &ran);
            let n = *n;
            tg.spawn(async move {
                let _held = held;
                yields(3).await;
                ran.lock().unwrap().push(thread::current().id());
                n
            })
        };
        let keys: Vec<_> = data.iter().map(child).collect();
        let mut sum = 0;
        for key in keys {
            sum += tg.wait(key).unwrap();
        }
        // And those that nobody waits for.
        drop(tg.spawn(async { ran.lock().unwrap().push(thread::current().id()) }));
        sum
    });
    assert_eq!((sum, drops.made(), drops.count()), (10, 4, 4));
    let ran = ran.into_inner().unwrap();
    assert_eq!(ran, [thread::current().id(); 5]);
}

// Blocking-2
#[test]
fn a_spawner_that_leaks_its_jobs_holds_nothing_up() {
    watched("a_spawner_that_leaks", || {
        runs_here(|job| {
            forget(job);
            Ok(())
        });
    });
}

// Blocking-2
#[test]
fn a_spawner_that_drops_its_jobs_holds_nothing_up() {
    watched("a_spawner_that_drops", || {
        runs_here(|job| {
            drop(job);
            Ok(())
        });
    });
}

// Blocking-2
#[test]
fn a_spawner_that_refuses_jobs_holds_nothing_up() {
    watched("a_spawner_that_refuses", || {
        runs_here(|_| Err(SpawnError::new("refused")));
    });
}

// Blocking-2
#[test]
fn a_spawner_that_panics_holds_nothing_up() {
    watched("a_spawner_that_panics", || {
        runs_here(|_| boom("in spawn"));
    });
}

// Blocking-1, Blocking-2
#[test]
fn a_job_that_comes_late_finds_nothing_to_do() {
    static JOBS: Mutex<Vec<Job>> = Mutex::new(Vec::new());
    watched("a_job_that_comes_late", || {
        runs_here(|job| {
            JOBS.lock().unwrap().push(job);
            Ok(())
        });
        let jobs = std::mem::take(&mut *JOBS.lock().unwrap());
        assert!(!jobs.is_empty());
        for job in jobs {
            assert!(ByHand::new(job).poll().is_ready());
        }
    });
}

// Blocking-1, Blocking-2
#[test]
fn over_a_lossy_spawner_all_are_over_and_every_child_has_an_end() {
    const RUNS: u64 = 2_000;
    unhandled::collect();
    watched_for(120, "over_a_lossy_spawner", || {
        for seed in 0..RUNS {
            let mut rng = Rng::new(seed);
            let pool =
                HostileSpawner::on_threads("lossy", 1 + rng.below(3), Mischief::lossy(), seed);
            let drops = Drops::new();
            let (data, ran) = (vec![seed; 8], AtomicUsize::new(0));
            let children: Vec<_> = (0..rng.below(12))
                .map(|_| (rng.below(6), rng.chance(30), rng.chance(4)))
                .collect();
            let (waits, cancels, fails) = (rng.chance(50), rng.chance(10), rng.chance(10));
            let result = parallel::on(&pool).try_scope(|tg| {
                let mut keys = Vec::new();
                for (polls, spawns, fails) in children {
                    let (held, own) = (drops.witness(), tg.clone());
                    let (data, ran, drops) = (&data, &ran, &drops);
                    keys.push(tg.try_spawn(async move {
                        let _held = held;
                        for read in &data[..polls] {
                            assert_eq!(*read, seed);
                            yields(1).await;
                        }
                        if spawns {
                            let held = drops.witness();
                            drop(own.spawn(async move {
                                let _held = held;
                                yields(2).await;
                                assert_eq!(data[0], seed);
                            }));
                        }
                        ran.fetch_add(1, SeqCst);
                        if fails {
                            return Err(Fault("a child"));
                        }
                        Ok(&data[7])
                    }));
                }
                if cancels {
                    tg.cancel();
                }
                let mut values = 0;
                for key in keys {
                    if waits {
                        values += usize::from(tg.wait(key).is_ok_and(|value| *value == seed));
                    }
                }
                if fails {
                    return Err(Fault("the body"));
                }
                Ok(values)
            });
            assert!(
                drops.all(),
                "seed {seed}: {} of {}",
                drops.count(),
                drops.made()
            );
            if let Ok(values) = result {
                assert!(!fails && values <= ran.load(SeqCst), "seed {seed}");
            }
            drop(data);
            pool.shut_down();
            pool.join();
            assert!(drops.all(), "seed {seed}");
        }
    });
}

// Blocking-1, Panics-1
#[test]
fn over_a_lossy_spawner_a_panic_goes_on_when_all_are_over() {
    unhandled::collect();
    watched_for(60, "a panic over a lossy spawner", || {
        for seed in 0..500 {
            let pool = HostileSpawner::on_threads("lossy", 2, Mischief::lossy(), seed);
            let (drops, text) = (Drops::new(), String::from("text"));
            let panics = std::panic::AssertUnwindSafe(|| {
                parallel::on(&pool).scope(|tg| {
                    for number in 0..6 {
                        let (held, text) = (drops.witness(), &text);
                        drop(tg.spawn(async move {
                            let _held = held;
                            yields(number).await;
                            if number == 3 {
                                boom("in a child");
                            }
                            Gate::new().wait().await;
                            text.len()
                        }));
                    }
                    yields(1)
                })
            });
            let result = std::panic::catch_unwind(panics);
            assert!(drops.all(), "seed {seed}");
            assert!(result.is_err(), "seed {seed}");
            drop(text);
            pool.shut_down();
            pool.join();
        }
    });
}
