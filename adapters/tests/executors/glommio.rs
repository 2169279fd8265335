//! glommio.

use glommio::LocalExecutorBuilder;
use glommio::timer::sleep;
use ingather::testing::local_spawner_contract;
use ingather_adapters::glommio::Glommio;

use super::{clock_that_is_left, in_time, its_own_timer_keeps_a_deadline, local_scope_with_time};

#[test]
fn it_keeps_the_contract() {
    in_time(|| run(local_spawner_contract(&Glommio)));
}

#[test]
fn scopes_have_time() {
    in_time(|| run(local_scope_with_time(&Glommio, sleep)));
}

#[test]
fn its_clock_keeps_deadlines_in_each_executor_of_a_thread() {
    in_time(|| {
        for _ in 0..2 {
            run(its_own_timer_keeps_a_deadline(&Glommio));
        }
    });
}

#[test]
fn what_is_left_of_an_executor_is_nothing_to_the_next() {
    in_time(|| {
        let left = run(clock_that_is_left(&Glommio));
        run(its_own_timer_keeps_a_deadline(&Glommio));
        drop(left);
        run(its_own_timer_keeps_a_deadline(&Glommio));
    });
}

/// With little memory: what io_uring locks counts against `ulimit -l`, and glommio asks for 10 MiB unless told otherwise.
fn run<T>(future: impl Future<Output = T>) -> T {
    let executor = LocalExecutorBuilder::default()
        .io_memory(1 << 16)
        .ring_depth(64)
        .make();
    executor.expect("an executor").run(future)
}
