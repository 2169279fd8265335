//! What waits by a clock: by which clock it goes, when it ends, and what it leaves behind; sleeps and intervals.

use std::future::pending;
use std::task::Context;
use std::time::Duration;

use futures::future::{Either, FutureExt, select};
use futures::stream::StreamExt;
use ingather::clock::{Clock, interval, interval_at, now, sleep, sleep_until, timeout_at};
use ingather::{Deadline, inline, timeout};

use crate::support::{
    AtOnce, ByHand, CountingWaker, Gate, MOMENT, SECOND, Site, Wound, behaviour, with_wound,
};

behaviour!(
    the_clock_of_the_spawner_counts_in_body_and_children,
    the_clock_is_settled_where_a_sleep_is_made,
    nothing_ends_early,
    what_is_zero_or_past_is_ready_at_once_without_a_timer,
    what_is_too_long_for_an_instant_never_comes,
    an_enormous_sleep_keeps_no_other_from_ending,
    a_sleep_that_is_reset_ends_at_its_new_end,
    what_is_dropped_lets_go_of_the_clock,
    a_timer_wakes_the_task_that_polled_it_last,
    an_interval_ticks_at_multiples_of_its_period,
    an_interval_skips_what_it_missed,
    an_interval_of_a_millisecond_goes_on,
);

// Time-1
async fn the_clock_of_the_spawner_counts_in_body_and_children(on: Site) {
    let clock = Wound::new();
    let start = clock.now();
    let inner = clock.clone();
    let waited = ingather::on(&clock.on(&on.spawner))
        .scope(|tg| async move {
            assert_eq!(now(), start);
            let child = tg.spawn(async {
                let before = now();
                sleep(3600 * SECOND).await;
                now() - before
            });
            // An inline scope leaves the current spawner as it is, and with it the clock.
            assert_eq!(inline::scope(|_| async { now() }).await, start);
            inner.until_waiting(1).await;
            inner.wind(3600 * SECOND);
            child.await
        })
        .await;
    assert_eq!(waited, Ok(3600 * SECOND));
}

// Time-1
async fn the_clock_is_settled_where_a_sleep_is_made(on: Site) {
    let (clock, other) = (Wound::new(), Wound::new());
    let made = ingather::on(&clock.on(&on.spawner))
        .scope(|_| async { (sleep(SECOND), timeout(SECOND, pending::<()>())) });
    let (slept, timed) = made.await;
    let inner = clock.clone();
    ingather::on(&other.on(&on.spawner))
        .scope(|_| async move {
            let (mut slept, mut timed) = (ByHand::new(slept), ByHand::new(timed));
            assert!(slept.poll().is_pending() && timed.poll().is_pending());
            assert_eq!((inner.waiting(), other.made()), (2, 0));
            other.wind(2 * SECOND);
            assert!(slept.poll().is_pending() && timed.poll().is_pending());
            inner.wind(SECOND);
            assert_eq!((slept.wakes(), timed.wakes()), (1, 1));
            assert!(slept.poll().is_ready() && timed.poll().is_ready());
        })
        .await;
}

// Time-2
async fn nothing_ends_early(on: Site) {
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            for _ in 0..4 {
                tg.spawn(async {
                    let before = now();
                    sleep(MOMENT).await;
                    assert!(now() - before >= MOMENT);
                    let deadline = Deadline::after(MOMENT);
                    timeout_at(deadline, pending::<()>()).await.unwrap_err();
                    assert!(deadline.is_over());
                });
            }
        })
        .await;
    with_wound(on, |clock| async move {
        let mut slept = ByHand::new(sleep(SECOND));
        assert!(slept.poll().is_pending());
        clock.wind(SECOND - Duration::from_nanos(1));
        assert!(slept.poll().is_pending());
        assert_eq!(slept.wakes(), 0);
        clock.wind(Duration::from_nanos(1));
        assert_eq!(slept.wakes(), 1);
        assert!(slept.poll().is_ready());
        assert!(slept.poll().is_ready(), "once over, it stays so");
    })
    .await;
}

