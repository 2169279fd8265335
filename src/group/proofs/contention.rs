//! How often many drivers meet at the group's lock: counted, since two processors cannot show it by the clock.
//!
//! `cargo test --lib contention -- --nocapture` prints the counts.

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::thread;

use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};

use crate::group::GatherGroup;
use crate::park::park_until_ready;
use crate::spawner::{Job, SpawnError, Spawner};

/// As many drivers as on a machine with so many processors.
const DRIVERS: usize = 16;

/// A thread for each job.
#[derive(Clone)]
struct Threads;

impl Spawner for Threads {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        thread::spawn(|| park_until_ready(job));
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(DRIVERS).unwrap()
    }
}

/// Counts the polls of a future.
async fn counted<F: Future>(polls: Arc<AtomicUsize>, future: F) -> F::Output {
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        polls.fetch_add(1, Relaxed);
        future.as_mut().poll(cx)
    })
    .await
}

/// Runs children, and says how many critical sections there were for each poll, and for each child that was spawned.
fn sections<F>(what: &str, children: impl IntoIterator<Item = F>) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let polls = Arc::default();
    let group = GatherGroup::on(&Threads);
    for child in children {
        group.spawn(counted(Arc::clone(&polls), child));
    }
    let spawned = group.core().sections.get();
    park_until_ready(group.join());
    let sections = group.core().sections.get() - spawned;
    let polls = polls.load(Relaxed);
    let each = sections as f64 / polls as f64;
    println!(
        "{what}: {polls} polls, {sections} critical sections after the spawns, {each:.3} for each poll"
    );
    each
}

async fn yields(times: usize) {
    for _ in 0..times {
        let mut has_yielded = false;
        poll_fn(|cx| {
            if has_yielded {
                return Poll::Ready(());
            }
            has_yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// Two children that send each other a ball so many times.
fn players(times: usize) -> [impl Future<Output = ()> + Send + 'static; 2] {
    let ((to_left, left), (to_right, right)) = (mpsc::channel(1), mpsc::channel(1));
    let mut serve = to_left.clone();
    serve.try_send(()).unwrap();
    let play = move |mut from: mpsc::Receiver<()>, mut to: mpsc::Sender<()>| async move {
        for _ in 0..times {
            if from.next().await.is_none() {
                break;
            }
            // The other one may have had enough.
            let _ = to.send(()).await;
        }
    };
    [play(left, to_right), play(right, to_left)]
}

/// Where a driver is not run for a while the others have nothing to do and park, and are called at the lock. On a busy machine that
/// is often so, though not every time.
fn once_there_are_fewer_than(limit: f64, sections: impl Fn() -> f64) {
    let counts: Vec<f64> = (0..20)
        .map(|_| sections())
        .take_while(|each| *each >= limit)
        .collect();
    assert!(
        counts.len() < 20,
        "critical sections for each poll: {counts:?}"
    );
}

#[test]
fn drivers_meet_at_the_lock_once_for_many_polls() {
    once_there_are_fewer_than(0.2, || {
        sections("children that yield", (0..4_000).map(|_| yields(50)))
    });
}

#[test]
fn a_wake_by_a_sibling_needs_no_lock_while_all_drivers_are_busy() {
    once_there_are_fewer_than(0.75, || {
        let players = (0..2_000).flat_map(|_| players(50));
        sections("children that wake each other", players)
    });
}
