//! Clocks made of timers that only one thread can poll: who wakes whom, what ends them, and what a driver leaves behind that goes.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use ingather::clock::{Clock, ClockHandle, Timer, driven, driven_by};
use ingather::spawner::{LocalJob, SpawnError};
use ingather::{LocalSpawner, block_on, local};

use crate::support::unhandled::{self, taken};
use crate::support::{
    ByHand, HOUR, MOMENT, SECOND, Site, Wound, behaviour, panic_text, unique, until, watched,
    with_wound, yields,
};

behaviour!(
    a_driver_on_a_spawner_keeps_the_timers_of_others,
    a_driver_ends_with_the_last_timer,
);

/// Sleeps by the clock that is wound by hand, and is not `Send`.
struct Sleeps(Timer, Rc<RefCell<Vec<Instant>>>);

impl Future for Sleeps {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let sleeps = self.1.borrow().len();
        self.0.as_mut().poll(cx).map(|()| sleeps)
    }
}

type Slept = Rc<RefCell<Vec<Instant>>>;

/// A clock that is driven by hand, and the instants up to which its driver has slept.
fn by_hand(clock: &Wound) -> (ClockHandle, ByHand<impl Future<Output = ()> + use<>>, Slept) {
    let (time, timers) = (clock.clone(), clock.clone());
    let slept = Rc::new(RefCell::new(Vec::new()));
    let sleeps = Rc::clone(&slept);
    let (clock, driver) = driven_by(
        move || time.now(),
        move |at| {
            sleeps.borrow_mut().push(at);
            Sleeps(timers.timer(at), Rc::clone(&sleeps))
        },
    );
    (clock, ByHand::new(driver), slept)
}

// Time-9
#[test]
fn one_sleep_is_there_for_the_earliest_of_the_timers() {
    let wound = Wound::new();
    let (clock, mut driver, slept) = by_hand(&wound);
    let start = clock.now();
    assert_eq!(start, wound.now());
    assert!(driver.poll().is_pending() && wound.waiting() == 0);

    let [mut late, mut early, mut later] =
        [2, 1, 3].map(|n| ByHand::new(clock.timer(start + n * SECOND)));
    assert!(late.poll().is_pending());
    assert_eq!(driver.wakes(), 1, "by the first");
    assert!(driver.poll().is_pending());
    assert!(early.poll().is_pending() && later.poll().is_pending());
    assert_eq!(
        driver.wakes(),
        2,
        "by an earlier one, and not by a later one"
    );
    assert!(driver.poll().is_pending());
    assert_eq!(wound.waiting(), 1);
    assert_eq!(*slept.borrow(), [start + 2 * SECOND, start + SECOND]);

    wound.wind(SECOND);
    assert_eq!((driver.wakes(), early.wakes()), (3, 0));
    assert!(driver.poll().is_pending());
    assert_eq!((early.wakes(), late.wakes(), later.wakes()), (1, 0, 0));
    assert!(early.poll().is_ready() && late.poll().is_pending());
    wound.wind(2 * SECOND);
    assert!(driver.poll().is_pending());
    assert_eq!((late.wakes(), later.wakes()), (1, 1));
    assert!(late.poll().is_ready() && later.poll().is_ready());
    assert_eq!(wound.waiting(), 0);
}

// Time-2, Time-7, Time-9
#[test]
fn instants_that_are_past_or_far_away() {
    let wound = Wound::new();
    let (clock, mut driver, slept) = by_hand(&wound);
    let start = clock.now();
    for past in [start, start - SECOND] {
        assert!(ByHand::new(clock.timer(past)).poll().is_ready());
    }
    let year = Duration::from_secs(365 * 24 * 3600);
    let mut far = ByHand::new(clock.timer(start + 3 * year));
    assert!(far.poll().is_pending() && driver.poll().is_pending());
    for _ in 0..3 {
        assert_eq!(far.wakes(), 0);
        wound.wind(year);
        assert!(driver.poll().is_pending());
    }
    assert_eq!(far.wakes(), 1);
    let ends: Vec<_> = (1..=3).map(|n| start + n * year).collect();
    assert_eq!(*slept.borrow(), ends);
    let furthest = clock.timer(start + Duration::from_secs(1 << 62));
    assert!(ByHand::new(furthest).poll().is_pending());
    assert!(driver.poll().is_pending());
}

