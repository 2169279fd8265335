//! Spawns, wakes, cancels, drops and panics at random, from several threads at once: every child is polled by one thread at a
//! time, is over once and is dropped once, and so is its value.
//!
//! `INGATHER_TEST_RUNS` says how many runs there are on each spawner, `INGATHER_TEST_SEED` with which seed they begin.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::FutureExt;
use futures::executor::block_on;
use ingather::spawner::SpawnerHandle;
use ingather::{GatherGroup, GroupOptions, Key, OnError, OnPanic, Scope};

use crate::support::spawners::{Host, Kind};
use crate::support::{Fault, HostileSpawner, Mischief, Rng, boom, unhandled, watched_for};

const RUNS: u64 = 300;
const THREADS: u64 = 3;
const STEPS: usize = 40;

/// What is known of all children of a run.
#[derive(Default)]
struct Book {
    pages: Mutex<Vec<Arc<Page>>>,
    /// From now on a child that is polled is over.
    last_call: AtomicBool,
    /// Children are many, sleep often, and wake each other.
    is_crowd: bool,
    faults: Mutex<Vec<String>>,
}

/// What is known of one child.
#[derive(Default)]
struct Page {
    busy: AtomicBool,
    polls: AtomicUsize,
    over: AtomicUsize,
    dropped: AtomicUsize,
    values: AtomicUsize,
    values_dropped: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Book {
    fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.faults.lock().unwrap().push(what.to_owned());
        }
    }

    fn page(&self, rng: &mut Rng) -> Option<Arc<Page>> {
        let pages = self.pages.lock().unwrap();
        (!pages.is_empty()).then(|| Arc::clone(&pages[rng.below(pages.len())]))
    }

    /// Wakes one of them, and may let go of its waker.
    fn wake_one(&self, rng: &mut Rng) {
        let Some(page) = self.page(rng) else {
            return;
        };
        // Cloned or taken: the last reference to a child may be dropped here. The lock goes first: a spawner may poll the child
        // inside of the wake.
        let waker = {
            let mut waker = page.waker.lock().unwrap();
            if rng.chance(50) {
                waker.clone()
            } else {
                waker.take_if(|_| page.over.load(SeqCst) > 0)
            }
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// A child that is not polled yet.
    fn child(self: &Arc<Self>, rng: &mut Rng) -> Child {
        let page = Arc::new(Page::default());
        self.pages.lock().unwrap().push(Arc::clone(&page));
        Child {
            book: Arc::clone(self),
            page,
            rng: Rng::new(rng.next()),
            polls: rng.below(if self.is_crowd { 12 } else { 4 }),
            seen: 0,
        }
    }
}

/// What a child gives.
struct Value(Arc<Page>);

impl Value {
    fn of(page: &Arc<Page>) -> Self {
        page.values.fetch_add(1, SeqCst);
        Self(Arc::clone(page))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.values_dropped.fetch_add(1, SeqCst);
    }
}

struct Child {
    book: Arc<Book>,
    page: Arc<Page>,
    rng: Rng,
    /// How many polls it takes, unless it is the last call.
    polls: usize,
    /// Not atomic: a second thread in here is one that a sanitizer sees.
    seen: usize,
}

impl Child {
    /// Somebody is in it until this is undone.
    fn enter(&self, what: &str) {
        let alone = !self.page.busy.swap(true, SeqCst);
        self.book.check(alone, what);
    }

    fn leave(&self) {
        self.page.busy.store(false, SeqCst);
    }
}

impl Future for Child {
    type Output = Result<Value, Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.enter("polled by two");
        let before = self.page.over.load(SeqCst) + self.page.dropped.load(SeqCst);
        self.book.check(before == 0, "polled after its end");
        self.seen += 1;
        let polls = self.page.polls.fetch_add(1, SeqCst) + 1;
        self.book.check(polls == self.seen, "a poll was not seen");
        // First the waker, then the look: whoever calls wakes all that may have looked too early.
        *self.page.waker.lock().unwrap() = Some(cx.waker().clone());
        let is_over = self.seen > self.polls || self.book.last_call.load(SeqCst);
        if !is_over {
            if self.rng.chance(40) {
                cx.waker().wake_by_ref();
            }
            thread::yield_now();
            self.leave();
            if self.book.is_crowd {
                let book = Arc::clone(&self.book);
                (0..2).for_each(|_| book.wake_one(&mut self.rng));
            }
            return Poll::Pending;
        }
        self.page.over.fetch_add(1, SeqCst);
        let fate = self.rng.below(20);
        self.leave();
        match fate {
            0 => boom("a child"),
            1 => Poll::Ready(Err(Fault("a child"))),
            _ => Poll::Ready(Ok(Value::of(&self.page))),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.enter("dropped while it was polled");
        let dropped = self.page.dropped.fetch_add(1, SeqCst);
        self.book.check(dropped == 0, "dropped twice");
        let polls = self.page.polls.load(SeqCst);
        self.book.check(polls == self.seen, "a poll was not seen");
        self.leave();
        if self.rng.chance(3) && !thread::panicking() {
            boom("a drop");
        }
    }
}

/// One of the threads: so many steps, each drawn.
fn act(book: &Arc<Book>, handle: &Scope<'static, Fault>, mut rng: Rng) {
    let mut keys: Vec<Key<Value>> = Vec::new();
    let steps = if book.is_crowd { 4 * STEPS } else { STEPS };
    for _ in 0..steps {
        match rng.below(10) {
            0..4 => keys.push(handle.try_spawn(book.child(&mut rng))),
            4..7 => book.wake_one(&mut rng),
            7 if !keys.is_empty() => keys[rng.below(keys.len())].cancel(),
            8 if !keys.is_empty() => drop(keys.swap_remove(rng.below(keys.len()))),
            9 if !keys.is_empty() => {
                let at = rng.below(keys.len());
                let polled = Pin::new(&mut keys[at]).poll(&mut Context::from_waker(Waker::noop()));
                if polled.is_ready() {
                    drop(keys.swap_remove(at));
                }
            }
            _ => thread::yield_now(),
        }
    }
    if rng.chance(10) {
        handle.cancel();
    }
}

fn run(seed: u64, spawner: &SpawnerHandle) {
    let mut rng = Rng::new(seed);
    let book = Arc::new(Book {
        is_crowd: rng.chance(30),
        ..Book::default()
    });
    let mut options = GroupOptions::new().on(spawner).on_panic(OnPanic::Collect);
    if rng.chance(70) {
        options = options.on_error(OnError::KeepGoing);
    }
    if rng.chance(30) {
        options = options.limit(1 + rng.below(if book.is_crowd { 40 } else { 4 }));
    }
    let group: GatherGroup<Fault> = options.fallible_group();
    let handle = group.handle();
    let leaves_early = rng.chance(30);
    let mut group = Some(group);
    thread::scope(|threads| {
        for _ in 0..THREADS {
            let (book, handle, rng) = (
                &book,
                group.as_ref().unwrap().handle(),
                Rng::new(rng.next()),
            );
            threads.spawn(move || act(book, &handle, rng));
        }
        if leaves_early {
            for _ in 0..rng.below(50) {
                thread::yield_now();
            }
            drop(group.take());
        }
    });
    book.last_call.store(true, SeqCst);
    let pages = book.pages.lock().unwrap().clone();
    for page in &pages {
        let waker = page.waker.lock().unwrap().clone();
        waker.into_iter().for_each(Waker::wake);
    }
    if let Some(group) = &group {
        let _ = block_on(AssertUnwindSafe(group.try_join()).catch_unwind());
    }
    // What was in its poll when the owner went is dropped by the one that polls it.
    while !handle.is_empty() {
        thread::yield_now();
    }
    let tally = handle.tally();
    let ended = tally.ok + tally.failed + tally.panicked + tally.cancelled;
    assert_eq!(tally.total(), ended, "seed {seed}");
    for page in &pages {
        drop(page.waker.lock().unwrap().take());
        let count = |of: &AtomicUsize| of.load(SeqCst);
        assert_eq!(count(&page.dropped), 1, "seed {seed}: drops");
        assert!(count(&page.over) <= 1, "seed {seed}: ends");
        assert!(!page.busy.load(SeqCst), "seed {seed}: still in a child");
        let values = (count(&page.values), count(&page.values_dropped));
        assert_eq!(values.0, values.1, "seed {seed}: values");
    }
    let faults = book.faults.lock().unwrap();
    assert!(faults.is_empty(), "seed {seed}: {faults:?}");
}

fn asked(name: &str, otherwise: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn runs(what: &str, mut on: impl FnMut(u64)) {
    unhandled::collect();
    let (first, runs) = (
        asked("INGATHER_TEST_SEED", 0),
        asked("INGATHER_TEST_RUNS", RUNS),
    );
    watched_for(60, format!("{what} from seed {first}"), || {
        (first..first + runs).for_each(&mut on);
    });
}

// Leaving-1, Dropping-3
#[test]
fn on_the_embedded_spawner() {
    let host = Host::start(Kind::Embedded);
    runs("stress on the embedded spawner", |seed| {
        run(seed, &host.spawner)
    });
}

// Leaving-1, Dropping-3
#[test]
fn on_tokio_with_several_threads() {
    let host = Host::start(Kind::TokioMany);
    runs("stress on tokio", |seed| run(seed, &host.spawner));
}

// Executors-1, Leaving-1, Dropping-3
#[test]
fn on_a_spawner_that_loses_jobs() {
    runs("stress on a lossy spawner", |seed| {
        let hostile = HostileSpawner::on_threads("stress", 4, Mischief::lossy(), seed);
        run(seed, &SpawnerHandle::new(hostile.clone()));
        hostile.shut_down();
        hostile.join();
    });
}
