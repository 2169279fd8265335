//! What a remote child may end with instead of a value.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::engine::EngineError;
use crate::ticket::Ticket;

/// Why a remote child has no value.
///
/// It says whose work it was, and keeps what is known: the code and the number of tries of a job that failed, the text of a value
/// that does not decode, the error of the engine.
#[derive(Clone)]
pub struct RemoteError(Box<Parts>);

#[derive(Clone)]
struct Parts {
    kind: RemoteErrorKind,
    ticket: Ticket,
    code: Option<u16>,
    tries: u32,
    message: String,
    payload: Option<Vec<u8>>,
    is_unjoined: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of [`RemoteError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemoteErrorKind {
    /// The job failed for good; there is a code, and the number of tries where the engine says it.
    Failed,
    /// Somebody else cancelled it at the engine, or its scope's lease ran out.
    Cancelled,
    /// Somebody else killed it at the engine.
    Killed,
    /// The engine could not be reached for too long, so it is not known whether the work is over. It is neither failed nor cancelled.
    Unreachable,
    /// No worker has told the engine of this job.
    UnknownJob,
    /// The input could not be written as JSON; nothing was submitted.
    Encode,
    /// The value is not what the job promises; [`payload`](RemoteError::payload) has it.
    Decode,
    /// The input is larger than the engine takes; nothing was started.
    TooLarge,
    /// The engine does not know the work: its result was kept no longer, or somebody removed it.
    Lost,
    /// The engine refused for another reason, or its code panicked.
    Refused,
    /// The [`Remote`](crate::Remote) was closed before; nothing was submitted.
    Closed,
}

impl RemoteError {
    pub(crate) fn new(kind: RemoteErrorKind, ticket: Ticket) -> Self {
        Self(Box::new(Parts {
            kind,
            ticket,
            code: None,
            tries: 0,
            message: String::new(),
            payload: None,
            is_unjoined: false,
            source: None,
        }))
    }

    pub(crate) fn failed(ticket: Ticket, code: u16, message: String, tries: u32) -> Self {
        let mut error = Self::new(RemoteErrorKind::Failed, ticket);
        error.0.code = Some(code);
        error.0.tries = tries;
        error.0.message = message;
        error
    }

    pub(crate) fn with_source(mut self, source: Arc<dyn Error + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    pub(crate) fn with_payload(mut self, payload: Vec<u8>) -> Self {
        self.0.payload = Some(payload);
        self
    }

    pub(crate) fn of_engine(ticket: Ticket, error: Arc<EngineError>, is_unjoined: bool) -> Self {
        use crate::engine::EngineErrorKind as E;
        let kind = match error.kind() {
            E::Unreachable | E::Interrupted => RemoteErrorKind::Unreachable,
            E::UnknownJob => RemoteErrorKind::UnknownJob,
            E::TooLarge => RemoteErrorKind::TooLarge,
            E::Lost => RemoteErrorKind::Lost,
            E::Refused | E::Panicked => RemoteErrorKind::Refused,
        };
        let mut unended = Self::new(kind, ticket).with_source(error);
        unended.0.is_unjoined = is_unjoined;
        unended
    }

    /// What kind of end it was.
    pub fn kind(&self) -> RemoteErrorKind {
        self.0.kind
    }

    /// Whose work it was.
    pub fn ticket(&self) -> &Ticket {
        &self.0.ticket
    }

    /// The status code of a job that failed.
    pub fn code(&self) -> Option<u16> {
        self.0.code
    }

    /// How often the job was tried; 0 where the engine does not say.
    pub fn tries(&self) -> u32 {
        self.0.tries
    }

    /// What the job said.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The value that did not decode, as it came.
    pub fn payload(&self) -> Option<&[u8]> {
        self.0.payload.as_deref()
    }

    /// Is it unknown whether the work is over? The scope has left it behind, and the engine ends it when the lease runs out.
    ///
    /// So it is if the engine was [unreachable](RemoteErrorKind::Unreachable), or had taken the work and then
    /// [refused](RemoteErrorKind::Refused) to say how it ends.
    pub fn is_unjoined(&self) -> bool {
        self.0.is_unjoined
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { ticket, .. } = &*self.0;
        match self.kind() {
            RemoteErrorKind::Failed => {
                write!(f, "{ticket} failed")?;
                if let Some(code) = self.code() {
                    write!(f, " with {code}")?;
                }
                match self.tries() {
                    0 => {}
                    1 => f.write_str(" at the first try")?,
                    tries => write!(f, " after {tries} tries")?,
                }
                write!(f, ": {}", self.message())?;
            }
            RemoteErrorKind::Cancelled => write!(f, "{ticket} was cancelled at the engine")?,
            RemoteErrorKind::Killed => write!(f, "{ticket} was killed at the engine")?,
            RemoteErrorKind::Unreachable => {
                write!(f, "{ticket} was not joined, since its end was not heard of")?;
            }
            RemoteErrorKind::UnknownJob => write!(f, "{ticket} was not started")?,
            RemoteErrorKind::Encode => write!(f, "the input of {ticket} cannot be written")?,
            RemoteErrorKind::Decode => write!(f, "the value of {ticket} cannot be read")?,
            RemoteErrorKind::TooLarge => write!(f, "the input of {ticket} was not taken")?,
            RemoteErrorKind::Lost => write!(f, "{ticket} has no result")?,
            RemoteErrorKind::Refused if self.0.is_unjoined => {
                write!(
                    f,
                    "{ticket} was not joined, since the engine refused to say more"
                )?;
            }
            RemoteErrorKind::Refused => write!(f, "{ticket} was refused")?,
            RemoteErrorKind::Closed => {
                write!(f, "{ticket} was not submitted, since the remote is closed")?;
            }
        }
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteError({:?}: {self})", self.kind())
    }
}

impl Error for RemoteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Why it is not sure that nothing is left of a [`Remote`](crate::Remote).
#[derive(Clone)]
pub struct CloseError {
    pub(crate) unjoined: Vec<Ticket>,
    pub(crate) source: Option<Arc<EngineError>>,
}

impl CloseError {
    /// The work of which no end was heard.
    pub fn unjoined(&self) -> &[Ticket] {
        &self.unjoined
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.unjoined {
            [] => f.write_str("the engine was not told that the scope is over")?,
            [first, rest @ ..] => {
                write!(f, "the end of {first}")?;
                match rest.len() {
                    0 => {}
                    more => write!(f, " and of {more} more")?,
                }
                f.write_str(" was not heard of")?;
            }
        }
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseError({self}; {:?})", self.unjoined)
    }
}

impl Error for CloseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