// Time-7, Time-9
#[test]
fn a_timer_that_is_dropped_wakes_nobody_and_one_that_is_forgotten_does_no_harm() {
    let wound = Wound::new();
    let (clock, mut driver, _) = by_hand(&wound);
    let start = clock.now();
    let [mut dropped, mut forgotten, mut kept] =
        [1, 1, 1].map(|_| ByHand::new(clock.timer(start + SECOND)));
    assert!(dropped.poll().is_pending() && kept.poll().is_pending());
    assert!(forgotten.poll().is_pending());
    std::mem::forget(forgotten.into_inner());
    drop(dropped.into_inner());
    assert!(driver.poll().is_pending());
    wound.wind(SECOND);
    assert!(driver.poll().is_pending());
    assert_eq!(kept.wakes(), 1);
    assert!(kept.poll().is_ready());
}

// Time-9
#[test]
fn a_timer_wakes_the_task_that_polled_it_last() {
    let wound = Wound::new();
    let (clock, mut driver, _) = by_hand(&wound);
    let mut first = ByHand::new(clock.timer(clock.now() + SECOND));
    assert!(first.poll().is_pending() && driver.poll().is_pending());
    let wakes = first.wakes();
    let mut second = ByHand::new(first.into_inner());
    assert!(second.poll().is_pending());
    wound.wind(SECOND);
    assert!(driver.poll().is_pending());
    assert_eq!((wakes, second.wakes()), (0, 1));
}

// Time-9
#[test]
fn a_sleep_that_ends_early_is_begun_anew_and_the_driver_gives_way() {
    let wound = Wound::new();
    let time = wound.clone();
    let slept = Rc::new(RefCell::new(0_usize));
    let sleeps = Rc::clone(&slept);
    let (clock, driver) = driven_by(
        move || time.now(),
        move |_| {
            *sleeps.borrow_mut() += 1;
            std::future::ready(())
        },
    );
    let (mut driver, mut timer) = (
        ByHand::new(driver),
        ByHand::new(clock.timer(clock.now() + SECOND)),
    );
    assert!(timer.poll().is_pending() && driver.poll().is_pending());
    assert!((2..100).contains(&*slept.borrow()));
    assert_eq!((driver.wakes(), timer.wakes()), (1, 0));
    wound.wind(SECOND);
    assert!(driver.poll().is_pending());
    assert_eq!(timer.wakes(), 1);
}

// Time-9
async fn a_driver_ends_with_the_last_timer(on: Site) {
    with_wound(on, |wound| async move {
        let time = wound.clone();
        let (clock, driver) = driven_by(move || time.now(), move |at| wound.timer(at));
        let mut driver = ByHand::new(driver);
        assert!(driver.poll().is_pending());
        let (other, mut timer) = (
            clock.clone(),
            ByHand::new(clock.timer(clock.now() + SECOND)),
        );
        assert!(timer.poll().is_pending() && driver.poll().is_pending());
        drop(clock);
        let wakes = driver.wakes();
        drop(other);
        assert_eq!(driver.wakes(), wakes);
        assert!(driver.poll().is_pending(), "there is a timer");
        drop(timer);
        assert_eq!(driver.wakes(), wakes + 1);
        assert!(driver.poll().is_ready());
    })
    .await;
}

// Time-9
async fn a_driver_on_a_spawner_keeps_the_timers_of_others(on: Site) {
    let spawner = on.spawner.clone();
    with_wound(on, |wound| async move {
        let (time, timers) = (wound.clone(), wound.clone());
        let (clock, driver) = driven_by(move || time.now(), move |at| timers.timer(at));
        let scope = ingather::on(&spawner).scope(|tg| async move {
            let driven = tg.spawn(driver);
            let start = clock.now();
            let over = Arc::new(AtomicUsize::new(0));
            for n in 1..=10 {
                let (clock, over) = (clock.clone(), Arc::clone(&over));
                tg.spawn(async move {
                    clock.timer(start + n * SECOND).await;
                    over.fetch_add(1, SeqCst);
                });
            }
            drop(clock);
            for n in 1..=10 {
                wound.until_waiting(1).await;
                while over.load(SeqCst) < n {
                    // The driver may be on its way to an earlier one.
                    if wound.now() < start + u32::try_from(n).unwrap() * SECOND {
                        wound.wind(SECOND);
                    }
                    yields(1).await;
                }
                assert_eq!(over.load(SeqCst), n);
            }
            driven.await
        });
        assert_eq!(scope.await, Ok(()));
    })
    .await;
}