// Time-2
async fn what_is_zero_or_past_is_ready_at_once_without_a_timer(on: Site) {
    let real = ingather::on(&on.spawner).scope(|tg| async move {
        tg.spawn(async {
            let past = now() - MOMENT;
            let ends = [sleep(Duration::ZERO), sleep_until(past), sleep_until(now())];
            ends.map(|end| end.at_once())
        })
        .await
    });
    assert_eq!(real.await, Ok([Some(()); 3]));
    with_wound(on, |clock| async move {
        let now = now();
        assert_eq!(sleep(Duration::ZERO).at_once(), Some(()));
        assert_eq!(sleep_until(now).at_once(), Some(()));
        assert_eq!(Deadline::at(now - SECOND).sleep().at_once(), Some(()));
        let timed = timeout_at(now - SECOND, pending::<()>()).at_once();
        assert!(timed.unwrap().is_err());
        let mut ticks = interval_at(now - SECOND, 3 * SECOND);
        assert_eq!(ticks.tick().at_once(), Some(now - SECOND));
        // The end came between the making and the first poll.
        let late = sleep(SECOND);
        clock.wind(SECOND);
        assert_eq!(late.at_once(), Some(()));
        assert_eq!(clock.made(), 0);
        assert_eq!(Deadline::at(now).remaining(), Some(Duration::ZERO));
        assert!(Deadline::at(now).is_over() && Deadline::after(Duration::ZERO).is_over());
    })
    .await;
}

// Time-2
async fn what_is_too_long_for_an_instant_never_comes(on: Site) {
    with_wound(on, |clock| async move {
        let mut slept = ByHand::new(sleep(Duration::MAX));
        let mut timed = ByHand::new(timeout(Duration::MAX, pending::<()>()));
        let mut never = ByHand::new(Deadline::NEVER.timeout(pending::<()>()));
        let mut ticks = interval(Duration::MAX);
        assert!(ticks.tick().at_once().is_some(), "the first, at once");
        for _ in 0..2 {
            assert!(slept.poll().is_pending());
            assert!(timed.poll().is_pending() && never.poll().is_pending());
            assert!(ticks.tick().at_once().is_none());
            clock.wind(3600 * SECOND);
        }
        assert_eq!(clock.made(), 0);
        assert_eq!(slept.into_inner().deadline(), Deadline::NEVER);
        assert!(Deadline::after(Duration::MAX).is_never() && !Deadline::NEVER.is_over());
        assert_eq!(Deadline::NEVER.remaining(), None);
    })
    .await;
}

// Time-2
async fn an_enormous_sleep_keeps_no_other_from_ending(on: Site) {
    let first = ingather::on(&on.spawner).scope(|tg| async move {
        // An instant that there is, if only just.
        let enormous = || sleep(Duration::from_secs(1 << 62));
        assert!(!enormous().deadline().is_never());
        let held = tg.spawn(enormous());
        let child = tg.spawn(async move {
            for _ in 0..3 {
                let (short, long) = (sleep(MOMENT), enormous());
                let end = select(short, long).await;
                assert!(matches!(end, Either::Left(_)));
            }
        });
        let ended = child.await;
        assert!(!held.is_finished());
        tg.cancel();
        ended
    });
    assert_eq!(first.await, Ok(()));
}

