//! `ByHand`, `CountingWaker`, `Trace`, the assertions and the futures that suspend.

use std::future::{pending, poll_fn, ready};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use ingather::clock::sleep;
use ingather::testing::{
    ByHand, CountingWaker, HostileSpawner, Mischief, TestExecutor, Trace, yield_now, yields,
};
use ingather::{GatherGroup, assert_pending, assert_ready};

use super::{assert_has, panic_text};
use crate::support::Gate;

// Testing-15
#[test]
fn a_future_is_polled_only_by_hand() {
    let gate = Gate::new();
    let trace = Trace::new();
    let (waits, log) = (gate.clone(), trace.clone());
    let mut future = ByHand::new(async move {
        let _end = log.at_drop("dropped");
        log.log("begun");
        waits.wait().await;
        yield_now().await;
        "value"
    });
    trace.assert_empty();
    assert_pending!(future.poll());
    assert!(!future.is_woken() && future.wakes() == 0);
    gate.open();
    assert!(future.is_woken() && future.wakes() == 1);
    trace.assert(["begun"]);
    assert_pending!(future.poll(), "it yields");
    assert!(future.is_woken(), "woken during its poll");
    assert_eq!(assert_ready!(future.poll(), "after {} polls", 3), "value");
    assert!(!future.is_woken());
    trace.assert(["begun", "dropped"]);
    assert_eq!(future.counter().count(), 2);
}

// Testing-15
#[test]
fn what_is_taken_out_goes_on_elsewhere() {
    let mut future = ByHand::new(yields(3));
    assert_pending!(future.poll());
    let counter = future.counter();
    let executor = TestExecutor::new();
    executor.block_on(future.into_inner());
    assert_eq!((executor.polls(), counter.count()), (3, 1));
    let mut stuck = ByHand::new(pending::<()>());
    assert_pending!(
        stuck
            .pinned()
            .as_mut()
            .poll(&mut std::task::Context::from_waker(Waker::noop()))
    );
}

// Testing-15
#[test]
fn what_is_ready_is_ready_in_a_turn_that_is_over() {
    let always_over = Mischief::honest().turn_over(100).knows_itself(true);
    let spawner = HostileSpawner::stepped(always_over, 0);
    let group = GatherGroup::on(&spawner);
    let key = group.spawn(async {
        let at_once = || sleep(Duration::ZERO);
        let by_hand = (0..100).filter(|_| ByHand::new(at_once()).poll().is_ready());
        let all = by_hand.count();
        let in_turn = (0..100).filter(|_| at_once().now_or_never().is_some());
        (all, in_turn.count() < 100)
    });
    spawner.run_until_idle();
    assert_eq!(group.take_result(key).unwrap(), (100, true));
}

// Testing-15
#[test]
fn wakes_are_counted_and_wakers_too() {
    let count = CountingWaker::new();
    assert_eq!((count.count(), count.held()), (0, 0));
    let wakers = [count.waker(), count.waker()];
    assert!(wakers[0].will_wake(&wakers[1]));
    assert_eq!(count.held(), 2);
    let [first, second] = wakers;
    first.wake();
    second.wake_by_ref();
    assert_eq!((count.held(), count.take(), count.count()), (1, 2, 0));
    let clone = count.clone();
    assert_eq!(count.held(), 1, "a clone is no waker");
    second.wake();
    assert_eq!(clone.count(), 1);
    assert_eq!(format!("{count:?}"), "CountingWaker(1)");
}

// Testing-15
#[test]
fn the_assertions_say_what_was() {
    let text = panic_text(|| assert_pending!(Poll::Ready(5)));
    assert_eq!(text, "it ought to be pending, and is ready with 5");
    let text = panic_text(|| assert_pending!(Poll::Ready(5), "after {}", "all"));
    assert_eq!(
        text,
        "it ought to be pending, and is ready with 5: after all"
    );
    let text = panic_text(|| assert_ready!(Poll::<()>::Pending));
    assert_eq!(text, "it ought to be ready, and is pending");
    let text = panic_text(|| assert_ready!(Poll::<()>::Pending, "after {}", 2));
    assert_eq!(text, "it ought to be ready, and is pending: after 2");
    assert_eq!(assert_ready!(ByHand::new(ready(1)).poll()), 1);
}

// Testing-15
#[test]
fn a_trace_that_differs_is_shown_on_both_sides() {
    let trace = Trace::new();
    for entry in ["one", "two", "four"] {
        trace.log(entry);
    }
    trace.assert(["one", "two", "four"]);
    let text = panic_text(|| trace.assert(["one", "three", "four", "five"]));
    assert_eq!(
        text,
        "the trace is another one\n    expected   was\n    one      | one\n  > three    | two\n    four     | four\n  > five     | -"
    );
    assert_has(&panic_text(|| trace.assert_empty()), &["> -        | one"]);
    assert_eq!(trace.sorted(), ["four", "one", "two"]);
    assert_eq!(trace.take().len(), 3);
    trace.assert_empty();
    assert_has(
        &panic_text(|| trace.log_at("x")),
        &["no test executor runs on this thread"],
    );
}

// Testing-15
#[test]
fn stamps_are_those_of_the_innermost_executor() {
    let trace = Trace::new();
    TestExecutor::new().block_on(async {
        sleep(Duration::from_secs(1)).await;
        TestExecutor::new().block_on(async {
            sleep(Duration::from_millis(2)).await;
            trace.log_at("inner");
        });
        trace.log_at("outer");
    });
    trace.assert(["2ms: inner", "1s: outer"]);
}

// Testing-15
#[test]
fn an_entry_may_log_while_it_is_printed() {
    struct Logs(Trace);
    impl std::fmt::Display for Logs {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.log("inner");
            f.write_str("outer")
        }
    }
    let trace = Trace::new();
    trace.log(Logs(trace.clone()));
    trace.assert(["inner", "outer"]);
}

// Testing-15
#[test]
fn debug_never_blocks() {
    let executor = TestExecutor::seeded(3);
    let (trace, hold) = (Trace::new(), executor.hold_clock());
    let text = format!(
        "{executor:?} {trace:?} {hold:?} {:?}",
        ByHand::new(poll_fn(|_| Poll::Ready(())))
    );
    assert_has(
        &text,
        &[
            "seed: 3",
            "jobs: 0",
            "elapsed: 0ns",
            "Trace([])",
            "ClockHold",
            "ByHand",
        ],
    );
}
