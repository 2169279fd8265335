//! Capacity limiters: how many, in which order, and what becomes of those who stop waiting.

use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::threads::{CapacityLimiter, Permit};

use crate::support::{ByHand, Meter, Site, behaviour, panic_of, yield_now};

behaviour!(
    no_more_are_let_in_than_there_are_permits,
    the_total_can_be_changed_at_any_time,
    nobody_is_passed_by_a_newcomer,
    whoever_stops_waiting_leaves_the_line,
    permits_go_where_they_are_sent,
);

// Threads-1
async fn no_more_are_let_in_than_there_are_permits(on: Site) {
    for total in [1, 2, 32] {
        let (limiter, meter) = (CapacityLimiter::new(total), Meter::new());
        let (shared, inside) = (limiter.clone(), meter.clone());
        ingather::on(&on.spawner)
            .scope(|tg| async move {
                for _ in 0..100 {
                    let (limiter, meter) = (shared.clone(), inside.clone());
                    tg.spawn(async move {
                        let _permit = limiter.acquire().await;
                        let _inside = meter.enter();
                        yield_now().await;
                    });
                }
            })
            .await;
        assert_eq!(meter.entered(), 100);
        assert!(meter.highest() <= total, "{} of {total}", meter.highest());
        let after = limiter.statistics();
        assert_eq!((after.total, after.borrowed, after.waiting), (total, 0, 0));
    }
}

// Threads-1
async fn the_total_can_be_changed_at_any_time(_on: Site) {
    let nobody = CapacityLimiter::new(0);
    assert!(nobody.try_acquire().is_none());
    let mut waiting: Vec<_> = (0..4).map(|_| ByHand::new(nobody.acquire())).collect();
    assert!(waiting.iter_mut().all(|one| one.poll().is_pending()));
    nobody.set_total(3);
    let woken: Vec<_> = waiting.iter().map(ByHand::is_woken).collect();
    assert_eq!(woken, [true, true, true, false]);
    let mut permits: Vec<Permit> = waiting[..3].iter_mut().map(ready).collect();
    nobody.set_total(1);
    assert_eq!(nobody.statistics().borrowed, 3, "none is taken back");
    permits.truncate(1);
    assert!(waiting[3].poll().is_pending(), "one is held, of one");
    drop(permits);
    drop(ready(&mut waiting[3]));
    assert_eq!(nobody.statistics().borrowed, 0);
    nobody.set_total(0);
    assert!(nobody.try_acquire().is_none());
}

// Threads-2
async fn nobody_is_passed_by_a_newcomer(_on: Site) {
    let limiter = CapacityLimiter::new(1);
    let held = limiter.try_acquire();
    let mut task = ByHand::new(limiter.acquire());
    assert!(task.poll().is_pending());
    let thread = thread::spawn({
        let limiter = limiter.clone();
        move || drop(limiter.acquire_blocking())
    });
    while limiter.statistics().waiting < 2 {
        thread::yield_now();
    }
    let mut last = ByHand::new(limiter.acquire());
    assert!(last.poll().is_pending());
    drop(held);
    assert!(
        limiter.try_acquire().is_none(),
        "it is the task's, polled or not"
    );
    assert!(task.is_woken() && !last.is_woken());
    assert!(last.poll().is_pending());
    assert_eq!(limiter.statistics().waiting, 2);
    drop(ready(&mut task));
    thread.join().unwrap();
    drop(ready(&mut last));
}

// Threads-3
async fn whoever_stops_waiting_leaves_the_line(_on: Site) {
    let limiter = CapacityLimiter::new(1);
    for dropped_after in 0..3 {
        let held = limiter.try_acquire().unwrap();
        let mut first = ByHand::new(limiter.acquire());
        let mut second = ByHand::new(limiter.acquire());
        if dropped_after > 0 {
            assert!(first.poll().is_pending());
        }
        assert!(second.poll().is_pending());
        if dropped_after == 2 {
            // Its turn has come, and it does not know.
            drop(held);
            drop(first);
        } else {
            drop(first);
            drop(held);
        }
        assert!(second.is_woken(), "dropped after {dropped_after}");
        drop(ready(&mut second));
        assert_eq!(limiter.statistics().borrowed, 0);
    }
    let held = limiter.try_acquire();
    assert!(limiter.acquire_timeout(Duration::from_millis(1)).is_none());
    assert_eq!(limiter.statistics().waiting, 0);
    drop(held);
    assert!(limiter.acquire_timeout(Duration::MAX).is_some());
}

// Threads-1
async fn permits_go_where_they_are_sent(_on: Site) {
    let limiter = CapacityLimiter::new(1);
    let permit = limiter.acquire().await;
    let mut waits = ByHand::new(limiter.acquire());
    assert!(waits.poll().is_pending());
    thread::spawn(move || drop(permit)).join().unwrap();
    std::mem::forget(ready(&mut waits));
    assert_eq!(limiter.statistics().borrowed, 1, "it was forgotten");
    assert!(panic_text(&mut waits).contains("after it was ready"));
}

fn ready(waits: &mut ByHand<ingather::threads::Acquire>) -> Permit {
    match waits.poll() {
        Poll::Ready(permit) => permit,
        Poll::Pending => panic!("its turn has come"),
    }
}

fn panic_text(waits: &mut ByHand<ingather::threads::Acquire>) -> &'static str {
    panic_of(|| waits.poll().is_ready()).expect("it panics")
}
