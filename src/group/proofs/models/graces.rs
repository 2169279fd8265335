//! A grace that a child has for itself: the alarm that ends it, against the end of the child, and against what ends or begins it else.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use loom::future::block_on;
use loom::thread;

use super::{ManualSpawner, Probe, leave, model_within};
use crate::clock::{Clock, ClockHandle, Timer};
use crate::group::{GatherGroup, GroupOptions, Key, with_cleanup};
use crate::spawner::{Job, SpawnError, Spawner};

/// Stands still. Its timers are ready once it has rung.
#[derive(Clone)]
struct Bell(Arc<Mutex<Rope>>);

struct Rope {
    now: Instant,
    rung: bool,
    timers: Vec<Waker>,
    made: usize,
}

impl Bell {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Rope {
            now: Instant::now(),
            rung: false,
            timers: Vec::new(),
            made: 0,
        })))
    }

    fn rings(&self) {
        let timers = {
            let mut rope = self.0.lock().unwrap();
            rope.rung = true;
            std::mem::take(&mut rope.timers)
        };
        timers.into_iter().for_each(Waker::wake);
    }

    fn made(&self) -> usize {
        self.0.lock().unwrap().made
    }
}

impl Clock for Bell {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn timer(&self, _at: Instant) -> Timer {
        let bell = self.clone();
        bell.0.lock().unwrap().made += 1;
        Box::pin(poll_fn(move |cx| {
            let mut rope = bell.0.lock().unwrap();
            if rope.rung {
                return Poll::Ready(());
            }
            rope.timers.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}

/// A spawner that goes by the bell.
struct ByBell(ManualSpawner, ClockHandle);

impl Spawner for ByBell {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job)
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(self.1.clone())
    }
}

/// A group without grace, closed, with one child that has its own and waits for so many marks.
struct Setting {
    bell: Bell,
    group: GatherGroup,
    probe: Probe,
    key: Key<u32>,
    driver: Job,
}

impl Setting {
    fn new(marks: usize) -> Self {
        let (kept, bell) = (ManualSpawner::new(1), Bell::new());
        let spawner = Arc::new(ByBell(kept.clone(), ClockHandle::new(bell.clone())));
        let group = GatherGroup::on(&spawner);
        let probe = Probe::default();
        let child = group.child().grace(Duration::from_secs(1));
        let key = child.spawn(probe.waits_for(marks));
        let driver = kept.take_parked();
        group.close();
        Self {
            bell,
            group,
            probe,
            key,
            driver,
        }
    }
}

/// The alarm and a wake, in this order or the other, against the poll that the wake brings: the last, or one in between.
fn the_alarm(marks: usize, wakes_first: bool) {
    let Setting {
        bell,
        group,
        probe,
        key,
        driver,
    } = Setting::new(marks);
    group.cancel();
    let (seen, waker) = (probe.clone(), probe.take_waker());
    let other = thread::spawn(move || {
        if wakes_first {
            seen.mark();
            waker.wake();
            bell.rings();
        } else {
            bell.rings();
            seen.mark();
            waker.wake();
        }
    });
    block_on(driver);
    assert_eq!(probe.dropped(), 1);
    match group.take_result(key) {
        Ok(value) => assert_eq!((value, marks), (7, 1)),
        Err(error) => assert!(error.reason().is_cancelled(), "{error:?}"),
    }
    other.join().unwrap();
    leave(&group);
}

#[test]
fn the_alarm_against_the_last_poll() {
    model_within(2, || the_alarm(1, true));
    model_within(2, || the_alarm(1, false));
}

#[test]
fn the_alarm_against_a_poll_in_between() {
    model_within(2, || the_alarm(2, true));
    model_within(2, || the_alarm(2, false));
}

/// What ends it, or begins it, on a thread of its own, against what this one does before it drives the group; nobody else ends the
/// child.
fn against(
    cancelled: bool,
    theirs: impl FnOnce(&Key<u32>, &Bell) + Send + 'static,
    ours: impl FnOnce(&GatherGroup, &Key<u32>, &Bell),
) {
    let Setting {
        bell,
        group,
        probe,
        key,
        driver,
    } = Setting::new(1);
    if cancelled {
        group.cancel();
    }
    let key = Arc::new(key);
    let other = {
        let (key, bell) = (Arc::clone(&key), bell.clone());
        thread::spawn(move || theirs(&key, &bell))
    };
    ours(&group, &key, &bell);
    block_on(driver);
    other.join().unwrap();
    assert_eq!((probe.dropped(), bell.made()), (1, 1));
    assert!(key.is_finished());
    leave(&group);
}

#[test]
fn the_alarm_against_a_cancel_now_of_the_group() {
    model_within(2, || {
        against(
            true,
            |_, bell| bell.rings(),
            |group, _, _| group.cancel_now(),
        );
    });
}

#[test]
fn the_alarm_against_a_cancel_now_of_the_child() {
    model_within(2, || {
        against(true, |_, bell| bell.rings(), |_, key, _| key.cancel_now());
    });
}

#[test]
fn a_cancel_of_the_group_against_one_of_the_child() {
    model_within(2, || {
        let ours = |group: &GatherGroup, _: &Key<u32>, bell: &Bell| {
            group.cancel();
            bell.rings();
        };
        against(false, |key, _| key.cancel(), ours);
    });
}

/// Wakes itself at each poll, and is never over.
struct Busy(Arc<AtomicUsize>);

impl Future for Busy {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.fetch_add(1, Relaxed);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_cancel_of_the_group_against_the_poll_of_a_cleanup_that_has_no_time() {
    model_within(2, || {
        let (kept, bell) = (ManualSpawner::new(1), Bell::new());
        let spawner = Arc::new(ByBell(kept.clone(), ClockHandle::new(bell)));
        let options = GroupOptions::new().grace(Duration::from_secs(1));
        let group = options.on(&spawner).group();
        let polls = Arc::new(AtomicUsize::new(0));
        let cleanup = Busy(Arc::clone(&polls));
        let child = group.child().grace(Duration::ZERO);
        drop(child.spawn(with_cleanup(pending::<()>(), || cleanup)));
        // Its first poll asks for the token, which is made for that, and turned if the group is cancelled by then.
        let driver = kept.take();
        group.close();
        let handle = group.handle();
        let cancels = thread::spawn(move || handle.cancel());
        block_on(driver);
        cancels.join().unwrap();
        assert!(polls.load(Relaxed) <= 1);
        leave(&group);
    });
}
