//! What tests record and assert: who dropped what where, and how many are under way at once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

/// Counts witnesses, and remembers on which threads they were dropped. Clones are the same record.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<Mutex<Dropped>>);

#[derive(Default)]
struct Dropped {
    made: usize,
    threads: Vec<ThreadId>,
}

impl Drops {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Something whose drop is recorded.
    pub(crate) fn witness(&self) -> Witness {
        self.0.lock().unwrap().made += 1;
        Witness(self.clone())
    }

    pub(crate) fn made(&self) -> usize {
        self.0.lock().unwrap().made
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().threads.len()
    }

    /// Has every witness been dropped?
    pub(crate) fn all(&self) -> bool {
        let state = self.0.lock().unwrap();
        state.made == state.threads.len()
    }

    /// The threads of the drops, in their order.
    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().threads.clone()
    }

    /// Were all that were dropped so far dropped on this thread?
    pub(crate) fn all_here(&self) -> bool {
        let here = thread::current().id();
        self.threads().iter().all(|thread| *thread == here)
    }
}

/// Made by `Drops::witness`.
pub(crate) struct Witness(Drops);

impl Drop for Witness {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap();
        state.threads.push(thread::current().id());
    }
}

/// Measures how many are under way at once. Clones are the same meter.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Reading>>);

#[derive(Default)]
struct Reading {
    now: usize,
    highest: usize,
    entered: usize,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One more is under way, until what this gives is dropped.
    pub(crate) fn enter(&self) -> Metered {
        let mut reading = self.0.lock().unwrap();
        reading.now += 1;
        reading.entered += 1;
        reading.highest = reading.highest.max(reading.now);
        Metered(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.0.lock().unwrap().now
    }

    pub(crate) fn highest(&self) -> usize {
        self.0.lock().unwrap().highest
    }

    /// How many ever entered.
    pub(crate) fn entered(&self) -> usize {
        self.0.lock().unwrap().entered
    }
}

/// Made by `Meter::enter`.
pub(crate) struct Metered(Meter);

impl Drop for Metered {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().now -= 1;
    }
}

/// Counts the polls of futures. Clones are the same counter.
#[derive(Clone, Default)]
pub(crate) struct Polls(Arc<AtomicUsize>);

impl Polls {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The future, with its polls counted.
    pub(crate) async fn of<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.0.fetch_add(1, Ordering::SeqCst);
            future.as_mut().poll(cx)
        })
        .await
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
