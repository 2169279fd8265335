//! `Worker`: runs jobs that come over NATS JetStream.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use ingather::GroupOptions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::keeper;
use super::places;
use super::shift::{self, Desk};
use super::store::Store;
use super::wishes::Wishes;
use crate::carry::Carried;
use crate::engine::{EngineError, EngineErrorKind};
use crate::job::Job;
use crate::job_error::JobError;
use crate::work::Work;

const SILENCE: Duration = Duration::from_secs(10);
const TRIES: u32 = 5;
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Vec<u8>, JobError>> + Send>>;
pub(super) type Handler = Arc<dyn Fn(Vec<u8>, Work) -> Answer + Send + Sync>;

/// Runs jobs that come over NATS JetStream, and ends the scopes whose owners are lost.
///
/// Each job runs as a child on the tokio runtime, in a scope with the token, the deadline and the context of its call; see
/// [`Work::run`]. The token turns when the work is cancelled; a job that goes on all the same is dropped when it is killed.
///
/// Work is delivered at least once: a job may run again after its worker was lost, and an old run whose worker was only thought lost may
/// overlap with the new one until it notices. Only one of them gives the result.
///
/// # Examples
///
/// ```no_run
/// use ingather_remote::nats::Worker;
/// use ingather_remote::{Job, JobError};
///
/// static DOUBLE: Job<u32, u32> = Job::new("Numbers/double");
///
/// # async fn work() -> Result<(), Box<dyn std::error::Error>> {
/// let client = async_nats::connect("127.0.0.1:4222").await?;
/// let worker = Worker::new(client).on(&DOUBLE, |n, _work| async move { Ok::<_, JobError>(2 * n) });
/// worker.run().await?;
/// # Ok(())
/// # }
/// ```
pub struct Worker {
    client: Client,
    handlers: HashMap<&'static str, Handler>,
    terms: Terms,
    on_ready: Option<Box<dyn FnOnce() + Send>>,
}

#[derive(Clone)]
pub(super) struct Terms {
    pub(super) carried: Carried,
    pub(super) limit: usize,
    pub(super) silence: Duration,
    pub(super) tries: u32,
    pub(super) pause: Duration,
}

impl Worker {
    /// A worker without jobs, that runs at most 64 pieces of each at a time.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            handlers: HashMap::new(),
            terms: Terms {
                carried: Carried::new(),
                limit: 64,
                silence: SILENCE,
                tries: TRIES,
                pause: Duration::from_millis(500),
            },
            on_ready: None,
        }
    }

    /// Runs this job, too.
    pub fn on<I, O, F, Fut>(mut self, job: &Job<I, O>, handler: F) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize,
        F: Fn(I, Work) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, JobError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let run = move |input: Vec<u8>, work: Work| {
            let handler = Arc::clone(&handler);
            let answer: Answer = Box::pin(async move {
                let input = serde_json::from_slice(&input);
                let input = input.map_err(|error| JobError::fatal(400, error.to_string()))?;
                let output = handler(input, work).await?;
                let output = serde_json::to_vec(&output);
                output.map_err(|error| JobError::fatal(500, error.to_string()))
            });
            answer
        };
        self.handlers.insert(job.name(), Arc::new(run));
        self
    }

    /// Sets these context variables for jobs, where the owner has them travel.
    pub fn carry(mut self, carried: Carried) -> Self {
        self.terms.carried = carried;
        self
    }

    /// Runs at most so many pieces of each job at a time; 64 unless it is given.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a worker runs at least one job at a time");
        self.terms.limit = limit;
        self
    }

    /// A worker that has not been heard of for so long has lost its work, which another one gets; 10 seconds unless it is
    /// given. All workers of a job are told the same.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.terms.silence = silence;
        self
    }

    /// A job that fails to be tried again, or whose workers are lost, is tried so often; 5 times unless it is given.
    pub fn tries(mut self, tries: u32) -> Self {
        self.terms.tries = tries.max(1);
        self
    }

    /// The time between two tries; half a second unless it is given.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.terms.pause = pause;
        self
    }

    /// Calls this once the engine knows the jobs of this worker.
    pub fn on_ready(mut self, call: impl FnOnce() + Send + 'static) -> Self {
        self.on_ready = Some(Box::new(call));
        self
    }

    /// Works for ever. Dropped, it drops its jobs, which others get after the [silence](Self::silence).
    ///
    /// # Errors
    ///
    /// If the streams or consumers cannot be created at the beginning. A server that goes away later is waited for.
    ///
    /// # Panics
    ///
    /// If it is not polled in a tokio runtime.
    pub async fn run(self) -> Result<(), EngineError> {
        let store = Store::open(self.client.clone()).await?;
        // All wishes that are there are known before the first job begins.
        let (wishes, watch) = Wishes::watch(&store).await?;
        let mut shifts = Vec::new();
        for (&job, handler) in &self.handlers {
            let consumer = consumer(&store, job, self.terms.silence).await?;
            let desk = Desk {
                store: store.clone(),
                wishes: Arc::clone(&wishes),
                terms: self.terms.clone(),
                handler: Arc::clone(handler),
            };
            shifts.push((consumer, Arc::new(desk)));
        }
        if let Some(call) = self.on_ready {
            call();
        }
        let options = GroupOptions::new().name("worker").on(&Handle::current());
        options
            .scope(|tg| async move {
                tg.child().background().spawn(keeper::keep(store));
                tg.child().background().spawn(watch);
                for (consumer, desk) in shifts {
                    tg.spawn(shift::work(consumer, desk, tg.clone()));
                }
            })
            .await;
        Ok(())
    }
}

type PullConsumer = Consumer<pull::Config>;

async fn consumer(
    store: &Store,
    job: &str,
    silence: Duration,
) -> Result<PullConsumer, EngineError> {
    let name = places::consumer(job);
    let config = pull::Config {
        durable_name: Some(name.clone()),
        filter_subject: places::jobs_named(job),
        ack_policy: AckPolicy::Explicit,
        ack_wait: silence,
        max_deliver: -1,
        max_ack_pending: 100_000,
        ..Default::default()
    };
    let consumer = store.jobs.get_or_create_consumer(&name, config).await;
    consumer.map_err(|error| EngineError::new(EngineErrorKind::Refused, error))
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut jobs: Vec<_> = self.handlers.keys().collect();
        jobs.sort_unstable();
        f.debug_struct("Worker")
            .field("jobs", &jobs)
            .finish_non_exhaustive()
    }
}
