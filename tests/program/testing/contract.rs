//! The contract of spawners: each that the tests know keeps it, and those that do not are found.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use async_executor::{LocalExecutor, StaticExecutor};
use ingather::block_on;
use ingather::spawner::{
    FromSpawn, Job, LocalJob, SpawnError, SpawnerHandle, from_fn, local_from_fn,
};
use ingather::testing::{TestExecutor, local_spawner_contract, spawner_contract};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::support::{Site, behaviour};

behaviour!(each_spawner_keeps_the_contract);

// Testing-17
async fn each_spawner_keeps_the_contract(on: Site) {
    spawner_contract(&on.spawner).await;
}

fn found(contract: impl Future<Output = ()>) -> String {
    let found = || block_on(contract);
    let payload = catch_unwind(AssertUnwindSafe(found)).expect_err("it does not keep it");
    *payload.downcast::<String>().expect("a text")
}

// Testing-17
#[test]
fn a_spawner_that_refuses_jobs_is_found() {
    let refuses = from_fn(|_job: Job| Err(SpawnError::new("full")));
    let text = found(spawner_contract(&SpawnerHandle::new(refuses)));
    assert!(text.contains("did not run a job"), "{text}");
}

// Testing-17
#[test]
fn a_static_executor_and_functions_keep_the_contract() {
    static EXECUTOR: StaticExecutor = StaticExecutor::new();
    thread::spawn(|| futures::executor::block_on(EXECUTOR.run(pending::<()>())));
    block_on(spawner_contract(&&EXECUTOR));
    let threads = from_fn(|job: Job| {
        thread::spawn(|| futures::executor::block_on(job));
        Ok(())
    });
    block_on(spawner_contract(&SpawnerHandle::new(threads)));
}

// Testing-18
#[test]
fn a_local_executor_keeps_the_local_contract() {
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(local_spawner_contract(&executor)));
    let still = LocalExecutor::new().leak();
    block_on(still.run(local_spawner_contract(&still)));
}

// Testing-18
#[test]
fn a_local_set_keeps_the_local_contract() {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().build().expect("a runtime");
    let set = Rc::new(LocalSet::new());
    set.block_on(&runtime, local_spawner_contract(&set));
}

// Testing-18
#[test]
fn a_local_pool_keeps_the_local_contract() {
    let mut pool = futures::executor::LocalPool::new();
    let spawner = FromSpawn(pool.spawner());
    pool.run_until(local_spawner_contract(&spawner));
}

// Testing-18
#[test]
fn a_test_executor_keeps_the_local_contract() {
    let executor = TestExecutor::new();
    executor.block_on(local_spawner_contract(&executor));
}

// Testing-18
#[test]
fn a_local_spawner_that_refuses_jobs_is_found() {
    let refuses = local_from_fn(|_job: LocalJob| Err(SpawnError::new("full")));
    let text = found(local_spawner_contract(&refuses));
    assert!(text.contains("did not run a job"), "{text}");
}
