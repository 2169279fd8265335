//! `TestExecutor`: virtual time, and what holds it.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures::future::{Either, join_all, select};
use ingather::clock::{Clock, interval, now, sleep, sleep_until, timeout};
use ingather::testing::{TestExecutor, Trace, yields};
use ingather::{Spawner, scope};

use super::{assert_has, panic_text};
use crate::support::{ByHand, Gate, watched};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs a test that passes hours of virtual time, in a moment of real time.
fn in_no_time<R>(f: impl FnOnce() -> R) -> R {
    let before = Instant::now();
    let result = f();
    // Generous for a busy machine, and nothing to the hours.
    assert!(before.elapsed() < Duration::from_secs(10));
    result
}

/// Logs when it is due.
fn logs_after(trace: &Trace, hours: u32, name: &str) -> impl Future<Output = ()> + use<> {
    let (trace, name) = (trace.clone(), name.to_owned());
    async move {
        sleep(hours * HOUR).await;
        trace.log_at(name);
    }
}

// Testing-8
#[test]
fn ten_nested_timeouts_of_hours_take_no_time() {
    fn nest(depth: u32, trace: Trace) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            if depth == 0 {
                return pending().await;
            }
            let inner = nest(depth - 1, trace.clone());
            let in_time = timeout(depth * HOUR, inner).await.is_ok();
            let how = if in_time { "ended" } else { "timed out" };
            trace.log_at(format!("{depth}: {how}"));
            // Too long for the next one out, or not.
            sleep(if in_time { 3 * HOUR } else { HOUR / 2 }).await;
        })
    }
    for executor in [
        TestExecutor::new(),
        TestExecutor::lifo(),
        TestExecutor::seeded(7),
    ] {
        let trace = Trace::new();
        in_no_time(|| executor.block_on(nest(10, trace.clone())));
        let expected = (1..=10).map(|depth| match depth % 2 {
            1 => format!("{:?}: {depth}: timed out", depth * HOUR),
            _ => format!("{:?}: {depth}: ended", depth * HOUR - HOUR / 2),
        });
        trace.assert(expected);
        assert_eq!(executor.elapsed(), 12 * HOUR + HOUR / 2);
    }
}

// Testing-8
#[test]
fn sleepers_wake_in_the_order_of_their_instants() {
    let executor = TestExecutor::new();
    let trace = Trace::new();
    let log = trace.clone();
    in_no_time(|| {
        executor.block_on(scope(|tg| async move {
            for hours in [9, 3, 100_000, 3, 1] {
                tg.spawn(logs_after(&log, hours, "awake"));
            }
        }));
    });
    trace.assert([
        "3600s: awake",
        "10800s: awake",
        "10800s: awake",
        "32400s: awake",
        "360000000s: awake",
    ]);
}

// Testing-8
#[test]
fn those_of_one_instant_are_woken_in_the_order_of_setting() {
    let executor = TestExecutor::new();
    let trace = Trace::new();
    executor.block_on(async {
        let end = now() + HOUR;
        let sleepers = ["a", "b", "c"].map(|name| {
            let trace = trace.clone();
            async move {
                sleep_until(end).await;
                trace.log(name);
            }
        });
        scope(|tg| async move {
            for sleeper in sleepers {
                drop(tg.spawn(sleeper));
            }
        })
        .await;
    });
    trace.assert(["a", "b", "c"]);
}

// Testing-8
#[test]
fn the_clock_stands_still_while_something_is_ready() {
    let executor = TestExecutor::new();
    executor.block_on(async {
        let before = now();
        let busy = async {
            yields(1000).await;
            assert_eq!(now(), before);
            now()
        };
        let (slept, busy) = (pin!(sleep(HOUR)), pin!(busy));
        let Either::Right((at, sleep)) = select(slept, busy).await else {
            panic!("the clock has moved");
        };
        assert_eq!(at, before);
        sleep.await;
        assert_eq!(now() - before, HOUR);
    });
    assert_eq!(executor.now(), executor.clock().unwrap().now());
}