/// Does something at each wake.
struct Calls<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn calls(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls(f)))
}

fn poll_with(timer: &mut Timer, waker: &Waker) -> Poll<()> {
    timer.as_mut().poll(&mut Context::from_waker(waker))
}

// Time-9
#[test]
fn wakers_may_panic_and_set_and_drop_timers() {
    unhandled::collect();
    let text = unique("a waker of a driven clock");
    let wound = Wound::new();
    let (clock, mut driver, _) = by_hand(&wound);
    let start = clock.now();
    let thrown = text.clone();
    let mut panics = clock.timer(start + SECOND);
    let waker = calls(move || std::panic::resume_unwind(Box::new(thrown.clone())));
    assert!(poll_with(&mut panics, &waker).is_pending());

    // Drops one that is due with it, and one that is not, and sets an earlier one.
    let kept = Arc::new(Mutex::new(Vec::new()));
    let mut nested = clock.timer(start + SECOND);
    let waker = calls({
        let (kept, clock) = (Arc::clone(&kept), clock.clone());
        move || {
            let old = std::mem::take(&mut *kept.lock().unwrap());
            drop::<Vec<Timer>>(old);
            assert_eq!(clock.now(), start + SECOND);
            let mut timer = clock.timer(start + 2 * SECOND);
            assert!(poll_with(&mut timer, Waker::noop()).is_pending());
            kept.lock().unwrap().push(timer);
        }
    });
    assert!(poll_with(&mut nested, &waker).is_pending());
    for n in [1, 5] {
        let mut timer = clock.timer(start + n * SECOND);
        assert!(poll_with(&mut timer, Waker::noop()).is_pending());
        kept.lock().unwrap().push(timer);
    }
    assert!(driver.poll().is_pending());
    wound.wind(SECOND);
    assert!(driver.poll().is_pending());
    assert_eq!(taken(&text).len(), 1);
    assert_eq!(kept.lock().unwrap().len(), 1);
    // The one that was set inside is the one that is slept for.
    let mut set = ByHand::new(kept.lock().unwrap().pop().unwrap());
    assert!(set.poll().is_pending() && driver.poll().is_pending());
    wound.wind(SECOND);
    assert!(driver.poll().is_pending());
    assert_eq!(set.wakes(), 1);
}

// Time-2, Time-10
#[test]
fn a_driver_that_is_dropped_leaves_no_timer_waiting_for_ever() {
    watched(module_path!(), || {
        let (clock, driver) = driven(|_| pending::<()>());
        let end = Instant::now() + 5 * MOMENT;
        let timers = [1, 2, 3].map(|n| clock.timer(end + n * MOMENT));
        block_on(async {
            let mut timers: Vec<_> = timers.into_iter().map(ByHand::new).collect();
            assert!(timers.iter_mut().all(|timer| timer.poll().is_pending()));
            drop(driver);
            until(|| timers.iter().all(|timer| timer.wakes() == 1)).await;
            assert!(Instant::now() >= end + 3 * MOMENT, "and none is early");
            assert!(timers.iter_mut().all(|timer| timer.poll().is_ready()));
            // Those that are set afterwards, once the thread has nothing to do and after that.
            for _ in 0..3 {
                let end = Instant::now() + MOMENT;
                clock.timer(end).await;
                assert!(Instant::now() >= end);
            }
            // An earlier one after a later one.
            let mut late = ByHand::new(clock.timer(Instant::now() + HOUR));
            assert!(late.poll().is_pending());
            clock.timer(Instant::now() + MOMENT).await;
            assert_eq!(late.wakes(), 0);
        });
        // One that was never polled leaves as little.
        let (clock, driver) = driven(|_| pending::<()>());
        drop(driver);
        block_on(clock.timer(Instant::now() + MOMENT));
    });
}

