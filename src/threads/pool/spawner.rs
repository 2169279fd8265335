//! A pool as a spawner: for children that block their thread.
//!
//! A job is queued when it is woken, and polled once by the thread that takes it. A job that is queued, being polled, or both, is
//! in one of the states below; a wake during a poll has it queued again afterwards.

use std::num::NonZeroUsize;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::BlockingPool;
use super::shared::Shared;
use super::work::{JobInfo, Why, Work};
use super::worker::here;
use crate::error::unhandled::drop_quietly;
use crate::panic::catch;
use crate::spawner::{Job, SpawnError, Spawner, SpawnerHandle};
use crate::threads::stop::Stop;

impl Spawner for BlockingPool {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let shared = Arc::clone(self.shared());
        let spawned = Arc::new(Spawned {
            shared,
            job: Mutex::new(Some(job)),
            state: AtomicU8::new(QUEUED),
            refused: Mutex::new(None),
        });
        let refused = match spawned.shared.submit(spawned.clone()) {
            Ok(()) => spawned.refusal(),
            Err(why) => {
                spawned.drop_job();
                Some(why)
            }
        };
        match refused {
            None => Ok(()),
            Some(Why::Closed) => Err(SpawnError::shut_down()),
            Some(Why::NoThread(error)) => Err(SpawnError::new(format!(
                "the pool has no thread and cannot start one ({error}); make room for a thread and spawn again"
            ))),
        }
    }

    fn parallelism(&self) -> NonZeroUsize {
        let most = self.shared().state().most;
        NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN)
    }

    fn is_current(&self) -> bool {
        here(self.shared()).is_some()
    }
}

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const POLLED: u8 = 2;
const WOKEN: u8 = 3;

struct Spawned {
    shared: Arc<Shared>,
    /// `None` while it is polled, and when it is over.
    job: Mutex<Option<Job>>,
    state: AtomicU8,
    refused: Mutex<Option<Why>>,
}

impl Spawned {
    fn take_job(&self) -> Option<Job> {
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        job.take()
    }

    fn drop_job(&self) {
        drop_quietly("a job of a pool", self.take_job());
    }

    fn refusal(&self) -> Option<Why> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.take()
    }

    /// Queues it; where the pool is closed it is dropped.
    fn queue(self: Arc<Self>) {
        if self.shared.submit(self.clone()).is_err() {
            self.drop_job();
        }
    }
}

impl Work for Spawned {
    fn run(self: Arc<Self>) {
        // Acquire: what was done before the wake is seen by the poll.
        self.state.swap(POLLED, Ordering::AcqRel);
        let Some(mut job) = self.take_job() else {
            return;
        };
        let waker = Waker::from(Arc::clone(&self));
        let polled = catch(|| job.as_mut().poll(&mut Context::from_waker(&waker)));
        if !matches!(polled, Ok(Poll::Pending)) {
            // Nobody waits for the panic of a job.
            drop_quietly("a job of a pool", job);
            return;
        }
        let mut place = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(job);
        drop(place);
        let idle = self
            .state
            .compare_exchange(POLLED, IDLE, Ordering::AcqRel, Ordering::Acquire);
        if idle.is_err() {
            self.state.store(QUEUED, Ordering::Release);
            self.queue();
        }
    }

    fn refuse(&self, why: Why) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.drop_job();
    }

    fn info(&self) -> JobInfo {
        JobInfo::new(
            Some("a job of the pool as a spawner".into()),
            Location::caller(),
        )
    }

    fn stop(&self) -> Option<&Stop> {
        None
    }

    fn spawner(&self) -> Option<&SpawnerHandle> {
        None
    }
}

impl Wake for Spawned {
    fn wake(self: Arc<Self>) {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let next = match state {
                IDLE => QUEUED,
                POLLED => WOKEN,
                _ => return,
            };
            match self
                .state
                .compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(IDLE) => return self.queue(),
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }
}
