//! Models: small pieces of the engine under every interleaving, checked by loom. `ci/loom.sh` runs them.
//!
//! - `wakes`: wakes against polls
//! - `cancels`: a cancel, and the end of the owner, against a poll
//! - `cleanups`: a cancel against the clean-up that it starts
//! - `graces`: the end of a grace that a child has for itself
//! - `keys`: the end of a child against a task that awaits its key or drops it
//! - `drivers`: drivers that are woken, that park and that are lost
//! - `references`: the last reference, on whatever thread
//! - `batches`: several children that a driver has taken at once, against other threads that need them meanwhile
//! - `wake_shards`: wakes that go by way of a shard
//!
//! Each has been seen to fail: docs/internals.md says on which faults.

mod batches;
mod cancels;
mod cleanups;
mod drivers;
mod graces;
mod keys;
mod references;
mod wake_shards;
mod wakes;

use std::cell::Cell;
use std::future::Future;
use std::panic::{set_hook, take_hook};
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Waker};

use crate::group::GatherGroup;
pub(crate) use crate::group::proofs::manual_spawner::{ManualSpawner, poll_once};
use crate::spawner::Job;
use crate::std_or_loom::UnsafeCell;
use crate::std_or_loom::atomic::AtomicUsize;

std::thread_local! {
    /// All threads of a model are one thread here.
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Runs `f` under each interleaving that takes a thread off at most three times before it has to wait.
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    model_within(3, f);
}

/// The same for another number, unless `LOOM_MAX_PREEMPTIONS` says one. The engine catches panics, and with them what loom
/// says: so there may be none.
pub(crate) fn model_within(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            print(info);
        }));
    });
    PANICS.set(0);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(move || {
        f();
        assert_eq!(PANICS.get(), 0, "something panicked, and it was caught");
    });
}

impl ManualSpawner {
    /// The job that was launched, polled once: it has parked.
    fn take_parked(&self) -> Job {
        let mut driver = self.take();
        assert!(poll_once(&mut driver).is_pending());
        driver
    }
}

/// Leaves a group that is over, or about to be.
fn leave(group: &GatherGroup) {
    loom::future::block_on(group.join());
}

/// What a child waits for, and what became of it.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<Seen>);

#[derive(Default)]
struct Seen {
    marks: AtomicUsize,
    /// Of the first poll.
    waker: Mutex<Option<Waker>>,
    dropped: std::sync::atomic::AtomicUsize,
}

impl Probe {
    /// A future that is over when it has seen so many marks.
    pub(crate) fn waits_for(&self, marks: usize) -> Waits {
        Waits {
            probe: self.clone(),
            marks,
            polled: false,
            own: UnsafeCell::new(()),
        }
    }

    /// Makes a mark that only a wake afterwards makes visible.
    pub(crate) fn mark(&self) {
        self.0.marks.fetch_add(1, Relaxed);
    }

    /// The waker of the first poll.
    pub(crate) fn waker(&self) -> Waker {
        let waker = self.0.waker.lock().unwrap();
        waker
            .clone()
            .expect("it was polled before the threads began")
    }

    /// The same, and keeps none.
    pub(crate) fn take_waker(&self) -> Waker {
        let mut waker = self.0.waker.lock().unwrap();
        waker
            .take()
            .expect("it was polled before the threads began")
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.dropped.load(Relaxed)
    }
}

/// A thread that makes a mark and wakes the child.
pub(crate) fn wake(probe: &Probe) -> loom::thread::JoinHandle<()> {
    let (probe, waker) = (probe.clone(), probe.waker());
    loom::thread::spawn(move || {
        probe.mark();
        waker.wake();
    })
}

pub(crate) struct Waits {
    probe: Probe,
    marks: usize,
    polled: bool,
    /// Touched by each poll and by the drop: by one at a time, each of which sees those before.
    own: UnsafeCell<()>,
}

impl Future for Waits {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let this = self.get_mut();
        this.own.with_mut(|_| ());
        let seen = &this.probe.0;
        if !this.polled {
            *seen.waker.lock().unwrap() = Some(cx.waker().clone());
        }
        this.polled = true;
        if seen.marks.load(Relaxed) < this.marks {
            return Poll::Pending;
        }
        Poll::Ready(7)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.own.with_mut(|_| ());
        self.probe.0.dropped.fetch_add(1, Relaxed);
    }
}
