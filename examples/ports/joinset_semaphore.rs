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

use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use ingather::types::KeyId;
use ingather::{GatherGroup, GroupOptions, Key};
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

/// After: the limit belongs to the group, and each value is with its key.
struct WithGroup<T> {
    group: GatherGroup,
    keys: HashMap<KeyId, Key<T>>,
}

impl<T: Send + 'static> WithGroup<T> {
    fn new(limit: usize) -> Self {
        let group = GroupOptions::new().name("task set").limit(limit).group();
        let keys = HashMap::new();
        Self { group, keys }
    }

    /// Waits for a slot. The values stay with the keys.
    async fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) {
        let key = self.group.spawn_when_free(future).await;
        self.keys.insert(key.id(), key);
    }

    async fn join_next(&mut self) -> Option<T> {
        loop {
            let id = self.group.next_if_any().await?.id();
            let key = id.and_then(|id| self.keys.remove(&id));
            if let Some(value) = key.and_then(|key| self.group.take_result(key).ok()) {
                return Some(value);
            }
        }
    }

    async fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::new();
        while let Some(value) = self.join_next().await {
            values.push(value);
        }
        self.group.join().await;
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
