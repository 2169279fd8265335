//! Children run at the same time where the spawner has the threads for it, whatever the owner is in the middle of.

use std::future::pending;
use std::thread;

use futures::channel::oneshot;
use futures::executor::block_on;
use ingather::spawner::SpawnerHandle;
use ingather::tasks::TaskRegistry;
use ingather::threads::CapacityLimiter;
use ingather::{GroupOptions, Scope, Spawner};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{Gate, PATIENCE, Site, behaviour, watched, yields};

behaviour!(
    two_children_run_at_the_same_time_in_each_of_ten_bursts,
    two_tasks_run_at_the_same_time_in_each_of_ten_bursts,
);

/// Two children that wait for each other within one poll. Each tells whether the other came.
fn pair() -> [impl Future<Output = bool> + Send + 'static; 2] {
    let gates = [Gate::new(), Gate::new()];
    [0, 1].map(|own| {
        let (here, there) = (gates[own].clone(), gates[1 - own].clone());
        async move {
            here.open();
            there.block_for(PATIENCE)
        }
    })
}

/// Ten pairs in one scope, and a pair in each of ten.
async fn bursts(spawner: SpawnerHandle) {
    ingather::on(&spawner)
        .scope(|tg| async move {
            for burst in 1..=10 {
                let met = pair().map(|child| tg.spawn(child));
                for key in met {
                    assert_eq!(key.await, Ok(true), "burst {burst} of one scope");
                }
            }
        })
        .await;
    for burst in 1..=10 {
        ingather::on(&spawner)
            .scope(|tg| async move {
                for key in pair().map(|child| tg.spawn(child)) {
                    assert_eq!(key.await, Ok(true), "scope {burst}");
                }
            })
            .await;
    }
}

// Executors-3
async fn two_children_run_at_the_same_time_in_each_of_ten_bursts(on: Site) {
    if on.spawner.parallelism().get() > 1 {
        bursts(on.spawner).await;
    }
}

/// Ten pairs in one registry, each after a task that was alone.
async fn bursts_of_tasks(spawner: SpawnerHandle) {
    let registry = TaskRegistry::on(&spawner);
    for burst in 1..=10 {
        assert!(registry.create_task(async {}).await.is_ok());
        for task in pair().map(|child| registry.create_task(child)) {
            assert!(matches!(task.await, Ok(true)), "burst {burst}");
        }
    }
}

// Executors-3
async fn two_tasks_run_at_the_same_time_in_each_of_ten_bursts(on: Site) {
    if on.spawner.parallelism().get() > 1 {
        bursts_of_tasks(on.spawner).await;
    }
}

fn workers(count: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count).build().unwrap()
}

// Executors-3: an executor of its own, in a task of tokio's, for the one task that it has created.
#[test]
fn who_blocks_its_thread_for_what_it_created_gets_it() {
    watched("who_blocks_its_thread", || {
        for waits_for_all in [false, true] {
            let runtime = workers(2);
            let registry = TaskRegistry::on(runtime.handle());
            let blocks = async move {
                assert!(registry.create_task(async {}).await.is_ok());
                yields(10).await;
                let alone = registry.create_task(async { 7 });
                if waits_for_all {
                    block_on(registry.wait_idle());
                }
                block_on(alone)
            };
            let seven = runtime.block_on(runtime.spawn(blocks)).unwrap();
            assert!(matches!(seven, Ok(7)));
        }
    });
}

/// Where a plain task of tokio's, or a body, has created a task while the driver was parked, and blocks its thread.
#[derive(Clone, Copy, Debug)]
enum Second {
    /// It has created a second one.
    Here,
    /// Another thread creates one.
    Elsewhere,
    /// It cancels a task that waits.
    Cancel,
}

/// Blocks this thread, and has the workers look for work meanwhile. That is done elsewhere: what is spawned here would push the
/// task out of this worker's slot that waits there.
fn blocks_for(gate: Gate) -> bool {
    let runtime = Handle::current();
    let waits = move || {
        let mut slices = 0..600;
        slices.any(|_| {
            drop(runtime.spawn(async {}));
            gate.block_for(PATIENCE / 600)
        })
    };
    thread::spawn(waits).join().expect("it waits")
}

