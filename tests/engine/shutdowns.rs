//! Executors that end before the group does: keys that are held elsewhere are resolved.

use std::future::pending;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};

use async_executor::{Executor, LocalExecutor};
use futures::executor::{LocalPool, ThreadPool, block_on};
use futures::task::LocalSpawnExt;
use ingather::cancel::CancelKind;
use ingather::spawner::{SpawnError, from_fn, local_from_fn};
use ingather::{GatherGroup, GatherIncomplete, Key, local};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::support::{Drops, Gate, HostileSpawner, Mischief, kind, watched, yields};

/// Children that are suspended, unpolled, and one that is over.
fn spawn_some(group: &GatherGroup, drops: &Drops, gate: &Gate) -> Vec<Key<()>> {
    let child = |n: usize| {
        let (held, open) = (drops.witness(), gate.clone());
        group.spawn(async move {
            let _held = held;
            yields(n).await;
            open.open();
            pending::<()>().await;
        })
    };
    (0..10).map(child).collect()
}

fn assert_abandoned(group: &GatherGroup, keys: Vec<Key<()>>, drops: &Drops) {
    for key in keys {
        match block_on(key) {
            Err(GatherIncomplete::Cancelled(reason)) => {
                assert_eq!(reason.kind(), CancelKind::Abandoned);
                assert!(reason.message().is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((drops.made(), drops.count()), (10, 10));
    assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Abandoned));
    assert_eq!(block_on(group.join()).cancelled, 10);
}

// Executors-1
#[test]
fn a_tokio_runtime_that_is_dropped_abandons_the_group() {
    watched("a_tokio_runtime_that_is_dropped", || {
        for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
            let runtime = builder.build().unwrap();
            let (drops, gate) = (Drops::new(), Gate::new());
            let group = GatherGroup::on(runtime.handle());
            let keys = spawn_some(&group, &drops, &gate);
            runtime.block_on(gate.wait());
            drop(runtime);
            assert_abandoned(&group, keys, &drops);
        }
    });
}

// Executors-1
#[test]
fn a_tokio_runtime_that_is_gone_before_the_first_child_abandons_the_group() {
    let runtime = Builder::new_multi_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let (drops, gate) = (Drops::new(), Gate::new());
    let group = GatherGroup::on(&handle);
    let key = group.spawn({
        let held = drops.witness();
        async move { drop(held) }
    });
    assert_eq!(kind(&key), Some(CancelKind::Abandoned));
    assert!(!gate.is_open() && drops.all());
}

// Executors-1
#[test]
fn an_async_executor_that_is_dropped_abandons_the_group() {
    watched("an_async_executor_that_is_dropped", || {
        let executor = Arc::new(Executor::<'static>::new());
        let weak = Arc::downgrade(&executor);
        let spawner = from_fn(move |job| {
            let executor: Arc<Executor<'static>> =
                Weak::upgrade(&weak).ok_or(SpawnError::shut_down())?;
            executor.spawn(job).detach();
            Ok(())
        });
        let group = GatherGroup::on(&Arc::new(spawner));
        let (drops, gate) = (Drops::new(), Gate::new());
        let keys = spawn_some(&group, &drops, &gate);
        block_on(executor.run(gate.wait()));
        drop(executor);
        assert_abandoned(&group, keys, &drops);
    });
}

// Executors-1
#[test]
fn a_pool_of_our_own_that_is_shut_down_abandons_the_group() {
    watched("a_pool_of_our_own_that_is_shut_down", || {
        for threads in [1, 10] {
            let pool = HostileSpawner::on_threads("own", threads, Mischief::honest(), 0);
            let group = GatherGroup::on(&pool);
            let (drops, gate) = (Drops::new(), Gate::new());
            let keys = spawn_some(&group, &drops, &gate);
            block_on(gate.wait());
            pool.shut_down();
            pool.join();
            assert_abandoned(&group, keys, &drops);
        }
    });
}

// Executors-1
#[test]
fn a_pool_that_is_shut_down_by_a_child_lets_that_poll_end() {
    watched("a_pool_that_is_shut_down_by_a_child", || {
        let pool = HostileSpawner::on_threads("own", 1, Mischief::honest(), 0);
        let group = GatherGroup::on(&pool);
        let inside = pool.clone();
        let key = group.spawn(async move {
            inside.shut_down();
            7
        });
        let other = group.spawn(pending::<()>());
        assert_eq!(block_on(key), Ok(7));
        assert!(block_on(other).is_err());
        pool.join();
        assert_eq!(pool.jobs(), 0);
    });
}

// Executors-1
#[test]
fn a_pool_of_futures_that_is_dropped_runs_what_it_has() {
    watched("a_pool_of_futures_that_is_dropped", || {
        let pool = ThreadPool::builder().pool_size(2).create().unwrap();
        let gate = Gate::new();
        let waits = gate.clone();
        let group = GatherGroup::on(&pool);
        let key = group.spawn(async move {
            waits.wait().await;
            7
        });
        drop(pool);
        gate.open();
        assert_eq!(block_on(key), Ok(7));
        assert_eq!(block_on(group.join()).ok, 1);
    });
}

fn spawn_local_some(group: &local::GatherGroup, drops: &Drops) -> Vec<Key<()>> {
    let child = |_| {
        let held = (drops.witness(), Rc::new(()));
        group.spawn(async move {
            let _held = held;
            pending::<()>().await;
        })
    };
    (0..3).map(child).collect()
}

fn assert_local_abandoned(group: &local::GatherGroup, keys: &[Key<()>], drops: &Drops) {
    assert_eq!(
        (drops.made(), drops.count(), drops.all_here()),
        (3, 3, true)
    );
    for key in keys {
        assert_eq!(kind(key), Some(CancelKind::Abandoned));
    }
    assert_eq!(kind(&group.spawn(async {})), Some(CancelKind::Abandoned));
}

// Executors-1
#[test]
fn a_local_executor_that_is_dropped_abandons_the_group() {
    for polled in [false, true] {
        let executor = Rc::new(LocalExecutor::<'static>::new());
        let weak = Rc::downgrade(&executor);
        let spawner = Rc::new(local_from_fn(move |job| {
            let executor = weak.upgrade().ok_or(SpawnError::shut_down())?;
            executor.spawn(job).detach();
            Ok(())
        }));
        let (group, drops) = (local::on(&spawner).group(), Drops::new());
        let keys = spawn_local_some(&group, &drops);
        assert!(!polled || executor.try_tick());
        drop(executor);
        assert_local_abandoned(&group, &keys, &drops);
    }
}

// Executors-1
#[test]
fn a_local_pool_that_is_dropped_abandons_the_group() {
    let mut pool = LocalPool::new();
    let handle = pool.spawner();
    let spawner = Rc::new(local_from_fn(move |job| {
        handle.spawn_local(job).map_err(|_| SpawnError::shut_down())
    }));
    let (group, drops) = (local::on(&spawner).group(), Drops::new());
    let keys = spawn_local_some(&group, &drops);
    pool.run_until_stalled();
    drop(pool);
    assert_local_abandoned(&group, &keys, &drops);
}

// Executors-1
#[test]
fn a_local_set_whose_tasks_are_dropped_abandons_the_group() {
    let set = Rc::new(LocalSet::new());
    let weak = Rc::downgrade(&set);
    let spawner = Rc::new(local_from_fn(move |job| {
        let set = weak.upgrade().ok_or(SpawnError::shut_down())?;
        drop(set.spawn_local(job));
        Ok(())
    }));
    let (group, drops) = (local::on(&spawner).group(), Drops::new());
    let keys = spawn_local_some(&group, &drops);
    drop(set);
    assert_local_abandoned(&group, &keys, &drops);
}

// Leaving-1
#[test]
fn an_executor_that_ran_a_scope_is_freed() {
    let executor = Arc::new(Executor::<'static>::new());
    let weak = Arc::downgrade(&executor);
    let scope = ingather::on(&executor).scope(|tg| async move { tg.spawn(yields(3)).await });
    assert_eq!(block_on(executor.run(scope)), Ok(()));
    drop(executor);
    assert_eq!(
        weak.strong_count(),
        0,
        "the job of a group that is over keeps its executor"
    );
}

// Executors-1
#[test]
fn a_scope_that_is_awaited_while_its_executor_ends_is_left() {
    watched("a_scope_that_is_awaited_while_its_executor_ends", || {
        let pool = HostileSpawner::on_threads("own", 2, Mischief::honest(), 0);
        let (tell, told) = channel();
        let inside = pool.clone();
        let thread = std::thread::spawn(move || {
            block_on(ingather::on(&inside).scope(|tg| async move {
                let key = tg.spawn(async move {
                    tell.send(()).unwrap();
                    pending::<()>().await;
                });
                key.await.unwrap_err()
            }))
        });
        told.recv().unwrap();
        pool.shut_down();
        let why = thread.join().unwrap();
        assert!(
            matches!(why, GatherIncomplete::Cancelled(why) if why.kind() == CancelKind::Abandoned)
        );
        pool.join();
    });
}
