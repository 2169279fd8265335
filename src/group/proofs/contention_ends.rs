//! What becomes of children that are in the shards when their group is cancelled, dropped or over, or loses a driver.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::manual_spawner::{ManualSpawner, poll_once};
use crate::group::engine::core::Core;
use crate::group::shield;
use crate::group::{GatherGroup, GroupOptions, Scope};
use crate::park::park_until_ready;
use crate::spawner::Job;

/// Sleeps until it is told to be over, and counts its polls and its drop.
#[derive(Clone, Default)]
struct Sleeper(Arc<Seen>);

#[derive(Default)]
struct Seen {
    waker: Mutex<Option<Waker>>,
    polls: AtomicUsize,
    drops: AtomicUsize,
    may_end: AtomicUsize,
}

struct Sleep(Sleeper);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let seen = &self.0.0;
        seen.polls.fetch_add(1, SeqCst);
        if seen.may_end.load(SeqCst) == 1 {
            return Poll::Ready(());
        }
        *seen.waker.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.0.0.drops.fetch_add(1, SeqCst);
    }
}

impl Sleeper {
    fn waker(&self) -> Waker {
        self.0.waker.lock().unwrap().clone().unwrap()
    }

    /// Lets it end, and wakes it.
    fn wake(&self) {
        self.0.may_end.store(1, SeqCst);
        self.waker().wake();
    }

    fn seen(&self) -> (usize, usize) {
        (self.0.polls.load(SeqCst), self.0.drops.load(SeqCst))
    }
}

/// A group, its first driver, and children that sleep.
struct Bed {
    kept: ManualSpawner,
    core: Weak<Core>,
    handle: Scope<'static>,
    first: Job,
    second: Arc<Mutex<Option<Job>>>,
    sleepers: Vec<Sleeper>,
}

impl Bed {
    fn new(kept: &ManualSpawner, options: GroupOptions) -> (GatherGroup, Self) {
        let group = options.on(kept).group();
        let mut bed = Self {
            kept: kept.clone(),
            core: Arc::downgrade(group.core()),
            handle: group.handle(),
            first: Box::pin(pending()),
            second: Arc::default(),
            sleepers: (0..5).map(|_| Sleeper::default()).collect(),
        };
        for (n, sleeper) in bed.sleepers.iter().enumerate() {
            let sleep = Sleep(sleeper.clone());
            if n == 4 {
                drop(group.spawn(shield(sleep)));
            } else {
                drop(group.spawn(sleep));
            }
        }
        bed.first = kept.take();
        while bed.sleepers.iter().any(|sleeper| sleeper.seen().0 == 0) {
            poll(&mut bed.first);
        }
        poll(&mut bed.first);
        (group, bed)
    }

