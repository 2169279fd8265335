//! Children that block their thread for each other: whoever polls them counts as staff no more, and another comes.

use std::sync::Arc;
use std::time::Duration;

use ingather::spawner::{Embedded, SpawnerHandle};
use ingather::sync::{Event, Queue};
use ingather::threads::BlockingPool;
use ingather::{GatherGroup, TaskRegistry, parallel, to_thread};
use tokio::runtime::{Builder, Runtime};

use crate::support::{HostileSpawner, Mischief, watched, yield_now};

fn tokio(workers: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).build().unwrap()
}

/// Every spawner on which a blocked thread is replaced, or that has threads to spare; with how many children may block.
fn each(test: impl Fn(&SpawnerHandle, usize)) {
    for workers in [1, 2] {
        let runtime = tokio(workers);
        let spawner = SpawnerHandle::new(runtime.handle().clone());
        watched(format!("tokio, {workers} workers"), || test(&spawner, 8));
    }
    watched("embedded", || test(&SpawnerHandle::new(Embedded), 8));
    let pool = BlockingPool::builder().threads(1).build();
    watched("a pool of one thread", || {
        test(&SpawnerHandle::new(pool), 8)
    });
    let threads = HostileSpawner::on_threads("spare", 10, Mischief::honest(), 1);
    watched("ten threads", || {
        test(&SpawnerHandle::new(threads.clone()), 8);
    });
    threads.shut_down();
    threads.join();
}

// Executors-13
#[test]
fn children_block_for_siblings() {
    each(|spawner, count| {
        for count in 1..=count {
            let group = GatherGroup::on(spawner);
            let events: Vec<_> = (0..count).map(|_| Arc::new(Event::new())).collect();
            // All that block come first, and nobody is left for the others.
            for event in &events {
                let event = Arc::clone(event);
                group.spawn(async move { event.wait_blocking() });
            }
            for event in events {
                group.spawn(async move { event.set() });
            }
            futures::executor::block_on(group.join());
        }
    });
}

// Executors-13
#[test]
fn a_child_that_blocks_holds_up_nobody_in_its_batch() {
    each(|spawner, _| {
        let group = GatherGroup::on(spawner);
        let gate = Arc::new(Event::new());
        for n in 0..200 {
            let gate = Arc::clone(&gate);
            group.spawn(async move {
                yield_now().await;
                match n {
                    40 => gate.wait_blocking(),
                    199 => gate.set(),
                    _ => yield_now().await,
                }
            });
        }
        futures::executor::block_on(group.join());
    });
}

// Executors-13
#[test]
fn a_body_that_blocks_holds_up_no_child() {
    each(|spawner, _| {
        let task = TaskRegistry::on(spawner).create_task({
            let spawner = spawner.clone();
            async move {
                ingather::on(&spawner)
                    .scope(|tg| async move {
                        let gate = Arc::new(Event::new());
                        let opens = Arc::clone(&gate);
                        tg.spawn(async move { opens.set() });
                        gate.wait_blocking();
                    })
                    .await;
            }
        });
        task.wait().unwrap();
    });
}

// Executors-13, Tasks-13
#[test]
fn tasks_wait_for_tasks_a_hundred_deep() {
    fn nest(registry: &TaskRegistry, depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        let inner = registry.clone();
        let task = registry.create_task(async move {
            yield_now().await;
            nest(&inner, depth - 1)
        });
        task.wait().unwrap() + 1
    }
    let runtime = tokio(1);
    let worker = SpawnerHandle::new(runtime.handle().clone());
    for spawner in [SpawnerHandle::new(Embedded), worker] {
        watched("a hundred tasks", || {
            assert_eq!(nest(&TaskRegistry::on(&spawner), 100), 100);
        });
    }
}

// Executors-13, Blocking-2
#[test]
fn blocking_scopes_within_children_wait_for_what_lies_outside() {
    each(|spawner, _| {
        let (go, done) = (Arc::new(Event::new()), Arc::new(Event::new()));
        let group = GatherGroup::on(spawner);
        let (inner, waits, tells) = (spawner.clone(), Arc::clone(&go), Arc::clone(&done));
        group.spawn(async move {
            parallel::on(&inner).scope(|tg| {
                let waits = &waits;
                tg.spawn(async move { waits.wait().await });
            });
            tells.set();
        });
        group.spawn(async move { go.set() });
        group.spawn(async move { done.wait_blocking() });
        futures::executor::block_on(group.join());
    });
}

// Executors-13
#[test]
fn threads_and_children_hand_on_through_queues() {
    each(|spawner, count| {
        // A chain of children, each of which blocks for what the one before sends.
        let group = GatherGroup::on(spawner);
        let first = Queue::<u32>::bounded(1);
        let mut last = first.clone();
        for _ in 0..count {
            let (from, to) = (last, Queue::bounded(1));
            last = to.clone();
            group.spawn(async move {
                for _ in 0..20 {
                    let n = from.get_blocking().unwrap();
                    to.put_blocking(n + 1).unwrap();
                }
            });
        }
        for n in 0..20 {
            first.put_blocking(n).unwrap();
            let got = last.get_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(got, n + u32::try_from(count).unwrap());
        }
        futures::executor::block_on(group.join());
    });
}

// Executors-13, Threads-12
#[test]
fn a_closure_on_a_thread_needs_nobody_to_stand_in() {
    each(|spawner, _| {
        let gate = Arc::new(Event::new());
        let group = GatherGroup::on(spawner);
        let waits = Arc::clone(&gate);
        group.spawn(to_thread(move || waits.wait_blocking()));
        group.spawn(async move { gate.set() });
        futures::executor::block_on(group.join());
    });
}