// Testing-8
#[test]
fn what_is_past_is_ready_and_what_never_comes_is_a_deadlock() {
    let executor = TestExecutor::new();
    executor.block_on(async {
        let clock = executor.clock().unwrap();
        clock.timer(now()).await;
        clock.timer(now() - Duration::from_nanos(1)).await;
        sleep(HOUR).await;
        clock.timer(now() - HOUR).await;
    });
    assert_eq!(executor.elapsed(), HOUR);
    let text = panic_text(|| executor.block_on(async { sleep(Duration::MAX).await }));
    assert_has(&text, &["deadlock"]);
    assert_eq!(executor.elapsed(), HOUR);
}

// Testing-8
#[test]
fn a_timer_that_is_dropped_leaves_the_clock() {
    let executor = TestExecutor::new();
    executor.block_on(async {
        let won = timeout(HOUR, async { 5 }).await;
        assert!(matches!(won, Ok(5)));
        let clock = executor.clock().unwrap();
        let mut timer = ByHand::new(clock.timer(now() + HOUR));
        assert!(timer.poll().is_pending() && timer.poll().is_pending());
        sleep(2 * HOUR).await;
        assert_eq!(timer.wakes(), 1);
        assert!(timer.poll().is_ready());
    });
    assert_eq!(
        executor.elapsed(),
        2 * HOUR,
        "the leak check finds no timer"
    );
}

// Testing-8
#[test]
fn intervals_and_drops_cost_no_time() {
    let executor = TestExecutor::new();
    in_no_time(|| {
        executor.block_on(async {
            let mut ticks = interval(HOUR);
            let start = ticks.tick().await;
            for _ in 0..1000 {
                ticks.tick().await;
            }
            assert_eq!(now() - start, 1000 * HOUR);
        });
    });
}

// Testing-9
#[test]
fn advancing_steps_through_the_timers_on_the_way() {
    let executor = TestExecutor::new();
    let trace = Trace::new();
    let steps = trace.clone();
    let job = async move {
        for _ in 0..5 {
            sleep(HOUR).await;
            steps.log_at("step");
        }
    };
    executor.spawn(Box::pin(job)).unwrap();
    executor.advance(Duration::ZERO);
    executor.advance(HOUR - Duration::from_nanos(1));
    trace.assert_empty();
    executor.advance(Duration::from_nanos(1));
    trace.assert(["3600s: step"]);
    executor.advance(2 * HOUR + HOUR / 2);
    trace.assert(["3600s: step", "7200s: step", "10800s: step"]);
    assert_eq!(executor.elapsed(), 3 * HOUR + HOUR / 2);
    assert_eq!(executor.jobs(), 1);
    executor.advance(1_000_000 * HOUR);
    assert_eq!((trace.take().len(), executor.jobs()), (5, 0));
    let text = panic_text(|| executor.advance(Duration::MAX));
    assert_has(&text, &["cannot go that far"]);
}

// Testing-9
#[test]
fn advancing_from_inside_is_refused() {
    let executor = TestExecutor::new();
    let text = panic_text(|| executor.block_on(async { executor.advance(HOUR) }));
    assert_has(&text, &["`advance`", "await `ingather::clock::sleep`"]);
    let inner = executor.clone();
    executor
        .spawn(Box::pin(async move { inner.advance(HOUR) }))
        .unwrap();
    assert_has(&panic_text(|| executor.step()), &["`advance`"]);
    // From inside another executor it is outside.
    TestExecutor::new().block_on(async { executor.advance(HOUR) });
    assert_eq!(executor.elapsed(), HOUR);
}

