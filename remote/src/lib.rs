#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod call;
mod carry;
mod drive;

mod engine;
mod error;
mod job;
mod job_error;
#[cfg(feature = "nats")]
pub mod nats;
mod panic_text;
mod remote;
#[cfg(feature = "restate")]
pub mod restate;
mod slip;
mod ticket;
#[cfg(any(feature = "nats", feature = "restate"))]
mod tokio_side;
mod work;

pub use call::Call;
pub use carry::Carried;
pub use engine::{Ending, Engine, EngineError, EngineErrorKind, Lease, Reply, Submission};
pub use error::{CloseError, RemoteError, RemoteErrorKind};
pub use job::Job;
pub use job_error::JobError;
pub use remote::{OnLost, Remote, RemoteOptions};
pub use ticket::{ScopeId, Ticket};
pub use work::{Work, WorkError};
