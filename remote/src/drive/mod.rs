//! What happens to the work of one call, from its submission to the end that the engine reports.
//!
//! - `wish`: how far its end has been asked for
//! - `ties`: what a call, its course and the reaper share
//! - `base`: what the calls of a remote scope share: the engine, the terms, the lease
//! - `course`: the course of one call
//! - `offspring`: the remote scopes that a job opens
//! - `reaper`: a thread that ends the work of calls that were dropped, and keeps the lease

mod base;
mod course;
mod offspring;
mod reaper;
mod ties;
mod wish;

pub(crate) use base::{Base, Terms};
pub(crate) use course::{Course, End, Unended, course};
pub(crate) use offspring::Offspring;
pub(crate) use reaper::{Gate, Orphan, Pass};
pub(crate) use ties::Ties;
pub(crate) use wish::Stage;
#[cfg(feature = "nats")]
pub(crate) use wish::Wish;
