//! A clock that is wound by hand, and spawners that go by it.

use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ingather::clock::{Clock, ClockHandle, Timer};
use ingather::spawner::{SpawnError, SpawnerHandle};
use ingather::{Job, Spawner};

use super::{Site, yield_now};

/// Stands still until it is wound. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct Wound(Arc<Mutex<State>>);

struct State {
    now: Instant,
    /// How many timers were made so far.
    made: u64,
    /// Those that wait, by number.
    waiting: BTreeMap<u64, (Instant, Waker)>,
}

impl Wound {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Instant::now(),
            made: 0,
            waiting: BTreeMap::new(),
        })))
    }

    /// Goes on by so much, and wakes the timers that it comes to, the earliest first.
    pub(crate) fn wind(&self, by: Duration) {
        let mut due: Vec<_> = {
            let mut state = self.0.lock().unwrap();
            state.now += by;
            let now = state.now;
            let (due, waiting) = mem::take(&mut state.waiting)
                .into_iter()
                .partition(|(_, (at, _))| *at <= now);
            state.waiting = waiting;
            due.into_values().collect()
        };
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// How many timers wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().unwrap().waiting.len()
    }

    /// How many timers were made so far.
    pub(crate) fn made(&self) -> u64 {
        self.0.lock().unwrap().made
    }

    /// Until so many timers wait.
    pub(crate) async fn until_waiting(&self, timers: usize) {
        while self.waiting() < timers {
            yield_now().await;
        }
    }

    /// The spawner, going by this clock.
    pub(crate) fn on(&self, spawner: &SpawnerHandle) -> SpawnerHandle {
        SpawnerHandle::new(ByClock {
            spawner: spawner.clone(),
            clock: ClockHandle::new(self.clone()),
        })
    }
}

impl Clock for Wound {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn timer(&self, at: Instant) -> Timer {
        let mut state = self.0.lock().unwrap();
        state.made += 1;
        Box::pin(WoundTimer {
            clock: self.clone(),
            number: state.made,
            at,
        })
    }
}

struct WoundTimer {
    clock: Wound,
    number: u64,
    at: Instant,
}

impl Future for WoundTimer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.0.lock().unwrap();
        if self.at <= state.now {
            return Poll::Ready(());
        }
        let waiting = (self.at, cx.waker().clone());
        let old = state.waiting.insert(self.number, waiting);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for WoundTimer {
    fn drop(&mut self) {
        let mut state = self.clock.0.lock().unwrap();
        let old = state.waiting.remove(&self.number);
        drop(state);
        drop(old);
    }
}

struct ByClock {
    spawner: SpawnerHandle,
    clock: ClockHandle,
}

impl Spawner for ByClock {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.spawner.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.spawner.parallelism()
    }

    fn is_current(&self) -> bool {
        self.spawner.is_current()
    }

    fn should_yield(&self) -> bool {
        self.spawner.should_yield()
    }

    fn may_block(&self) -> bool {
        self.spawner.may_block()
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(self.clock.clone())
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MOMENT: Duration = Duration::from_millis(2);
/// A grace that nobody sees the end of.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Runs a body where a clock that is wound by hand counts.
pub(crate) async fn with_wound<F>(
    on: Site,
    body: impl FnOnce(Wound) -> F + Send + 'static,
) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let clock = Wound::new();
    let spawner = clock.on(&on.spawner);
    ingather::on(&spawner).scope(|_tg| body(clock)).await
}