// Time-2
async fn a_sleep_that_is_reset_ends_at_its_new_end(on: Site) {
    with_wound(on, |clock| async move {
        let start = now();
        let count = CountingWaker::new();
        let waker = count.waker();
        let mut cx = Context::from_waker(&waker);
        let mut slept = sleep(10 * SECOND);
        assert!(slept.poll_unpin(&mut cx).is_pending());
        slept.reset(start + 20 * SECOND);
        assert_eq!(clock.waiting(), 0, "the timer of the old end");
        assert!(slept.poll_unpin(&mut cx).is_pending());
        clock.wind(10 * SECOND);
        assert!(slept.poll_unpin(&mut cx).is_pending());
        assert_eq!(count.count(), 0);
        slept.reset(start + 5 * SECOND);
        assert!(slept.poll_unpin(&mut cx).is_ready());
        // Over, and set again.
        slept.reset(start + 11 * SECOND);
        assert!(slept.poll_unpin(&mut cx).is_pending());
        clock.wind(SECOND);
        assert_eq!(count.count(), 1);
        assert!(slept.poll_unpin(&mut cx).is_ready());
        slept.reset(Deadline::NEVER);
        assert!(slept.poll_unpin(&mut cx).is_pending());
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Time-7
async fn what_is_dropped_lets_go_of_the_clock(on: Site) {
    with_wound(on, |clock| async move {
        let mut ticks = interval_at(now() + SECOND, SECOND);
        let mut slept = ByHand::new(sleep(SECOND));
        let mut timed = ByHand::new(timeout(SECOND, pending::<()>()));
        let mut tick = ByHand::new(ticks.tick());
        assert!(slept.poll().is_pending() && timed.poll().is_pending());
        assert!(tick.poll().is_pending());
        assert_eq!(clock.waiting(), 3);
        let counts = [slept.counter(), timed.counter(), tick.counter()];
        drop((slept, timed, tick));
        drop(ticks);
        assert_eq!(clock.waiting(), 0);
        clock.wind(2 * SECOND);
        assert_eq!(counts.map(|count| count.count()), [0; 3]);

        // What was in time has no use for its timer, although the timeout itself is still there.
        let gate = Gate::new();
        let mut timed = ByHand::new(timeout(SECOND, gate.wait()));
        assert!(timed.poll().is_pending());
        gate.open();
        assert!(timed.poll().is_ready());
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Time-2
async fn a_timer_wakes_the_task_that_polled_it_last(on: Site) {
    with_wound(on, |clock| async move {
        let [first, last] = [CountingWaker::new(), CountingWaker::new()];
        let mut slept = sleep(SECOND);
        for waker in [first.waker(), last.waker()] {
            let mut cx = Context::from_waker(&waker);
            assert!(slept.poll_unpin(&mut cx).is_pending());
        }
        assert_eq!(clock.made(), 1);
        clock.wind(SECOND);
        assert_eq!((first.count(), last.count()), (0, 1));
    })
    .await;
}

// Time-8
async fn an_interval_ticks_at_multiples_of_its_period(on: Site) {
    with_wound(on, |clock| async move {
        let start = now();
        let mut ticks = interval(10 * SECOND);
        assert_eq!(ticks.period(), 10 * SECOND);
        assert_eq!(ticks.tick().at_once(), Some(start), "at once");
        for number in 1..4 {
            assert_eq!(ticks.tick().at_once(), None);
            // Late, but before the next.
            clock.wind(9 * SECOND);
            assert_eq!(ticks.tick().at_once(), None, "a dropped tick");
            clock.wind(SECOND);
            let due = start + number * 10 * SECOND;
            assert_eq!(ticks.next().at_once(), Some(Some(due)));
        }
        clock.wind(17 * SECOND);
        assert_eq!(ticks.tick().at_once(), Some(start + 40 * SECOND));
        assert_eq!(ticks.tick().at_once(), None);
        clock.wind(3 * SECOND);
        assert_eq!(ticks.tick().at_once(), Some(start + 50 * SECOND));

        let mut later = interval_at(now() + SECOND, SECOND);
        assert_eq!(later.tick().at_once(), None);
        clock.wind(SECOND);
        assert_eq!(later.tick().at_once(), Some(now()));
    })
    .await;
    let zero = panic_text(|| drop(interval(Duration::ZERO)));
    assert_eq!(zero, "the period of an interval must not be zero");
}

/// The text of an ordinary panic.
fn panic_text(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = std::panic::catch_unwind(f).unwrap_err();
    let text = payload.downcast::<&'static str>();
    text.map_or_else(|_| String::new(), |text| (*text).to_owned())
}

// Time-8
async fn an_interval_skips_what_it_missed(on: Site) {
    with_wound(on, |clock| async move {
        let start = now();
        let at = |seconds| Some(start + seconds * SECOND);
        let mut ticks = interval(10 * SECOND);
        assert_eq!(ticks.tick().at_once(), at(0));
        clock.wind(35 * SECOND);
        assert_eq!(ticks.tick().at_once(), at(10), "one of the missed");
        assert_eq!(ticks.tick().at_once(), None);
        clock.wind(5 * SECOND);
        assert_eq!(ticks.tick().at_once(), at(40), "in step again");
    })
    .await;
}

// Time-8
async fn an_interval_of_a_millisecond_goes_on(on: Site) {
    let period = Duration::from_millis(1);
    let due = ingather::on(&on.spawner)
        .scope(|_| async move {
            let ticks = interval(period).take(4);
            let ticks = ticks.inspect(|due| assert!(*due <= now()));
            ticks.collect::<Vec<_>>().await
        })
        .await;
    assert_eq!(due.len(), 4);
    for pair in due.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart >= period, "{apart:?}");
        assert_eq!(apart.as_nanos() % period.as_nanos(), 0, "{apart:?}");
    }
}