// Time-10
#[test]
fn a_driver_whose_sleeps_panic_is_dropped_by_whoever_polls_it() {
    watched(module_path!(), || {
        let (clock, driver) = driven(|_| -> std::future::Ready<()> { panic!("no timers here") });
        let mut timer = ByHand::new(clock.timer(Instant::now() + MOMENT));
        assert!(timer.poll().is_pending());
        let polled =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ByHand::new(driver).poll()));
        assert_eq!(panic_text(polled.expect_err("it panics")), "no timers here");
        block_on(until(|| timer.wakes() == 1));
    });
}

/// A local spawner with a clock that is driven on it.
#[derive(Clone)]
struct Runtime {
    executor: Rc<LocalExecutor<'static>>,
    clock: ClockHandle,
}

impl LocalSpawner for Runtime {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.executor.spawn_local(job)
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(self.clock.clone())
    }
}

fn runtime() -> Runtime {
    let executor = Rc::new(LocalExecutor::new());
    let (clock, driver) = driven(|at: Instant| {
        let not_send = Rc::new(());
        async move {
            of_the_system(at).await;
            drop(not_send);
        }
    });
    executor.spawn(driver).detach();
    Runtime { executor, clock }
}

/// In place of a timer of the runtime.
fn of_the_system(at: Instant) -> Timer {
    ingather::clock::try_current_clock()
        .expect("the system's")
        .timer(at)
}

// Time-9
#[test]
fn a_thousand_timers_are_set_from_other_threads_while_the_driver_runs() {
    watched(module_path!(), || {
        let runtime = runtime();
        let woken = Arc::new(AtomicUsize::new(0));
        let clock = runtime.clock.clone();
        let threads: Vec<_> = (0..4_u32)
            .map(|thread| {
                let (clock, woken) = (clock.clone(), Arc::clone(&woken));
                thread::spawn(move || {
                    let mut kept = Vec::new();
                    for n in 0..250_u32 {
                        // Earlier and earlier ones, between others that are dropped again.
                        let time = Duration::from_micros(u64::from(20_000 - 60 * n + thread));
                        let at = Instant::now() + time;
                        let woken = Arc::clone(&woken);
                        let mut timer = clock.timer(at);
                        let waker = calls(move || {
                            assert!(Instant::now() >= at);
                            woken.fetch_add(1, SeqCst);
                        });
                        if poll_with(&mut timer, &waker).is_ready() {
                            waker.wake_by_ref();
                        }
                        kept.push(timer);
                        let mut dropped = clock.timer(at);
                        let _ = poll_with(&mut dropped, Waker::noop());
                    }
                    kept
                })
            })
            .collect();
        block_on(runtime.executor.run(until(|| woken.load(SeqCst) == 1000)));
        for thread in threads {
            assert_eq!(thread.join().unwrap().len(), 250);
        }
    });
}

// Time-9, Time-10
#[test]
fn two_runtimes_on_a_thread_have_a_clock_each() {
    watched(module_path!(), || {
        let mut clocks = Vec::new();
        for _ in 0..2 {
            let runtime = runtime();
            let cut = local::on(&runtime)
                .timeout(MOMENT)
                .scope_or_cut(|tg| async move {
                    tg.spawn(pending::<()>());
                });
            let cut = block_on(runtime.executor.run(cut));
            assert!(cut.unwrap_err().is_timeout());
            clocks.push(runtime.clock.clone());
        }
        // Both are gone by now.
        for clock in clocks {
            block_on(clock.timer(Instant::now() + MOMENT));
        }
    });
}

// Time-9
#[test]
fn a_deadline_of_a_driven_clock_is_kept_on_the_thread_of_its_driver() {
    watched(module_path!(), || {
        let runtime = runtime();
        let here = thread::current().id();
        let told = Arc::new(Mutex::new(None));
        let tells = Arc::clone(&told);
        let cut = local::on(&runtime)
            .timeout(MOMENT)
            .scope_or_cut(|tg| async move {
                let _told = tg.token().on_cancel(move |_| {
                    *tells.lock().unwrap() = Some(thread::current().id());
                });
                poll_fn(|_| Poll::<()>::Pending).await;
            });
        let cut = block_on(runtime.executor.run(cut));
        assert!(cut.unwrap_err().is_timeout());
        assert_eq!(*told.lock().unwrap(), Some(here));
    });
}
