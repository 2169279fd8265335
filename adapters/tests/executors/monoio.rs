//! monoio.

use ingather::testing::local_spawner_contract;
use ingather_adapters::monoio::Monoio;
use monoio::time::sleep;
use monoio::{FusionDriver, RuntimeBuilder};

use super::{in_time, its_own_timer_keeps_a_deadline, local_scope_with_time};

#[test]
fn it_keeps_the_contract() {
    in_time(|| run(local_spawner_contract(&Monoio)));
}

#[test]
fn scopes_have_time() {
    in_time(|| run(local_scope_with_time(&Monoio, sleep)));
}

#[test]
fn its_clock_keeps_deadlines_in_each_runtime_of_a_thread() {
    in_time(|| {
        for _ in 0..2 {
            run(its_own_timer_keeps_a_deadline(&Monoio));
        }
        let builder = || RuntimeBuilder::<FusionDriver>::new().enable_timer();
        let [mut first, mut second] = [(); 2].map(|()| builder().build().expect("a runtime"));
        first.block_on(its_own_timer_keeps_a_deadline(&Monoio));
        second.block_on(its_own_timer_keeps_a_deadline(&Monoio));
        first.block_on(its_own_timer_keeps_a_deadline(&Monoio));
    });
}

/// On io_uring where there is one, else on epoll.
fn run(future: impl Future<Output = ()>) {
    let runtime = RuntimeBuilder::<FusionDriver>::new().enable_timer();
    runtime.build().expect("a runtime").block_on(future);
}