/// What comes second does not wait until this returns.
async fn blocks_for_the_second(registry: TaskRegistry, second: Second) {
    assert!(registry.create_task(async {}).await.is_ok());
    let (first, last) = (Gate::new(), Gate::new());
    let (runs, over) = (first.clone(), last.clone());
    let waits = registry.create_task({
        let opens = last.opens_at_drop();
        async move {
            let _opens = opens;
            pending::<()>().await;
        }
    });
    yields(10).await;
    let alone = registry.create_task(async move { runs.open() });
    let next = {
        let registry = registry.clone();
        move || registry.create_task(async move { over.open() })
    };
    match second {
        Second::Here => drop(next()),
        Second::Elsewhere => thread::spawn(|| drop(next()))
            .join()
            .expect("it creates it"),
        Second::Cancel => waits.cancel_now(),
    }
    assert!(blocks_for(last), "{second:?}");
    if matches!(second, Second::Here) {
        assert!(blocks_for(first), "the first went along");
    }
    assert!(alone.await.is_ok());
}

// Executors-3
#[test]
fn who_comes_second_waits_for_nobody_who_created_the_first() {
    watched("who_comes_second", || {
        for second in [Second::Here, Second::Elsewhere, Second::Cancel] {
            for in_body in [false, true] {
                let runtime = workers(3);
                let registry = TaskRegistry::on(runtime.handle());
                let blocks = blocks_for_the_second(registry, second);
                let task = async move {
                    if in_body {
                        ingather::scope(|_: ingather::Scope| blocks).await;
                    } else {
                        blocks.await;
                    }
                };
                runtime.block_on(runtime.spawn(task)).unwrap();
            }
        }
    });
}

/// Two children in line start in one step, where one driver is parked, and each is woken once. The first call brings that driver to be
/// kept, the second another.
async fn two_start_at_once(options: GroupOptions, raises: impl FnOnce(&Scope<'static>)) {
    let group = options.group();
    let tg = group.handle();
    let child = || {
        let (begins, has_begun) = oneshot::channel();
        let (ends, is_over) = oneshot::channel();
        let key = tg.spawn(async move {
            begins.send(()).expect("it is waited for");
            is_over.await
        });
        (key, has_begun, ends)
    };
    let [(_, holds, ends), line @ ..] = [child(), child(), child()];
    holds.await.expect("it begins");
    yields(10).await;
    raises(&tg);
    for (key, has_begun, ends) in line {
        has_begun.await.expect("it begins");
        yields(10).await;
        ends.send(()).expect("it waits");
        assert_eq!(key.await, Ok(Ok(())));
    }
    ends.send(()).expect("it waits");
    group.join().await;
}

// Executors-3, Limits-13, Limits-11
#[test]
fn a_call_for_a_second_driver_does_not_lose_the_first() {
    watched("a_call_for_a_second_driver", || {
        for shares in [false, true] {
            let runtime = workers(2);
            let limiter = CapacityLimiter::new(1);
            let options = ingather::on(runtime.handle());
            let options = match shares {
                true => options.limiter(&limiter),
                false => options.limit(1),
            };
            let raises = move |tg: &Scope<'static>| match shares {
                true => limiter.set_total(3),
                false => tg.set_limit(3),
            };
            let task = two_start_at_once(options, raises);
            runtime.block_on(runtime.spawn(task)).unwrap();
        }
    });
}

// Executors-3
#[test]
fn two_children_of_a_task_of_tokio_run_at_the_same_time() {
    watched("two_children_of_a_task_of_tokio", || {
        let runtime = workers(2);
        let tasks = bursts_of_tasks(SpawnerHandle::new(runtime.handle().clone()));
        runtime.block_on(runtime.spawn(tasks)).unwrap();
        // Not as a job: what wakes the owner is tokio's own waker.
        let owner = bursts(SpawnerHandle::new(runtime.handle().clone()));
        runtime.block_on(runtime.spawn(owner)).unwrap();
    });
}
