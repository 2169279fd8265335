//! The contract of spawners: each that the tests know keeps it, and those that do not are found.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ingather::spawner::{Job, SpawnError, SpawnerHandle, from_fn};
use ingather::testing::spawner_contract;

use crate::support::{Site, behaviour};

behaviour!(each_spawner_keeps_the_contract);

// Testing-17
async fn each_spawner_keeps_the_contract(on: Site) {
    spawner_contract(&on.spawner).await;
}

fn found(spawner: &SpawnerHandle) -> String {
    let found = || ingather::block_on(spawner_contract(spawner));
    let payload = catch_unwind(AssertUnwindSafe(found)).expect_err("it does not keep it");
    *payload.downcast::<String>().expect("a text")
}

// Testing-17
#[test]
fn a_spawner_that_refuses_jobs_is_found() {
    let refuses = from_fn(|_job: Job| Err(SpawnError::new("full")));
    let text = found(&SpawnerHandle::new(refuses));
    assert!(text.contains("did not run a job"), "{text}");
}
