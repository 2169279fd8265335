//! The worker's side: a job with the token, the deadline, the scope and the context of its call.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use ingather::{CancelToken, ContextSnapshot, CutShort, Deadline, GroupOptions};

use crate::carry::Carried;
use crate::slip::Slip;
use crate::ticket::ScopeId;

/// A piece of work where it is done: whose it is, and until when it is of use.
///
/// [`run`](Self::run) runs the job in a scope of ingather's. Inside, [`current_token`](ingather::current_token) turns when the work is
/// cancelled, [`current_deadline`](ingather::current_deadline) is the owner's, and the context variables that travel are set.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, current_deadline};
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

    /// Runs the job, with its token, deadline and context, and everything that it opens inside.
    ///
    /// # Errors
    ///
    /// If it was cancelled, its time was up, or it panicked.
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
        let scope = options.inline_scope_or_cut(|_tg| async move { job().await });
        match AssertUnwindSafe(context.scope(scope)).catch_unwind().await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(cut)) => Err(WorkError::Cut(cut)),
            Err(panic) => Err(WorkError::Panicked(text_of(&*panic))),
        }
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a payload that is not a text".to_owned()
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
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(cut) => cut.fmt(f),
            Self::Panicked(text) => write!(f, "the job panicked: {text}"),
        }
    }
}

impl Error for WorkError {}