    /// Both drivers poll a child. `f` runs in the one that the second driver has, when the shards are open; `g` in that of the
    /// first driver afterwards.
    fn crowded(
        &mut self,
        f: impl FnOnce(&Scope<'static>) + Send + 'static,
        g: impl FnOnce(&Scope<'static>, &Mutex<Option<Job>>) + Send + 'static,
    ) {
        let (kept, second) = (self.kept.clone(), Arc::clone(&self.second));
        let (outer, inner) = (self.handle.clone(), self.handle.clone());
        drop(self.handle.spawn(async move {
            let mut job = kept.take();
            poll(&mut job);
            *second.lock().unwrap() = Some(job);
            g(&outer, &second);
        }));
        for _ in 0..11 {
            drop(self.handle.spawn(async {}));
        }
        drop(self.handle.spawn(async move {
            assert!(inner.core().read(|sched| sched.has_shards));
            f(&inner);
        }));
        for _ in 0..11 {
            drop(self.handle.spawn(async {}));
        }
        poll(&mut self.first);
    }

    /// Polls the drivers until both have nothing to do.
    fn run(&mut self) {
        for _ in 0..100 {
            poll(&mut self.first);
            if let Some(second) = &mut *self.second.lock().unwrap() {
                poll(second);
            }
        }
    }

    /// Nothing is left of a group that is over.
    fn leaves_nothing(self, group: Option<GatherGroup>) {
        let Self {
            kept,
            core,
            handle,
            first,
            second,
            sleepers,
        } = self;
        drop((group, handle));
        for sleeper in &sleepers {
            assert_eq!(sleeper.seen().1, 1);
            // One that comes late goes nowhere.
            sleeper.waker().wake();
        }
        assert!(kept.is_empty());
        let wakers: Vec<_> = sleepers.iter().map(Sleeper::waker).collect();
        drop((first, second, sleepers));
        assert!(core.upgrade().is_some(), "wakers keep it");
        drop(wakers);
        assert!(core.upgrade().is_none());
    }
}

/// Polls a job once, unless it is over.
fn poll(job: &mut Job) {
    if poll_once(job).is_ready() {
        *job = Box::pin(pending());
    }
}

fn wake_all(sleepers: &[Sleeper]) {
    sleepers.iter().for_each(Sleeper::wake);
}

#[test]
fn what_is_in_the_shards_is_dropped_by_a_cancel_and_not_polled() {
    let kept = ManualSpawner::new(2);
    let (group, mut bed) = Bed::new(&kept, GroupOptions::new());
    let sleepers = bed.sleepers.clone();
    bed.crowded(
        move |tg| {
            wake_all(&sleepers);
            tg.cancel();
            assert!(!tg.core().read(|sched| sched.has_shards));
        },
        |_, _| {},
    );
    bed.run();
    for (n, sleeper) in bed.sleepers.iter().enumerate() {
        // What a shield holds goes on.
        assert_eq!(sleeper.seen(), (if n == 4 { 2 } else { 1 }, 1), "{n}");
    }
    assert!(group.is_empty());
    park_until_ready(group.join());
    bed.leaves_nothing(Some(group));
}

#[test]
fn what_is_in_the_shards_goes_on_in_a_grace() {
    let kept = ManualSpawner::new(2);
    let options = GroupOptions::new().grace(Duration::from_secs(3600));
    let (group, mut bed) = Bed::new(&kept, options);
    let sleepers = bed.sleepers.clone();
    bed.crowded(
        move |tg| {
            wake_all(&sleepers[..3]);
            tg.cancel();
            wake_all(&sleepers[3..]);
        },
        |_, _| {},
    );
    bed.run();
    for sleeper in &bed.sleepers {
        assert_eq!(sleeper.seen(), (2, 1));
    }
    let tally = park_until_ready(group.join());
    assert_eq!(tally.cancelled, 0);
    bed.leaves_nothing(Some(group));
}

#[test]
fn what_is_in_the_shards_is_dropped_with_the_group() {
    let kept = ManualSpawner::new(2);
    let (group, mut bed) = Bed::new(&kept, GroupOptions::new());
    let sleepers = bed.sleepers.clone();
    bed.crowded(
        move |_| {
            wake_all(&sleepers);
            drop(group);
            for sleeper in &sleepers {
                assert_eq!(sleeper.seen(), (1, 1));
            }
        },
        |_, _| {},
    );
    bed.run();
    bed.leaves_nothing(None);
}

#[test]
fn the_loss_of_a_driver_calls_another_one_for_what_is_in_the_shards() {
    let mut kept = ManualSpawner::new(2);
    kept.is_hasty = true;
    let (group, mut bed) = Bed::new(&kept, GroupOptions::new());
    let sleepers = bed.sleepers.clone();
    let jobs = kept.clone();
    bed.crowded(
        |_| {},
        move |tg, second| {
            // It has given way, so nobody has to be called.
            wake_all(&sleepers);
            assert!(tg.core().read(|sched| sched.has_shards) && jobs.is_empty());
            *second.lock().unwrap() = None;
            let mut third = jobs.take();
            while sleepers.iter().any(|sleeper| sleeper.seen().1 == 0) {
                poll(&mut third);
            }
            *second.lock().unwrap() = Some(third);
        },
    );
    bed.run();
    assert!(group.is_empty());
    park_until_ready(group.join());
    // They come home.
    bed.run();
    bed.leaves_nothing(Some(group));
}

#[test]
fn nobody_is_called_for_what_is_left_in_the_shards_when_all_are_over() {
    let kept = ManualSpawner::new(2);
    let (group, mut bed) = Bed::new(&kept, GroupOptions::new());
    let sleepers = bed.sleepers.clone();
    bed.crowded(move |_| wake_all(&sleepers), |_, _| {});
    group.close();
    bed.run();
    assert!(group.is_empty() && !group.core().read(|sched| sched.has_shards));
    park_until_ready(group.join());
    bed.leaves_nothing(Some(group));
}
