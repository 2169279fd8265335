//! monoio.

use ingather::testing::local_spawner_contract;
use ingather_adapters::monoio::Monoio;
use monoio::time::sleep;
use monoio::{FusionDriver, RuntimeBuilder};

use super::{in_time, local_scope_with_time};

#[test]
fn it_keeps_the_contract() {
    in_time(|| run(local_spawner_contract(&Monoio)));
}

#[test]
fn scopes_have_time() {
    in_time(|| run(local_scope_with_time(&Monoio, sleep)));
}

/// On io_uring where there is one, else on epoll.
fn run(future: impl Future<Output = ()>) {
    let runtime = RuntimeBuilder::<FusionDriver>::new().enable_timer();
    runtime.build().expect("a runtime").block_on(future);
}