// Testing-9
#[test]
fn without_autojump_the_clock_moves_by_hand_only() {
    let executor = TestExecutor::new().with_autojump(false);
    let text = panic_text(|| executor.block_on(async { sleep(HOUR).await }));
    assert_has(
        &text,
        &["deadlock", "1 timer is set but the clock does not jump"],
    );
    assert_eq!(executor.elapsed(), Duration::ZERO);

    executor
        .spawn(Box::pin(async { sleep(HOUR).await }))
        .unwrap();
    executor.run_until_idle();
    assert_eq!(executor.elapsed(), Duration::ZERO);
    executor.advance(HOUR);
    assert_eq!(executor.jobs(), 0);
}

// Testing-10
#[test]
fn blocking_work_holds_the_clock() {
    watched(module_path!(), || {
        let executor = TestExecutor::new();
        let gate = Gate::new();
        let trace = Trace::new();
        executor.block_on(async {
            let blocks = gate.clone();
            let work = executor.blocking(move || {
                blocks.block();
                "done"
            });
            let opens = async {
                yields(50).await;
                gate.open();
            };
            let waits = async {
                assert_eq!(work.await, "done");
                trace.log_at("the work");
            };
            futures::join!(waits, opens, async {
                sleep(HOUR).await;
                trace.log_at("the timer");
            });
        });
        trace.assert(["0ns: the work", "3600s: the timer"]);
    });
}

// Testing-10
#[test]
fn a_panic_of_blocking_work_goes_on_where_it_is_awaited() {
    watched(module_path!(), || {
        let executor = TestExecutor::new();
        let text = panic_text(|| {
            executor.block_on(async { executor.blocking(|| panic!("in the thread")).await })
        });
        assert_eq!(text, "in the thread");
        let many = (0..20).map(|n| executor.blocking(move || n));
        let all = executor.block_on(join_all(many));
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    });
}

// Testing-10
#[test]
fn blocking_work_that_nobody_awaits_still_holds_the_clock() {
    watched(module_path!(), || {
        let executor = TestExecutor::new();
        let (gate, over) = (Gate::new(), Gate::new());
        executor.block_on(async {
            let (blocks, tells) = (gate.clone(), over.clone());
            drop(executor.blocking(move || {
                blocks.block();
                tells.open();
            }));
            gate.open();
            sleep(HOUR).await;
            assert!(over.is_open());
        });
    });
}

// Testing-10
#[test]
fn a_guard_holds_the_clock_for_a_thread() {
    watched(module_path!(), || {
        let executor = TestExecutor::new();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let (ask, asked) = std::sync::mpsc::channel::<()>();
        let hold = executor.hold_clock();
        let (parked, told) = (Arc::clone(&slot), Gate::new());
        let start = told.clone();
        let other = std::thread::spawn(move || {
            start.block();
            // By now the loop is parked, or about to be.
            drop(ask);
            let waker: Waker = parked.lock().unwrap().take().unwrap();
            waker.wake();
            drop(hold);
        });
        executor.block_on(async {
            let mut polls = 0;
            let waits = std::future::poll_fn(|cx| {
                polls += 1;
                *slot.lock().unwrap() = Some(cx.waker().clone());
                told.open();
                match asked.try_recv() {
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => std::task::Poll::Ready(()),
                    _ => std::task::Poll::Pending,
                }
            });
            let timer = sleep(HOUR);
            let (waits, timer) = (pin!(waits), pin!(timer));
            assert!(matches!(select(waits, timer).await, Either::Left(_)));
        });
        other.join().unwrap();
        assert_eq!(executor.elapsed(), Duration::ZERO);
    });
}

// Testing-10
#[test]
fn a_deadlock_is_reported_when_the_last_hold_goes() {
    watched(module_path!(), || {
        let executor = TestExecutor::new();
        let hold = executor.hold_clock();
        let other = std::thread::spawn(move || drop(hold));
        let text = panic_text(|| executor.block_on(pending::<()>()));
        assert_has(&text, &["deadlock"]);
        other.join().unwrap();
    });
}
