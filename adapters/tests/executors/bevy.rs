//! bevy_tasks.

use std::sync::Arc;

use bevy_tasks::{TaskPool, TaskPoolBuilder, block_on};
use ingather::clock::sleep;
use ingather::testing::{local_spawner_contract, spawner_contract};
use ingather_adapters::bevy::Bevy;

use super::{in_time, local_scope_with_time, scope_with_time};

fn pool() -> Bevy<Arc<TaskPool>> {
    Bevy(Arc::new(TaskPoolBuilder::new().num_threads(2).build()))
}

#[test]
fn a_pool_keeps_the_contract() {
    in_time(|| {
        let pool = pool();
        block_on(spawner_contract(&pool));
        block_on(pool.0.spawn({
            let pool = pool.clone();
            async move { spawner_contract(&pool).await }
        }));
    });
}

#[test]
fn a_local_executor_keeps_the_contract() {
    in_time(|| {
        let pool = pool();
        let inside = local_spawner_contract(&pool);
        pool.0
            .with_local_executor(|executor| block_on(executor.run(inside)));
    });
}

// bevy_tasks has no timers: what waits goes by the system's clock.
#[test]
fn scopes_have_time() {
    in_time(|| {
        let pool = pool();
        block_on(scope_with_time(&pool, sleep));
        let inside = local_scope_with_time(&pool, sleep);
        pool.0
            .with_local_executor(|executor| block_on(executor.run(inside)));
    });
}
