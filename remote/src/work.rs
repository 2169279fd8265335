//! The worker's side: a job with the token, the deadline, the scope and the context of its call.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use ingather::types::ContextSnapshot;
use ingather::{CancelToken, CutShort, Deadline, GroupOptions};

use crate::carry::Carried;
use crate::drive::Offspring;
use crate::error::CloseError;
use crate::panic_text::panic_text;
use crate::remote::{Remote, RemoteOptions};
use crate::slip::Slip;
use crate::ticket::ScopeId;

/// A piece of work where it is done: whose it is, and until when it is of use.
///
/// [`run`](Self::run) runs the job in a scope of ingather's. Inside, [`current_token`](ingather::current_token) turns when the work is
/// cancelled, [`current_deadline`](ingather::cancel::current_deadline) is the owner's, and the context variables that travel are set.
///
/// # Examples
///
/// ```
/// use ingather::cancel::current_deadline;
/// use ingather::block_on;
/// use ingather_remote::Work;
///
/// // As a handler of an SDK gets it with the work, in the header `ingather`.
/// let work = Work::read(Some(r#"{"scope":"nightly","number":7}"#));
/// assert_eq!(work.number(), Some(7));
/// let done = block_on(work.run(|| async { current_deadline().is_never() }));
/// assert!(done.unwrap());
/// ```
#[derive(Clone)]
pub struct Work {
    slip: Option<Slip>,
    carried: Carried,
    token: CancelToken,
    grace: Duration,
    pub(crate) offspring: Offspring,
}

impl Work {
    /// Work with the slip that came along with it; see [`Submission::slip`](crate::Submission::slip). Work that was
    /// submitted by something else than ingather has none, and runs all the same.
    pub fn read(slip: Option<&str>) -> Self {
        Self {
            slip: slip.and_then(Slip::read),
            carried: Carried::new(),
            token: CancelToken::new(),
            grace: Duration::ZERO,
            offspring: Offspring::default(),
        }
    }

    /// Sets these context variables for the job, where the owner has them travel.
    pub fn carry(mut self, carried: Carried) -> Self {
        self.carried = carried;
        self
    }

    /// Cancels the job with this token.
    pub fn token(mut self, token: CancelToken) -> Self {
        self.token = token;
        self
    }

    /// Leaves a job that is cancelled so much time to come to an end. None unless it is given.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The scope that it belongs to.
    pub fn scope(&self) -> Option<ScopeId> {
        ScopeId::parse(&self.slip.as_ref()?.scope)
    }

    /// Its number among the children of the scope.
    pub fn number(&self) -> Option<u64> {
        Some(self.slip.as_ref()?.number)
    }

    /// Until when it is of use, by the clocks of both machines.
    pub fn deadline(&self) -> Deadline {
        let until = self.slip.as_ref().and_then(Slip::deadline);
        until.map_or(Deadline::NEVER, |until| {
            let left = until.duration_since(SystemTime::now());
            Deadline::after(left.unwrap_or_default())
        })
    }

    /// A remote scope for the calls that the job makes itself. The job is over when they are: at its end the scope is closed, and
    /// what the job has dropped is ended first. If the worker is lost, the lease of the scope runs out.
    ///
    /// A job that waits for others of its own name needs a worker with room for both.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "nats")] {
    /// use ingather::try_scope;
    /// use ingather_remote::nats::{Nats, Worker};
    /// use ingather_remote::{Job, JobError, RemoteOptions};
    ///
    /// static HALF: Job<u32, u32> = Job::new("Numbers/half");
    /// static SUM: Job<u32, u32> = Job::new("Numbers/sum");
    ///
    /// async fn work() -> Result<(), Box<dyn std::error::Error>> {
    ///     let client = async_nats::connect("127.0.0.1:4222").await?;
    ///     let engine = Nats::on(client.clone()).await?;
    ///     let sum = move |n, work: ingather_remote::Work| {
    ///         let far = work.remote(RemoteOptions::new(engine.clone()));
    ///         async move {
    ///             let halves = try_scope(|tg| async move {
    ///                 let [a, b] = [n, n].map(|n| tg.try_spawn(far.call(&HALF, n)));
    ///                 Ok(a.await.unwrap_or(0) + b.await.unwrap_or(0))
    ///             });
    ///             Ok::<_, JobError>(halves.await?)
    ///         }
    ///     };
    ///     Worker::new(client).on(&SUM, sum).run().await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn remote(&self, options: RemoteOptions) -> Remote {
        let remote = options.open();
        self.offspring.add(Arc::clone(&remote.gate));
        remote
    }

    /// Runs the job, with its token, deadline and context, and everything that it opens inside.
    ///
    /// # Errors
    ///
    /// If it was cancelled, its time was up, it panicked, or the end of its own [calls](Self::remote) was not heard of.
    pub async fn run<F, Fut>(self, job: F) -> Result<Fut::Output, WorkError>
    where
        F: FnOnce() -> Fut,
        Fut: Future,
    {
        let context = match &self.slip {
            Some(slip) => self.carried.read(&slip.context),
            None => ContextSnapshot::current(),
        };
        let options = GroupOptions::new()
            .name("remote work")
            .grace(self.grace)
            .deadline(self.deadline())
            .token(&self.token);
        let scope = options.inline().scope_or_cut(|_tg| async move { job().await });
        let end = AssertUnwindSafe(context.scope(scope)).catch_unwind().await;
        let left = self.offspring.over().await;
        match end {
            Ok(Ok(output)) => left.map(|()| output).map_err(WorkError::Unjoined),
            Ok(Err(cut)) => Err(WorkError::Cut(cut)),
            Err(panic) => Err(WorkError::Panicked(panic_text(&*panic))),
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("scope", &self.scope())
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}

/// Why a job gave nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkError {
    /// It was cancelled, or its time was up.
    Cut(CutShort),
    /// It panicked with this text.
    Panicked(String),
    /// The end of its own calls was not heard of.
    Unjoined(CloseError),
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(cut) => cut.fmt(f),
            Self::Panicked(text) => write!(f, "the job panicked: {text}"),
            Self::Unjoined(left) => left.fmt(f),
        }
    }
}

impl Error for WorkError {}
