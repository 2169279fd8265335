//! Calls from sync code at random: nested, on every ground, with panics, time limits and cancels, while executors shut down.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ingather::bridge::{AsyncRunner, RunSync, RunSyncError, RunnerError};
use ingather::spawner::{Embedded, SpawnerHandle};
use ingather::sync::promise;
use ingather::tasks::TaskError;
use ingather::{TaskRegistry, create_task, run_sync, scope};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{Rng, boom, watched_for, yield_now, yields};

const THREADS: u64 = 64;
const ROUNDS: u64 = 1_024;
const DEPTH: usize = 10;
const LONG: Duration = Duration::from_secs(60);

/// What all rounds share.
struct World {
    many: Runtime,
    runner: AsyncRunner,
    /// Closed in the middle.
    doomed: AsyncRunner,
    /// A runtime that is shut down in the middle.
    dying: Mutex<Option<Runtime>>,
    dying_handle: Handle,
    begun: AtomicUsize,
    resolved: AtomicUsize,
}

impl World {
    fn new() -> Self {
        let runner = |name: &str| {
            AsyncRunner::builder()
                .name(name)
                .threads(2)
                .start()
                .unwrap()
        };
        let runtime = || {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(2).enable_all().build().unwrap()
        };
        let dying = runtime();
        Self {
            many: runtime(),
            runner: runner("lasting"),
            doomed: runner("doomed"),
            dying_handle: dying.handle().clone(),
            dying: Mutex::new(Some(dying)),
            begun: AtomicUsize::new(0),
            resolved: AtomicUsize::new(0),
        }
    }

    /// A call that has to be resolved, however that is.
    fn waits<R>(&self, call: impl FnOnce() -> R) -> R {
        self.begun.fetch_add(1, Relaxed);
        let result = catch_unwind(AssertUnwindSafe(call));
        self.resolved.fetch_add(1, Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// One step of a round: a call that waits, with another one inside.
fn step(world: &Arc<World>, rng: &mut Rng, depth: usize) {
    if depth == 0 {
        return world.waits(|| run_sync(yield_now()));
    }
    let mut inner = Rng::new(rng.next());
    let shared = Arc::clone(world);
    let mut further = move || step(&shared, &mut inner, depth - 1);
    match rng.below(11) {
        0 => world.waits(|| run_sync(async { further() })),
        1 => world.waits(|| {
            run_sync(scope(|tg| async move {
                let key = tg.spawn(async move { further() });
                key.await.unwrap();
            }));
        }),
        2 => world.waits(|| {
            // The time is over, or not.
            let limit = Duration::from_micros(rng.next() % 300);
            let run = RunSync::new().timeout(limit).run(async {
                further();
                ingather::clock::sleep(Duration::from_micros(100)).await;
            });
            assert!(matches!(run, Ok(()) | Err(RunSyncError::TimedOut)));
        }),
        3 => world.waits(|| {
            let panic = catch_unwind(AssertUnwindSafe(|| {
                run_sync(async {
                    further();
                    boom("at random")
                })
            }));
            assert!(panic.is_err());
        }),
        4 => world.waits(|| {
            world
                .runner
                .run(async move { further() })
                .unwrap_or_else(only_nested)
        }),
        5 => world.waits(|| {
            // It may be closed by now.
            let run = world.doomed.run(async move { further() });
            let refused = |error| match error {
                RunnerError::Closed(_) | RunnerError::Cancelled(_) | RunnerError::WouldBlock(_) => {
                }
                error => panic!("{error}"),
            };
            run.unwrap_or_else(refused);
        }),
        6 => world.waits(|| {
            let task = TaskRegistry::on(world.many.handle()).create_task(async move { further() });
            run_sync(task).unwrap();
        }),
        7 => world.waits(|| {
            let task = TaskRegistry::on(&Embedded).create_task(async move { further() });
            run_sync(task).unwrap();
        }),
        8 => world.waits(|| {
            // It may be shut down by now, or in the midst of it. Its workers are not blocked: nobody would stand in for them then.
            let task = TaskRegistry::on(&world.dying_handle).create_task(yields(5));
            let end = run_sync(task);
            assert!(matches!(end, Ok(()) | Err(TaskError::Cancelled(_))));
            further();
        }),
        9 => world.waits(|| {
            let task = create_task(pending::<()>());
            let cancels = thread::spawn({
                let token = task.token();
                move || token.cancel()
            });
            assert!(run_sync(task).unwrap_err().is_cancelled());
            cancels.join().unwrap();
            further();
        }),
        _ => world.waits(|| {
            let (tell, told) = promise();
            let sends = create_task(async move {
                yield_now().await;
                tell.set(7).unwrap();
            });
            assert_eq!(told.wait_blocking(), Ok(7));
            run_sync(sends).unwrap();
            further();
        }),
    }
}

/// Are there threads whose names begin so? Where the system does not tell, there are none.
fn has_threads(name: &str) -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.into_iter().any(|found| found.starts_with(name))
}

/// On the runner's own threads a call gives back what it was given, and nothing else is refused.
fn only_nested<F>(error: RunnerError<F>) {
    assert!(matches!(error, RunnerError::WouldBlock(_)), "{error}");
}

// Bridge-12, Bridge-13, Bridge-14, Bridge-15, Bridge-20, Bridge-21, Bridge-22
#[test]
fn whatever_calls_whatever_every_call_returns() {
    watched_for(600, "64 threads that call at random", || {
        let world = Arc::new(World::new());
        thread::scope(|threads| {
            for number in 0..THREADS {
                let world = &world;
                threads.spawn(move || {
                    for round in 0..ROUNDS / THREADS {
                        let mut rng = Rng::new(number * 1_000 + round);
                        let depth = 1 + rng.below(DEPTH);
                        step(world, &mut rng, depth);
                    }
                });
            }
            threads.spawn(|| {
                while world.begun.load(Relaxed) < 1_000 {
                    thread::yield_now();
                }
                // Its threads may be in calls that take longer: they end with these.
                let _ = world.doomed.close(Duration::from_millis(1));
                let dying = world.dying.lock().unwrap().take();
                dying.expect("nobody else takes it").shutdown_background();
            });
        });
        assert_eq!(world.begun.load(Relaxed), world.resolved.load(Relaxed));
        let report = world.runner.close(LONG);
        assert!(report.is_clean(), "{report}");
        while ["lasting", "doomed"].into_iter().any(has_threads) {
            thread::yield_now();
        }
        // The others are as fit as before.
        let handle = SpawnerHandle::new(world.many.handle().clone());
        assert_eq!(
            TaskRegistry::on(&handle)
                .create_task(async { 7 })
                .wait()
                .unwrap(),
            7
        );
    });
}
