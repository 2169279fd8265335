//! compio.

use compio::runtime::Runtime;
use compio::runtime::time::sleep;
use ingather::LocalSpawner;
use ingather::testing::local_spawner_contract;
use ingather_adapters::compio::Compio;

use super::{in_time, local_scope_with_time};

#[test]
fn it_keeps_the_contract() {
    in_time(|| {
        Runtime::new()
            .expect("a runtime")
            .block_on(local_spawner_contract(&Compio))
    });
}

#[test]
fn scopes_have_time() {
    in_time(|| {
        Runtime::new()
            .expect("a runtime")
            .block_on(local_scope_with_time(&Compio, sleep))
    });
}

#[test]
fn outside_of_a_runtime_it_refuses() {
    assert!(Compio.spawn_local(Box::pin(async {})).is_err());
}
