//! compio.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use compio::runtime::Runtime;
use compio::runtime::time::sleep;
use ingather::clock::Clock;
use ingather::testing::local_spawner_contract;
use ingather::{LocalSpawner, block_on};
use ingather_adapters::compio::Compio;

use super::{clock_that_is_left, in_time, its_own_timer_keeps_a_deadline, local_scope_with_time};

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
fn its_clock_keeps_deadlines_in_each_runtime_of_a_thread() {
    in_time(|| {
        let [first, second] = [(); 2].map(|()| Runtime::new().expect("a runtime"));
        for runtime in [&first, &second, &first] {
            runtime.block_on(its_own_timer_keeps_a_deadline(&Compio));
        }
        // What a panic leaves behind is a runtime without tasks.
        let panics = AssertUnwindSafe(|| first.block_on(async { panic!("on purpose") }));
        assert!(catch_unwind(panics).is_err());
        first.block_on(its_own_timer_keeps_a_deadline(&Compio));
        drop(first);
        second.block_on(its_own_timer_keeps_a_deadline(&Compio));
    });
}

#[test]
fn timers_outlive_their_runtime() {
    in_time(|| {
        let runtime = Runtime::new().expect("a runtime");
        let (clock, left) = runtime.block_on(clock_that_is_left(&Compio));
        drop(runtime);
        block_on(left);
        block_on(clock.timer(clock.now() + Duration::from_millis(5)));
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(its_own_timer_keeps_a_deadline(&Compio));
    });
}

#[test]
fn outside_of_a_runtime_it_refuses() {
    assert!(Compio.spawn_local(Box::pin(async {})).is_err());
    assert!(Compio.clock().is_none());
}
