//! A task set with a limit, once as tokio's `JoinSet` with a semaphore and once as a group, with the same methods.
//!
//! The shape is that of the parallel task set of Oxide's omicron: `spawn` waits for a slot, `join_next` and `join_all` give the
//! values, and dropping the set ends the tasks. `JoinSet` asks its tasks to stop and returns; the group has dropped them.
//!
//! Prints:
//!
//! ```text
//! JoinSet: 200 values, at most 8 tasks at a time
//! group: 200 values, at most 8 tasks at a time
//! group, dropped: 0 of 8 tasks are left
//! ```

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use ingather::{GroupOptions, JoinGroup};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Before: a permit for each task, which the task holds until it is over.
struct WithSemaphore<T> {
    permits: Arc<Semaphore>,
    set: JoinSet<T>,
}

impl<T: Send + 'static> WithSemaphore<T> {
    fn new(limit: usize) -> Self {
        let permits = Arc::new(Semaphore::new(limit));
        let set = JoinSet::new();
        Self { permits, set }
    }

    /// Waits for a slot. The values stay in the set.
    async fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        self.set.spawn(async move {
            let _permit = permit.expect("nobody closes it");
            future.await
        });
    }

    async fn join_next(&mut self) -> Option<T> {
        let next = self.set.join_next().await?;
        Some(next.expect("no task panics or is aborted"))
    }

    async fn join_all(self) -> Vec<T> {
        self.set.join_all().await
    }
}

/// After: the limit belongs to the group.
struct WithGroup<T>(JoinGroup<T>);

impl<T: Send + 'static> WithGroup<T> {
    fn new(limit: usize) -> Self {
        let options = GroupOptions::new().name("task set").limit(limit);
        Self(JoinGroup::with_options(options))
    }

    /// Waits for a slot. The values stay in the group.
    async fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) {
        self.0.spawn_when_free(future).await;
    }

    async fn join_next(&mut self) -> Option<T> {
        let (_, outcome) = self.0.next().await?;
        Some(outcome.ok().expect("no task panics or is cancelled"))
    }

    async fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::new();
        while let Some(value) = self.join_next().await {
            values.push(value);
        }
        values
    }
}

/// A task that says how many were at work while it was.
async fn work(at_work: Arc<AtomicUsize>) -> usize {
    let seen = at_work.fetch_add(1, SeqCst) + 1;
    sleep(Duration::from_millis(1)).await;
    at_work.fetch_sub(1, SeqCst);
    seen
}

#[tokio::main]
async fn main() {
    let at_work = Arc::new(AtomicUsize::new(0));

    let mut set = WithSemaphore::new(8);
    for _ in 0..200 {
        set.spawn(work(Arc::clone(&at_work))).await;
    }
    let mut seen = Vec::from_iter(set.join_next().await);
    seen.extend(set.join_all().await);
    let most = seen.iter().max().expect("it is not empty");
    println!(
        "JoinSet: {} values, at most {most} tasks at a time",
        seen.len()
    );

    let mut set = WithGroup::new(8);
    for _ in 0..200 {
        set.spawn(work(Arc::clone(&at_work))).await;
    }
    let mut seen = Vec::from_iter(set.join_next().await);
    seen.extend(set.join_all().await);
    let most = seen.iter().max().expect("it is not empty");
    println!(
        "group: {} values, at most {most} tasks at a time",
        seen.len()
    );

    let held = Arc::new(());
    let mut set = WithGroup::new(8);
    for _ in 0..8 {
        let held = Arc::clone(&held);
        set.spawn(async move {
            let _held = held;
            pending::<()>().await;
        })
        .await;
    }
    sleep(Duration::from_millis(10)).await; // none is in the middle of a poll
    drop(set);
    let left = Arc::strong_count(&held) - 1;
    println!("group, dropped: {left} of 8 tasks are left");
}
