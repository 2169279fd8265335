//! `Engine`: what is asked of whatever delivers work to workers and keeps its results.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::slip::{Known, Slip};
use crate::ticket::{ScopeId, Ticket};

/// The answer of an engine, later.
pub type Reply<T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send>>;

/// What delivers work to workers, retries it and keeps its results.
///
/// Every operation is idempotent: it may be repeated when its answer was lost. None of them has to be repeated by the engine itself;
/// an error that [is unreachable](EngineError::is_unreachable) says that asking again may help, and [`Remote`](crate::Remote) does
/// that.
pub trait Engine: Send + Sync + 'static {
    /// Hands work over. A second submission with the same [key](Ticket::key) starts nothing and gives the same ticket.
    fn submit(&self, call: Arc<Submission>) -> Reply<Ticket>;

    /// Waits until the work is over, and says how it ended. Any number may wait, and may ask again.
    fn attach(&self, ticket: &Ticket) -> Reply<Ending>;

    /// The two in one, where that asks the engine for less: hands work over, and waits for its end for a while.
    ///
    /// With no end to tell for whatever reason it gives `None`, and is then asked step by step, as it is when the work is to end. An error
    /// is one of [`submit`](Self::submit). Where this gives no future at all, nothing was handed over.
    fn submit_and_attach(&self, call: &Arc<Submission>) -> Option<Reply<Option<(Ticket, Ending)>>> {
        let _ = call;
        None
    }

    /// Asks the work to end. It is asked again after a while, since nobody may have been there to hear it.
    fn cancel(&self, ticket: &Ticket) -> Reply<()>;

    /// Ends the work at once, or as soon as the engine can be sure that it is over.
    fn kill(&self, ticket: &Ticket) -> Reply<()>;

    /// The children of a scope that are not over: queued, running or waiting to be tried again.
    fn live(&self, scope: &ScopeId) -> Reply<Vec<Ticket>>;

    /// Tells the engine that the owner of a scope is alive. If that is not repeated within the lease, the engine's side cancels the
    /// children of the scope, and kills those that are not over when the grace has passed too.
    fn renew(&self, scope: &ScopeId, lease: Lease) -> Reply<()>;

    /// Tells the engine that the owner has left in order and that the scope has no children.
    fn leave(&self, scope: &ScopeId) -> Reply<()>;
}

impl<E: Engine + ?Sized> Engine for Arc<E> {
    fn submit(&self, call: Arc<Submission>) -> Reply<Ticket> {
        (**self).submit(call)
    }

    fn attach(&self, ticket: &Ticket) -> Reply<Ending> {
        (**self).attach(ticket)
    }

    fn submit_and_attach(&self, call: &Arc<Submission>) -> Option<Reply<Option<(Ticket, Ending)>>> {
        (**self).submit_and_attach(call)
    }

    fn cancel(&self, ticket: &Ticket) -> Reply<()> {
        (**self).cancel(ticket)
    }

    fn kill(&self, ticket: &Ticket) -> Reply<()> {
        (**self).kill(ticket)
    }

    fn live(&self, scope: &ScopeId) -> Reply<Vec<Ticket>> {
        (**self).live(scope)
    }

    fn renew(&self, scope: &ScopeId, lease: Lease) -> Reply<()> {
        (**self).renew(scope, lease)
    }

    fn leave(&self, scope: &ScopeId) -> Reply<()> {
        (**self).leave(scope)
    }
}

/// Work as it is handed to an engine.
#[derive(Debug)]
pub struct Submission {
    pub(crate) ticket: Ticket,
    /// An engine may be given it again, and shares it.
    pub(crate) input: Bytes,
    pub(crate) slip: Slip<Known>,
}

impl Submission {
    /// Whose work it is, without the engine's own name for it.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The part of the job's name before the slash.
    pub fn service(&self) -> &str {
        self.ticket
            .job()
            .split_once('/')
            .map_or("", |(service, _)| service)
    }

    /// The part of the job's name after the slash.
    pub fn handler(&self) -> &str {
        self.ticket
            .job()
            .split_once('/')
            .map_or("", |(_, handler)| handler)
    }

    /// The input, as JSON.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// The latest time at which the result is of use.
    pub fn deadline(&self) -> Option<SystemTime> {
        self.slip.deadline()
    }

    /// Scope, number, deadline and context in one line of ASCII, for a header that goes along with the work. The worker's side
    /// reads it with [`Work::read`](crate::Work::read).
    pub fn slip(&self) -> String {
        self.slip.to_line()
    }
}

/// How long a scope lives without its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The longest time between two renewals.
    pub length: Duration,
    /// The time between the cancel of the children and their kill, once the lease has run out.
    pub grace: Duration,
}

/// How work ended, as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a value, as JSON.
    Value(Vec<u8>),
    /// With an error of the job, after so many tries as are known.
    Failed {
        /// A status code, as of HTTP.
        code: u16,
        /// What the job said.
        message: String,
        /// How often it was tried; 0 where the engine does not say.
        tries: u32,
    },
    /// It was asked to end, and did.
    Cancelled,
    /// It was ended from outside.
    Killed,
}

/// Why an engine could not do what it was asked.
#[derive(Debug)]
pub struct EngineError {
    kind: EngineErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What kind of thing went wrong at an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineErrorKind {
    /// There is no connection to it. Asking again may help.
    Unreachable,
    /// There was a connection to it, which was lost before the answer. Asking again may help.
    Interrupted,
    /// No worker has told it of this job.
    UnknownJob,
    /// The input is larger than it takes.
    TooLarge,
    /// It does not know the work: its result was kept no longer, or somebody removed it.
    Lost,
    /// It refuses for another reason.
    Refused,
    /// Its code panicked, so that it is not known what it has done.
    Panicked,
}

impl EngineError {
    /// An error of this kind, and where it comes from.
    pub fn new(kind: EngineErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> EngineErrorKind {
        self.kind
    }

    /// Whether asking again may help.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self.kind,
            EngineErrorKind::Unreachable | EngineErrorKind::Interrupted
        )
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            EngineErrorKind::Unreachable => "the engine cannot be reached",
            EngineErrorKind::Interrupted => "the connection to the engine was lost",
            EngineErrorKind::UnknownJob => "no worker has told the engine of this job",
            EngineErrorKind::TooLarge => "the input is larger than the engine takes",
            EngineErrorKind::Lost => "the engine does not know the work",
            EngineErrorKind::Refused => "the engine refuses",
            EngineErrorKind::Panicked => "the code of the engine panicked",
        };
        write!(f, "{what}: {}", self.source)
    }
}

impl Error for EngineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
