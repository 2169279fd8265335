//! Timeouts and deadlines: what counts as in time, what is dropped when, and who cannot hold them off.

use std::future::{pending, poll_fn, ready};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::FutureExt;
use ingather::clock::{now, sleep, timeout_at};
use ingather::{Deadline, TimedOut, timeout};

use crate::support::{
    ByHand, Drops, Gate, Kind, MOMENT, SECOND, Site, Trace, behaviour, boom, panic_of, with_wound,
    yield_now,
};

behaviour!(
    what_is_ready_counts_although_the_time_is_over,
    a_timeout_drops_its_future_before_it_returns,
    a_panic_in_what_is_timed_out_goes_on_and_leaves_no_timer,
    a_scope_that_is_timed_out_drops_its_children,
    a_future_that_wakes_itself_for_ever_is_timed_out,
    of_nested_timeouts_the_earlier_counts,
    steps_share_one_deadline,
);

// Time-3
async fn what_is_ready_counts_although_the_time_is_over(on: Site) {
    ingather::on(&on.spawner)
        .scope(|_| async {
            assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
            let past = now() - SECOND;
            assert_eq!(timeout_at(past, async { 2 }).await, Ok(2));
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
            assert!(timeout_at(past, yield_now()).await.is_err());
        })
        .await;
    with_wound(on, |clock| async move {
        let gate = Gate::new();
        let mut timed = ByHand::new(timeout(SECOND, gate.wait()));
        assert!(timed.poll().is_pending());
        clock.wind(2 * SECOND);
        gate.open();
        assert_eq!(timed.poll(), Poll::Ready(Ok(())));
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Time-4
async fn a_timeout_drops_its_future_before_it_returns(on: Site) {
    let log = Trace::new();
    let trace = log.clone();
    ingather::on(&on.spawner)
        .scope(|_| async move {
            let held = trace.at_drop("dropped");
            let hangs = async move {
                let _held = held;
                pending::<()>().await;
            };
            // Held, so that it is not the drop of the timeout which drops the future.
            let mut timed = Box::pin(timeout(MOMENT, hangs));
            let deadline = timed.deadline();
            let error = timed.as_mut().await.unwrap_err();
            assert_eq!(error.deadline(), deadline);
            trace.log("timed out");
            let held = trace.at_drop("value's future dropped");
            let mut timed = Box::pin(timeout(
                MOMENT,
                poll_fn(move |_| {
                    let _held = &held;
                    Poll::Ready(())
                }),
            ));
            assert_eq!(timed.as_mut().await, Ok(()));
            trace.log("in time");
        })
        .await;
    let expected = ["dropped", "timed out", "value's future dropped", "in time"];
    assert_eq!(log.entries(), expected);
}

// Time-4
async fn a_panic_in_what_is_timed_out_goes_on_and_leaves_no_timer(on: Site) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            boom("in the drop");
        }
    }
    with_wound(on, |clock| async move {
        let mut timed = ByHand::new(timeout(SECOND, async {
            let _bomb = Bomb;
            pending::<()>().await;
        }));
        assert!(timed.poll().is_pending());
        clock.wind(SECOND);
        assert_eq!(panic_of(|| timed.poll()), Some("in the drop"));
        drop(timed);

        let panics = async { boom("in the poll") };
        let mut timed = ByHand::new(timeout(SECOND, panics.map(|()| ())));
        assert_eq!(panic_of(|| timed.poll()), Some("in the poll"));
        drop(timed);
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Time-4
async fn a_scope_that_is_timed_out_drops_its_children(on: Site) {
    let (spawner, drops) = (on.spawner.clone(), Drops::new());
    let held = drops.clone();
    with_wound(on, |clock| async move {
        let all = Gate::new();
        let open = all.clone();
        let hangs = ingather::on(&spawner).scope(|tg| async move {
            for number in 0..10 {
                let (held, open) = (held.witness(), open.clone());
                tg.spawn(async move {
                    let _held = held;
                    if number == 9 {
                        open.open();
                    }
                    pending::<()>().await;
                });
            }
        });
        let mut timed = ByHand::new(timeout(SECOND, hangs));
        while !all.is_open() {
            assert!(timed.poll().is_pending());
            yield_now().await;
        }
        clock.wind(SECOND);
        // Polled by hand: the timeout lives on, and it is not its drop which drops the scope.
        assert!(matches!(timed.poll(), Poll::Ready(Err(_))));
        while !drops.all() {
            yield_now().await;
        }
        assert_eq!(drops.count(), 10);
        drop(timed);
    })
    .await;
}

// Time-5
async fn a_future_that_wakes_itself_for_ever_is_timed_out(on: Site) {
    if on.kind == Kind::Test {
        return; // Its clock stands still while something is ready.
    }
    let busy = || {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
    };
    let ends = ingather::on(&on.spawner).scope(|tg| async move {
        let (one, two) = (tg.spawn(timeout(MOMENT, busy())), tg.spawn(sleep(MOMENT)));
        let body = timeout(MOMENT, busy()).await;
        (one.await.unwrap(), body, two.await)
    });
    assert!(matches!(ends.await, (Err(_), Err(_), Ok(()))));
}

// Time-4
async fn of_nested_timeouts_the_earlier_counts(on: Site) {
    with_wound(on, |clock| async move {
        for outer_is_near in [true, false] {
            let (near, far) = (Deadline::after(SECOND), Deadline::after(2 * SECOND));
            let (outer, inner) = if outer_is_near {
                (near, far)
            } else {
                (far, near)
            };
            assert_eq!(outer.min(inner), near);
            let mut nested = ByHand::new(outer.timeout(inner.timeout(pending::<()>())));
            assert!(nested.poll().is_pending());
            assert_eq!(clock.waiting(), 2);
            clock.wind(SECOND);
            let end = nested.poll().map(|end| match end {
                Ok(inner) => (false, inner.unwrap_err().deadline()),
                Err(outer) => (true, outer.deadline()),
            });
            assert_eq!(end, Poll::Ready((outer_is_near, near)));
            assert_eq!(clock.waiting(), 0);
        }
    })
    .await;
}

// Time-6
async fn steps_share_one_deadline(on: Site) {
    let order = |mut deadlines: Vec<Deadline>| {
        deadlines.sort();
        deadlines
    };
    let instant = Instant::now();
    let (early, late) = (Deadline::at(instant), Deadline::from(instant + SECOND));
    assert_eq!(
        order(vec![Deadline::NEVER, late, early]),
        [early, late, Deadline::NEVER]
    );
    assert_eq!(late.instant(), Some(instant + SECOND));
    assert_eq!(format!("{:?}", Deadline::NEVER), "Deadline(never)");

    let ends = Trace::new();
    let log = ends.clone();
    with_wound(on, |clock| async move {
        let deadline = Deadline::after(10 * SECOND);
        let mut steps = ByHand::new(async move {
            for step in 1.. {
                deadline.timeout(sleep(4 * SECOND)).await?;
                let left = deadline.remaining().expect("it is not never");
                log.log(format!("{step}: {left:?} left"));
            }
            Ok::<_, TimedOut>(())
        });
        let started = now();
        let end = loop {
            match steps.poll() {
                Poll::Ready(end) => break end,
                Poll::Pending => clock.wind(SECOND),
            }
        };
        assert_eq!(end.map_err(|error| error.deadline()), Err(deadline));
        assert_eq!(now() - started, 10 * SECOND);
        assert!(deadline.is_over() && !Deadline::NEVER.is_over());
        assert_eq!(clock.waiting(), 0);
    })
    .await;
    assert_eq!(ends.entries(), ["1: 6s left", "2: 2s left"]);
}
