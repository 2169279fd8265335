//! `QueueServices`: one service for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue_service::{DrainTimedOut, QueueService};
use crate::shows::shows;
use crate::std_or_loom::Lock;

type Start<K, T> = dyn Fn(&K) -> io::Result<QueueService<T>> + Send + Sync;
type Started<K, T> = Arc<HashMap<K, QueueService<T>>>;

/// One [`QueueService`] for each key, started when it is first asked for.
///
/// Dropped, it releases its services: they work off what was sent.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::bridge::{QueueServiceOptions, QueueServices};
///
/// let logs = QueueServices::new(|file: &&str| {
///     let file = file.to_string();
///     QueueServiceOptions::new()
///         .batch(10)
///         .start(move |lines: Vec<&str>| Ok::<_, String>(println!("{file}: {lines:?}")))
/// });
/// logs.get("access").unwrap().send("GET /").unwrap();
/// logs.get("error").unwrap().send("out of luck").unwrap();
/// logs.drain_timeout(Duration::from_secs(5)).unwrap();
/// ```
pub struct QueueServices<K, T> {
    start: Box<Start<K, T>>,
    /// Replaced as a whole: hashing and comparing keys is code of somebody else's, and runs without the lock.
    started: Lock<Started<K, T>>,
}

impl<K: Eq + Hash + Clone, T> QueueServices<K, T> {
    /// Services that are started by this function.
    pub fn new(start: impl Fn(&K) -> io::Result<QueueService<T>> + Send + Sync + 'static) -> Self {
        Self {
            start: Box::new(start),
            started: Lock::new(Arc::default()),
        }
    }

    /// The service of a key; one that was drained is replaced.
    ///
    /// # Errors
    ///
    /// If it could not be started.
    pub fn get(&self, key: K) -> io::Result<QueueService<T>> {
        let mut fresh = None;
        loop {
            let before = self.started();
            if let Some(service) = before.get(&key).filter(|service| !service.is_closed()) {
                return Ok(service.clone());
            }
            let service = match &fresh {
                Some(service) => QueueService::clone(service),
                None => fresh.insert((self.start)(&key)?).clone(),
            };
            let mut after = HashMap::clone(&before);
            after.insert(key.clone(), service.clone());
            let mut after = Arc::new(after);
            let mut started = self.started.lock();
            let unchanged = Arc::ptr_eq(&started, &before);
            if unchanged {
                std::mem::swap(&mut *started, &mut after);
            }
            drop(started);
            if unchanged {
                return Ok(service);
            }
        }
    }

    /// Drains all services, together within so much time.
    ///
    /// # Errors
    ///
    /// How many items are left in all of them, if that was not enough. It can be called again.
    pub fn drain_timeout(&self, limit: Duration) -> Result<(), DrainTimedOut> {
        let services = self.started();
        let until = Instant::now().checked_add(limit);
        // All are told first, so that they are drained at the same time.
        services.values().for_each(|service| drop(service.drain()));
        let mut all = true;
        for service in services.values() {
            let left = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            all &= service.drain_timeout(left).is_ok();
        }
        if all {
            return Ok(());
        }
        let left = services.values().map(QueueService::len).sum();
        Err(DrainTimedOut { left })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.started().len()
    }

    /// Whether none was asked for.
    pub fn is_empty(&self) -> bool {
        self.started().is_empty()
    }

    fn started(&self) -> Started<K, T> {
        Arc::clone(&self.started.lock())
    }
}

shows!([K, T] QueueServices<K, T>, ..);
