//! glommio.

use glommio::LocalExecutorBuilder;
use glommio::timer::sleep;
use ingather::testing::local_spawner_contract;
use ingather_adapters::glommio::Glommio;

use super::{in_time, local_scope_with_time};

#[test]
fn it_keeps_the_contract() {
    in_time(|| run(local_spawner_contract(&Glommio)));
}

#[test]
fn scopes_have_time() {
    in_time(|| run(local_scope_with_time(&Glommio, sleep)));
}

/// With little memory: what io_uring locks counts against `ulimit -l`, and glommio asks for 10 MiB unless told otherwise.
fn run(future: impl Future<Output = ()>) {
    let executor = LocalExecutorBuilder::default()
        .io_memory(1 << 16)
        .ring_depth(64)
        .make();
    executor.expect("an executor").run(future);
}
